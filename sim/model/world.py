"""The world a scenario describes: orgs, operations, accounts, tasks and agents as arrays.

The same world serves every policy; nothing here depends on one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.core.identity import compute_entity
from sim.core.records import OPERATION, Goal, Ints, Records
from sim.core.units import PPM
from sim.model.layout import (
    AGENT,
    GROUP,
    PATH_DIRECT,
    STEP,
    TEMPLATE,
    Cohort,
    Holder,
    Life,
    Phase,
    create_table,
)
from sim.model.recorded import RecordedTemplates, create_recorded_templates
from sim.model.trade_world import MarketBuilder, MarketLayout
from sim.model.world_rows import Rows
from sim.scenario.groups import (
    AgentGroup,
    OutsiderGroup,
    ReplayGroup,
    ScriptedGroup,
    TaskedGroup,
    TraderGroup,
)
from sim.scenario.knobs import get_settings
from sim.scenario.load import LoadedScenario
from sim.scenario.schema import Scenario
from sim.strategies.base import Strategy
from sim.strategies.registry import (
    create_harmless,
    create_plain,
    has_identity_trick,
    load_behaviours,
)

if TYPE_CHECKING:
    from sim.strategies.trading import Trader

EVERY_CAPABILITY = 2**63 - 1


@dataclass(frozen=True, eq=False)
class World:
    """Arrays that no replication changes; two worlds are equal only if they are one."""

    loaded: LoadedScenario
    org_names: tuple[str, ...]
    postures: Ints
    operations: Records  # OPERATION, all orgs'
    operation_names: tuple[str, ...]
    catalogue_first: Ints  # by org: first operation of the scenario's catalogue
    holders: tuple[Holder, ...]  # account n_orgs + k is holders[k]
    groups: Records  # GROUP
    weights: Ints  # pairs of (cumulative ppm, template)
    templates: Records
    steps: Records
    arguments: Ints
    agents: Records  # AGENT, at time zero
    cohorts: tuple[Cohort, ...]
    market: MarketLayout
    has_plain_arm: bool  # some attacker has more than one name, or can begin anew

    @property
    def scenario(self) -> Scenario:
        """The scenario itself."""
        return self.loaded.scenario

    @property
    def n_orgs(self) -> int:
        """How many orgs there are; account o is that of org o."""
        return len(self.org_names)


class Arm(StrEnum):
    """Which attackers a world has."""

    ATTACK = "attack"
    IDLE = "idle"  # adversaries work like anybody else, and scripts keep to work
    PLAIN = "plain"  # nobody has more than one name, or begins anew


def create_world(loaded: LoadedScenario, *, arm: str = Arm.ATTACK) -> World:
    """Lay out a scenario, as one of its arms.

    Errors: InputError if a recording cannot be used.
    """
    return _Builder(loaded, Arm(arm)).build()


class _Builder(Rows):
    """Collects rows of every table while it walks through the scenario."""

    def __init__(self, loaded: LoadedScenario, arm: Arm) -> None:
        super().__init__(loaded.scenario)
        self.loaded, self.arm = loaded, arm
        self.with_attack = arm is not Arm.IDLE
        self.market = MarketBuilder(self.scenario, self.holders, len(self.org_names))
        self.has_plain_arm = False

    def build(self) -> World:
        self.add_catalogues()
        task_templates = {
            name: self.add_task(task.calls, task.deadline)
            for name, task in self.scenario.tasks.items()
        }
        for credential in self.scenario.credentials:
            org = self.org_ranges[credential.org][0]
            role, purpose = map(self.get_mask, (credential.role, credential.purpose))
            self.add_holder(credential.name, 0, org, role, purpose, False)
        behaviours = load_behaviours()
        # outsiders last: they act with keys of agents that must be there
        for group in sorted(self.scenario.agents, key=lambda g: isinstance(g, OutsiderGroup)):
            name = str(getattr(group, "strategy"))  # noqa: B009 - set by the created models
            behaviour: Any = behaviours[name](**get_settings(behaviours[name], group))
            if isinstance(group, TraderGroup):
                self.add_traders(group, behaviour)
            else:
                self.add_group(group, behaviour, task_templates)
        return self.finish()

    def finish(self) -> World:
        return World(
            loaded=self.loaded,
            org_names=tuple(self.org_names),
            postures=np.array(self.postures, dtype=np.int64),
            operations=create_table(self.operations, OPERATION),
            operation_names=tuple(self.operation_names),
            catalogue_first=np.array(self.catalogue_first, dtype=np.int64),
            holders=tuple(self.holders),
            groups=create_table(self.groups, GROUP),
            weights=np.array(self.weights, dtype=np.int64),
            templates=create_table(self.templates, TEMPLATE),
            steps=create_table(self.steps, STEP),
            arguments=np.array(self.arguments, dtype=np.int64),
            agents=create_table(self.agents, AGENT),
            cohorts=tuple(self.cohorts),
            market=self.market.finish(),
            has_plain_arm=self.has_plain_arm,
        )

    def add_group(
        self, group: AgentGroup, strategy: Strategy, task_templates: dict[str, int]
    ) -> None:
        first = len(self.agents)
        if isinstance(group, ScriptedGroup):
            self.add_scripted(group)
        elif isinstance(group, ReplayGroup):
            self.add_replayed(group)
        elif isinstance(group, TaskedGroup):
            self.add_tasked(group, task_templates)
        elif isinstance(group, OutsiderGroup):
            self.add_outsiders(group, strategy)
        if isinstance(group, TaskedGroup) and not self.with_attack:
            strategy = create_harmless(strategy)
        goals = [self.catalogue.index(name) for name in getattr(strategy, "goals", ())]
        cohort = Cohort(
            group.name,
            strategy,
            first,
            len(self.agents),
            np.array(goals, dtype=np.int64),
        )
        self.cohorts.append(cohort)

    def add_traders(self, group: TraderGroup, strategy: Trader) -> None:
        """A group of the market, as the arm has it."""
        self.has_plain_arm |= has_identity_trick(strategy)
        if self.arm is Arm.IDLE:
            strategy = create_harmless(strategy)
        elif self.arm is Arm.PLAIN:
            strategy = create_plain(strategy)
        self.market.add_group(
            group, strategy, self.org_ranges[group.org], self.get_mask(group.role)
        )

    def add_tasked(self, group: TaskedGroup, task_templates: dict[str, int]) -> None:
        weights_from = len(self.weights) // 2
        total, running = sum(group.tasks.values()), 0
        for name, weight in group.tasks.items():
            running += weight
            self.weights += [running * PPM // total, task_templates[name]]
        row = self.add_group_row(
            Life.TASKED,
            group,
            arrival_us=group.task_every,
            think_us=group.think - self.scenario.think_min,
            cross_org_ppm=group.cross_org_share,
            weights_from=weights_from,
            weights_to=len(self.weights) // 2,
        )
        for index, org in self.spread(group):
            role = self.get_mask(group.role)
            account = self.add_holder(group.name, index, org, role, 0, True)
            entity = compute_entity(group.name, index)
            self.add_agent(
                entity=entity, account=account, org=org, group=row, **self.get_offer(org)
            )

    def add_scripted(self, group: ScriptedGroup) -> None:
        row = self.add_group_row(Life.SCRIPTED, group)
        org = self.org_ranges[group.org][0]
        account = self.add_holder(group.name, 0, org, self.get_mask(group.role), 0, True)
        work = tuple(step.call for step in group.script if step.purpose == "work")
        named, first = self.add_named_argument(), len(self.steps)
        credentials = {c.name: index for index, c in enumerate(self.scenario.credentials)}
        for step in group.script:
            if step.purpose == "attack" and not self.with_attack:
                continue
            using = -1 if step.using is None else len(self.org_names) + credentials[step.using]
            path = {"direct": PATH_DIRECT, "governed": 0, "any": -1}[step.path]
            goal = Goal.WORK if step.purpose == "work" else Goal.ATTACK
            arguments = named if goal is Goal.WORK else (0, 1)
            if self.is_quiet_read(step.call):
                arguments = (0, 0)
            target = org if step.org is None else self.org_ranges[step.org][0]
            offset = self.catalogue_first[target] - self.catalogue_first[org]
            offset += self.catalogue.index(step.call)
            self.steps.append((offset, goal, using, path, step.at, *arguments))
        scope = self.get_mask(group.scope or work)
        template = self.add_template(first, group.deadline, scope, 0, named)
        self.add_agent(
            entity=compute_entity(group.name, 0),
            account=account,
            org=org,
            group=row,
            template=template,
            template_last=template + 1,
            **self.get_offer(org),
        )

    def add_outsiders(self, group: OutsiderGroup, strategy: Any) -> None:
        share_ppm, every_us = group.cross_org_share, strategy.act_every_us
        row = self.add_group_row(Life.OUTSIDE, group, arrival_us=every_us, cross_org_ppm=share_ppm)
        first = len(self.steps)
        self.steps.append((0, Goal.ATTACK, -1, -1, -1, 0, 1))
        template = self.add_template(first, 0, 0, 0, (0, 0))
        victims = [
            len(self.org_names) + index
            for index, holder in enumerate(self.holders)
            if holder.name == strategy.victim
        ]
        for index in range(group.count):
            org = self.holders[victims[index] - len(self.org_names)].org
            self.add_agent(
                entity=compute_entity(group.name, index),
                account=victims[index],
                org=org,
                group=row,
                template=template,
                phase=Phase.WAITING if self.with_attack else Phase.DONE,
                starts_us=strategy.leak_us,
                key_version=0,
                **self.get_offer(org),
            )

    def add_replayed(self, group: ReplayGroup) -> None:
        recorded = create_recorded_templates(
            self.loaded, group, self.org_names, first_argument=len(self.arguments)
        )
        self.arguments += recorded.arguments
        row = self.add_group_row(
            Life.REPLAYED,
            group,
            arrival_us=group.run_every,
            think_us=max(0, group.call_every - self.scenario.think_min),
        )
        self.add_recorded_operations(recorded)
        for agent in recorded.agents:
            entity = compute_entity(f"{group.name}/{agent.name}", agent.org)
            holder = Holder(
                agent.name, entity, agent.org, 1 + agent.org, agent.role, 0, agent.quiet_reads
            )
            self.holders.append(holder)
            first_template = len(self.templates)
            for run in agent.runs:
                first = len(self.steps)
                for step in run.steps:
                    if step.goal is Goal.WORK or self.with_attack:
                        goal = int(step.goal)
                        offset = recorded.first_operation[agent.org] + step.operation
                        self.steps.append((offset, goal, -1, -1, -1, *step.arguments))
                if len(self.steps) > first:
                    self.add_template(
                        first, group.deadline, run.scope_mask, 1 + agent.org, run.named
                    )
            self.add_agent(
                entity=entity,
                account=len(self.org_names) + len(self.holders) - 1,
                org=agent.org,
                group=row,
                template=first_template,
                template_last=len(self.templates),
                phase=Phase.WAITING if len(self.templates) > first_template else Phase.DONE,
                offered_first=0,
                n_offered=len(self.operations),
            )

    def add_recorded_operations(self, recorded: RecordedTemplates) -> None:
        for org, rows in recorded.operations.items():
            recorded.first_operation[org] = len(self.operations)
            for name, row in rows:
                self.operations.append((org, -1, 1 + org, *row))
                self.operation_names.append(name)
