"""Groups of agents as a scenario file says them: one shape for each way of life."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sim.core.units import PPM
from sim.scenario.literals import (
    Duration,
    Name,
    PositiveCount,
    PositiveDuration,
    Price,
    Share,
    Text,
)
from sim.scenario.strict import Strict


class OnDenial(Strict):
    """What a refused agent does; the shares must sum to 1."""

    give_up: Share = Field(PPM, description="It ends the task.")
    retry: Share = Field(0, description="It makes the call again.")
    other_path: Share = Field(0, description="It makes the call on another path.")


class Step(Strict):
    """One entry of a script."""

    at: Duration = Field(description="When, from the begin of the replication.")
    call: Name = Field(description="Operation it calls.")
    org: Name | None = Field(None, description="Kind of org it turns to; its own if none.")
    using: Name | None = Field(None, description="Credential it signs with; its own if none.")
    path: Literal["governed", "any", "direct"] = Field(
        "any", description="`direct` is the last path to be closed, `governed` the first."
    )
    purpose: Literal["work", "attack"] = Field(
        "work", description="Whether somebody asked for it, or nobody did."
    )


class Recording(Strict):
    """Recorded calls, in files of the scenario's folder."""

    calls: Text = Field(description="File of recorded calls, a JSON object a line.")
    tasks: Text | None = Field(None, description="File of what each task grants.")
    runs: Text | None = Field(None, description="File of which run belongs to which attack.")


class AgentGroup(Strict):
    """Agents of one kind."""

    name: Name = Field(description="What agents are called, with a number behind.")
    org: Name = Field(description="Name of a kind of org; agents spread evenly over its orgs.")
    count: PositiveCount = Field(1, description="Agents of this kind.")
    role: tuple[Name, ...] | Literal["all"] = Field(
        "all", description="What it may do where grants are as broad as a role."
    )
    on_denial: OnDenial = Field(
        default_factory=OnDenial.model_construct, description="What it does when refused."
    )


class TaskedGroup(AgentGroup):
    """Agents that work through tasks."""

    tasks: Annotated[dict[Name, PositiveCount], Field(min_length=1)] = Field(
        description="Tasks and their weights."
    )
    task_every: PositiveDuration = Field(
        30_000_000, description="Mean time between two tasks of one agent."
    )
    think: PositiveDuration = Field(
        2_300_000, description="Mean time between two calls, at least the scenario's think_min."
    )
    cross_org_share: Share = Field(0, description="Share of calls that go to another org.")


class ScriptedGroup(AgentGroup):
    """One agent that follows a timeline."""

    strategy: Literal["scripted"]
    script: Annotated[tuple[Step, ...], Field(min_length=1, max_length=60)]
    scope: tuple[Name, ...] = Field(
        (), description="What its task needs; the calls of purpose `work` if empty."
    )
    deadline: PositiveDuration = 60_000_000


class ReplayGroup(AgentGroup):
    """Agents that make recorded calls; one agent for each recorded one."""

    strategy: Literal["replay"]
    org: Name = Field("all", description="The recording says which org each agent is in.")
    recording: Recording
    attack: Name | None = Field(None, description="Only runs of this attack and benign ones.")
    run_every: PositiveDuration = 30_000_000
    call_every: PositiveDuration = Field(
        2_300_000, description="Mean time between two calls; recorded times are not used."
    )
    deadline: PositiveDuration = 60_000_000


class TraderGroup(AgentGroup):
    """Those who sell, buy or judge signals."""

    act_every: PositiveDuration = Field(
        10_000_000, description="Mean time between two acts of one trader."
    )
    sells: Name | None = Field(None, description="Type of signal it publishes, if it does.")
    price: Price = Field(100, description="What it asks for one.")
    funds: Price = Field(10_000, description="Base units it starts with, beside its stake.")
    stake: Price = Field(0, description="Base units it has bonded from the start.")
    starts: Duration = Field(0, description="When it begins to act.")
    pretrusted: bool = Field(
        False, description="Scores that spread from trusted accounts start at these."
    )


class OutsiderGroup(AgentGroup):
    """Somebody with other people's keys."""

    cross_org_share: Share = Field(
        0, description="Share of acts that go straight to another org, past the victim's gateway."
    )
