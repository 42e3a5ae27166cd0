"""The world a scenario describes: orgs, operations, accounts, tasks and agents as arrays.

The same world serves every policy; nothing here depends on one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.core.identity import compute_entity
from sim.core.records import OPERATION, Goal, Ints, Posture, Records
from sim.core.units import PPM
from sim.model.layout import (
    AGENT,
    CURRENT_KEY,
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
from sim.scenario.knobs import get_settings
from sim.scenario.load import LoadedScenario
from sim.scenario.policies import EFFECTS
from sim.scenario.schema import (
    AgentGroup,
    OutsiderGroup,
    ReplayGroup,
    Scenario,
    ScriptedGroup,
    TaskedGroup,
)
from sim.strategies.base import Strategy
from sim.strategies.registry import create_harmless, load_strategies

if TYPE_CHECKING:
    from collections.abc import Iterator

POSTURES = {
    "honest": Posture.HONEST,
    "negligent": Posture.NEGLIGENT,
    "hostile": Posture.HOSTILE,
}
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

    @property
    def scenario(self) -> Scenario:
        """The scenario itself."""
        return self.loaded.scenario

    @property
    def n_orgs(self) -> int:
        """How many orgs there are; account o is that of org o."""
        return len(self.org_names)

    @property
    def has_plain_arm(self) -> bool:
        """Whether there are attackers that play with their names."""
        return any(getattr(cohort.strategy, "trick", None) for cohort in self.cohorts)


def create_world(loaded: LoadedScenario, *, arm: str = "attack", with_attack: bool = True) -> World:
    """Lay out a scenario; without attack, adversaries stay idle and scripts keep to work.

    Errors: InputError if a recording cannot be used.
    """
    return _Builder(loaded, with_attack and arm != "idle").build()


class _Builder:
    """Collects rows of every table while it walks through the scenario."""

    def __init__(self, loaded: LoadedScenario, with_attack: bool) -> None:
        self.loaded, self.scenario, self.with_attack = loaded, loaded.scenario, with_attack
        self.org_names: list[str] = []
        self.org_ranges: dict[str, range] = {}
        self.postures: list[int] = []
        for org in self.scenario.orgs:
            first = len(self.org_names)
            self.org_ranges[org.name] = range(first, first + org.count)
            for index in range(org.count):
                self.org_names.append(org.name if org.count == 1 else f"{org.name}-{index}")
                self.postures.append(int(POSTURES[org.posture]))
        self.catalogue = list(self.scenario.operations)
        self.operations: list[tuple[int, ...]] = []
        self.operation_names: list[str] = []
        self.catalogue_first: list[int] = []
        self.holders: list[Holder] = []
        self.groups: list[tuple[int, ...]] = []
        self.weights: list[int] = []
        self.templates: list[tuple[int, ...]] = []
        self.steps: list[tuple[int, ...]] = []
        self.arguments: list[int] = [0]  # first of all, an argument that no task names
        self.agents: list[tuple[int, ...]] = []
        self.cohorts: list[Cohort] = []

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
        strategies = load_strategies()
        # outsiders last: they act with keys of agents that must be there
        for group in sorted(self.scenario.agents, key=lambda g: isinstance(g, OutsiderGroup)):
            name = str(getattr(group, "strategy"))  # noqa: B009 - set by the created models
            strategy = strategies[name](**get_settings(strategies[name], group))
            self.add_group(group, strategy, task_templates)
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
        )

    def add_catalogues(self) -> None:
        """Every org offers the whole catalogue; one bit is one operation, whoever offers it."""
        for org in range(len(self.org_names)):
            self.catalogue_first.append(len(self.operations))
            for index, (name, operation) in enumerate(self.scenario.operations.items()):
                effect = int(EFFECTS[operation.effect])
                flags = (effect, int(operation.egress), int(operation.reversible))
                row = (org, -1, 0, 1 << index, *flags, operation.value_at_risk)
                self.operations.append(row)
                self.operation_names.append(name)

    def get_mask(self, names: tuple[str, ...] | str) -> int:
        if isinstance(names, str):
            return (1 << len(self.catalogue)) - 1
        return sum(1 << self.catalogue.index(name) for name in set(names))

    def get_quiet_reads(self) -> int:
        return sum(
            1 << index
            for index, operation in enumerate(self.scenario.operations.values())
            if operation.effect == "read" and not operation.egress
        )

    def add_holder(
        self, group: str, index: int, org: int, role: int, purpose: int, reads: bool
    ) -> int:
        """Note an account to register; return its number among all accounts."""
        quiet_reads = self.get_quiet_reads() if reads else 0
        entity = compute_entity(group, index)
        self.holders.append(Holder(group, entity, org, 0, role, purpose, quiet_reads))
        return len(self.org_names) + len(self.holders) - 1

    def add_named_argument(self) -> tuple[int, int]:
        """A fresh argument that one task names: its range in the column."""
        self.arguments.append(len(self.arguments))
        return len(self.arguments) - 1, len(self.arguments)

    def add_task(self, calls: tuple[str, ...], deadline_us: int) -> int:
        named = self.add_named_argument()
        first = len(self.steps)
        for name in calls:
            arguments = (0, 0) if self.is_quiet_read(name) else named
            self.steps.append((self.catalogue.index(name), Goal.WORK, -1, -1, -1, *arguments))
        return self.add_template(first, deadline_us, self.get_mask(calls), 0, named)

    def is_quiet_read(self, name: str) -> bool:
        operation = self.scenario.operations[name]
        return operation.effect == "read" and not operation.egress

    def add_template(
        self, first: int, deadline_us: int, mask: int, namespace: int, named: tuple[int, int]
    ) -> int:
        self.templates.append((first, len(self.steps), deadline_us, mask, namespace, *named))
        return len(self.templates) - 1

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

    def add_group_row(self, life: Life, group: AgentGroup, **columns: int) -> int:
        row = {
            "life": int(life),
            "give_up_ppm": group.on_denial.give_up,
            "retry_ppm": group.on_denial.retry,
            "weights_from": len(self.weights) // 2,
            "weights_to": len(self.weights) // 2,
            **columns,
        }
        self.groups.append(tuple(row.get(name, 0) for name in GROUP.names or ()))
        return len(self.groups) - 1

    def add_agent(self, **columns: int) -> None:
        row = {
            "key_version": CURRENT_KEY,
            "template": -1,
            "template_last": -1,
            "task_row": -1,
            **columns,
        }
        self.agents.append(tuple(row.get(name, 0) for name in AGENT.names or ()))

    def get_offer(self, org: int) -> dict[str, int]:
        return {"offered_first": self.catalogue_first[org], "n_offered": len(self.catalogue)}

    def spread(self, group: AgentGroup) -> Iterator[tuple[int, int]]:
        """Index and org of each agent of a group."""
        orgs = self.org_ranges[group.org]
        return ((index, orgs[index % len(orgs)]) for index in range(group.count))

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
