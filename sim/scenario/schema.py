"""What a scenario file may say: the world, and the policies to compare in it.

Each default lives here and nowhere else. Times become microseconds and shares parts per
million as they are read; the field names say so where they leave this room.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import Field, create_model

from sim.faults.registry import load_faults
from sim.policies.registry import load_policies
from sim.scenario.gates import Gate
from sim.scenario.groups import (
    AgentGroup,
    OutsiderGroup,
    ReplayGroup,
    ScriptedGroup,
    TaskedGroup,
    TraderGroup,
)
from sim.scenario.knobs import create_knobs, get_settings, get_summary
from sim.scenario.levers import PolicyEntry
from sim.scenario.literals import (
    Amount,
    Count,
    Duration,
    Name,
    PositiveCount,
    PositiveDuration,
    Servers,
    Share,
    Text,
)
from sim.scenario.market import Market, SignalType
from sim.scenario.strict import Strict
from sim.scenario.sweep import Sweep
from sim.strategies.registry import load_behaviours

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sim.faults.base import Fault

FAULTS = load_faults()

OPERATIONS_MAX = 62  # capability bits of one org
ABOUT_AGENTS = "Groups of agents, each with its strategy."
ABOUT_FAULTS = "What goes wrong with validators and the network between them."
MEASURED_REGIONS = (  # where the validators of public wide-area runs of two-chain HotStuff stood
    "us-east-1",
    "eu-north-1",
    "ap-southeast-2",
    "us-west-1",
    "ap-northeast-1",
)


class Operation(Strict):
    """A tool and one thing it can do."""

    effect: Literal["read", "write", "destructive"] = Field(
        "read", description="What it does to data; `approval` goes by it."
    )
    egress: bool = Field(False, description="It can carry data out of the org.")
    reversible: bool = Field(True, description="Its effect can be undone.")
    value_at_risk: Amount = Field(0, description="Harm, in value units, of one illegitimate act.")


class Org(Strict):
    """A trust boundary that owns agents, resources and perhaps a gateway."""

    name: Name = Field(description="What groups of agents refer to.")
    count: PositiveCount = Field(1, description="Orgs of this kind.")
    posture: Literal["honest", "negligent", "hostile"] = Field(
        "honest", description="How it runs its enforcement point, and what it claims."
    )


class Task(Strict):
    """A unit of useful work."""

    calls: Annotated[tuple[Name, ...], Field(min_length=1, max_length=60)] = Field(
        description="Operations, one after the other."
    )
    deadline: PositiveDuration = Field(
        60_000_000, description="From the task's arrival to the end of its last call."
    )


class Credential(Strict):
    """A key nobody works with: a token in a file."""

    name: Name = Field(description="What a script refers to.")
    org: Name = Field(description="Whose key it is.")
    role: tuple[Name, ...] | Literal["all"] = Field(
        "all", description="What it may do where grants are as broad as a role."
    )
    purpose: tuple[Name, ...] = Field((), description="What it was made for.")


class Reviewers(Strict):
    """The humans of each org who approve calls: the same people under every policy."""

    count: PositiveCount = Field(2, description="People of each org.")
    review: PositiveDuration = Field(20_000_000, description="Mean time to decide on one request.")
    patience: PositiveDuration = Field(
        120_000_000, description="A request still undecided after this is denied."
    )
    false_approve: Share = Field(20_000, description="Chance to wave a harmful request through.")
    false_refuse: Share = Field(50_000, description="Chance to refuse a benign request.")
    fatigue: Share = Field(50_000, description="Added to false_approve for each waiting request.")


class Detection(Strict):
    """How soon people notice: the same under every policy."""

    leak: PositiveDuration = Field(
        60_000_000, description="Mean time until an org notices a leaked key and rotates it."
    )
    loss: PositiveDuration = Field(
        1_800_000_000, description="Mean time until somebody notices that data is gone."
    )


class Gateways(Strict):
    """Capacity of each org's gateway."""

    service: PositiveDuration = Field(5_000, description="Mean time a call.")
    servers: Servers = Field(4, description="Calls that are judged at a time.")


class Chain(Strict):
    """The validators, where they stand, and how they come to agree."""

    validators: PositiveCount = Field(4, description="How many agree on the order.")
    block_interval: PositiveDuration = Field(250_000, description="Least time between two blocks.")
    block_limit: PositiveCount = Field(10_000, description="Transactions a block.")
    regions: tuple[Text, ...] = Field(
        MEASURED_REGIONS, description="Where validators stand, in turns."
    )
    processing: Duration = Field(
        130_000,
        description="What a message takes besides its way. The default makes commits as slow as "
        "in public runs of ten validators in five regions at 10 000 transactions a second.",
    )
    link: PositiveDuration | None = Field(
        None,
        description="Time from any validator to any other, instead of regions and processing.",
    )
    view_timeout: PositiveDuration = Field(
        2_000_000,
        description="A view's timer, long enough for a view of any of the protocols; doubled "
        "once more views in a row time out than silent leaders explain.",
    )
    view_timeout_max: PositiveDuration = Field(60_000_000, description="Its longest.")
    leader_wait: PositiveDuration = Field(
        300_000, description="How long a leader waits to hear of all locks after a time-out."
    )
    first_leaders: tuple[Count, ...] = Field(
        (), description="Who leads the first views; after them the validators take turns."
    )
    validator_stake: Amount = Field(1_000_000, description="Stake of each validator.")
    allow_unsafe: bool = Field(
        False, description="Study more Byzantine validators than any protocol bears."
    )


class FaultEntry(Strict):
    """What goes wrong at which validators and when; times and validators may be drawn."""

    validators: tuple[Count, ...] = Field((), description="Which ones; all if nothing is said.")
    drawn: PositiveCount | None = Field(None, description="So many validators, drawn.")
    since: Duration = Field(0, alias="from", description="When it begins.")
    until: PositiveDuration | None = Field(None, description="When it ends; never if left out.")
    every: PositiveDuration | None = Field(
        None, description="It comes again and again: mean time from one end to the next begin."
    )
    lasting: PositiveDuration | None = Field(None, description="Mean time it lasts, with `every`.")
    under: tuple[Name, ...] = Field(
        (), description="Policies under which it happens; under all of them if left out."
    )

    @property
    def name(self) -> str:
        """Name of the fault."""
        return str(getattr(self, "fault"))  # noqa: B009 - set by the created models

    def create(self) -> Fault:
        """The fault with these knobs."""
        kind = FAULTS[self.name]
        return kind(**get_settings(kind, self))


class Scenario(Strict):
    """A world, and the policies to compare in it."""

    version: Literal[1] = Field(description="Version of this format.")
    title: Text = Field(description="Heading of tables and pages.")
    question: Text = Field(description="What the run is to answer.")
    expectation: Text = Field(description="Written before the first run.")
    stream: Name | None = Field(None, description="Names the draws; the file's stem if none.")
    seed: Amount = Field(1, description="Another one is another set of worlds.")
    replications: PositiveCount = Field(30, description="Worlds that each policy meets.")
    horizon: PositiveDuration = Field(120_000_000, description="Simulated time of a replication.")
    window: PositiveDuration = Field(
        2_000_000, description="Populations act in windows; never longer than think_min."
    )
    think_min: PositiveDuration = Field(
        2_000_000, description="No agent follows up on its own call sooner."
    )
    signatures: Literal["trusted", "ed25519"] = Field(
        "trusted", description="Real signatures, or the bit they come to: the same digests, faster."
    )
    baseline: Name = Field("unguarded", description="Policy the others are compared with.")
    primary: Annotated[tuple[Name, ...], Field(max_length=5)] = Field(
        (
            "unauthorized_execution_rate",
            "utility_under_attack",
            "harm_per_1000_tasks",
            "commit_latency_p95",
        ),
        description="Outcomes that are tested; all others are exploratory.",
    )
    gates: tuple[Gate, ...] = Field((), description="What `sim check` holds.")
    issuer_error: Share = Field(0, description="Share of grants that leave out one needed call.")
    operations: Annotated[dict[Name, Operation], Field(max_length=OPERATIONS_MAX)] = Field(
        {}, description="What agents can call."
    )
    orgs: Annotated[tuple[Org, ...], Field(min_length=1, description="Who owns agents and tools.")]
    tasks: dict[Name, Task] = Field({}, description="The work that is asked for.")
    signals: dict[Name, SignalType] = Field({}, description="What traders sell each other.")
    credentials: tuple[Credential, ...] = Field(
        (), description="Keys nobody works with: tokens in files."
    )
    agents: Annotated[tuple[AgentGroup, ...], Field(min_length=1, description=ABOUT_AGENTS)]
    reviewers: Reviewers = Field(default_factory=Reviewers.model_construct)
    detection: Detection = Field(default_factory=Detection.model_construct)
    gateways: Gateways = Field(default_factory=Gateways.model_construct)
    chain: Chain = Field(default_factory=Chain.model_construct)
    market: Market = Field(default_factory=Market.model_construct)
    faults: tuple[FaultEntry, ...] = Field((), description=ABOUT_FAULTS)
    policies: Annotated[tuple[Name | PolicyEntry, ...], Field(min_length=1)] = Field(
        description="What is compared: presets, and presets with levers set otherwise."
    )
    sweep: Sweep | None = Field(None, description="What `sim sweep` varies.")


SHAPES: dict[str, type[AgentGroup]] = {
    "scripted": ScriptedGroup,
    "replay": ReplayGroup,
    "leaked_credential": OutsiderGroup,
}


def _create_group(name: str, strategy: type) -> type[AgentGroup]:
    """Model of a group with this strategy: the group's own keys and the strategy's knobs."""
    tag: Any = (Literal[name], Field(description=get_summary(strategy)))
    shape = SHAPES.get(name, TraderGroup if hasattr(strategy, "trade") else TaskedGroup)
    return create_model(
        f"{strategy.__name__}Group",
        __base__=shape,
        __doc__=shape.__doc__,
        strategy=tag,
        **create_knobs(strategy, Name),
    )


def _create_fault(name: str, fault: type) -> type[FaultEntry]:
    """Model of an entry with this fault: when and where, and the fault's knobs."""
    tag: Any = (Literal[name], Field(description=get_summary(fault)))
    return create_model(
        f"{fault.__name__}Entry",
        __base__=FaultEntry,
        __doc__=FaultEntry.__doc__,
        fault=tag,
        **create_knobs(fault, Text),
    )


def _create_entries(models: Iterable[type[Strict]]) -> Any:
    """A tuple of entries, each of one of the models."""
    entry: Any = Union[tuple(models)]  # noqa: UP007 - a union of a computed tuple
    return tuple[entry, ...]


@cache
def create_schema() -> type[Scenario]:
    """The schema with one kind of entry for each known strategy and fault.

    Made once: a sweep reads thousands of settings of one scenario.
    """
    groups = _create_entries(_create_group(*item) for item in load_behaviours().items())
    faults = _create_entries(_create_fault(*item) for item in FAULTS.items())
    return create_model(
        "ScenarioFile",
        __base__=Scenario,
        __doc__=Scenario.__doc__,
        agents=(Annotated[groups, Field(min_length=1, description=ABOUT_AGENTS)], ...),
        faults=(faults, Field((), description=ABOUT_FAULTS)),
    )


POLICY_NAMES = tuple(load_policies())
