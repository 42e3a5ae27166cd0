"""Rows of a world's tables while it is laid out, and what every group of agents needs of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.core.identity import compute_entity
from sim.core.records import Effect, Goal, Posture
from sim.model.layout import AGENT, CURRENT_KEY, GROUP, Cohort, Holder, Life
from sim.scenario.policies import EFFECTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.groups import AgentGroup
    from sim.scenario.schema import Scenario

POSTURES = {
    "honest": Posture.HONEST,
    "negligent": Posture.NEGLIGENT,
    "hostile": Posture.HOSTILE,
}


class Rows:
    """Every table of a world, row by row, and the orgs and operations that are there already."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.org_names: list[str] = []
        self.org_ranges: dict[str, range] = {}
        self.postures: list[int] = []
        for org in self.scenario.orgs:
            first = len(self.org_names)
            self.org_ranges[org.name] = range(first, first + org.count)
            for index in range(org.count):
                self.org_names.append(org.name if org.count == 1 else f"{org.name}-{index}")
                self.postures.append(int(POSTURES[org.posture]))
        self.catalogue = [*self.scenario.operations, *self.scenario.signals]
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
            for index, name in enumerate(self.scenario.signals, len(self.scenario.operations)):
                self.operations.append((org, -1, 0, 1 << index, int(Effect.WRITE), 0, 1, 0))
                self.operation_names.append(name)

    def get_mask(self, names: tuple[str, ...] | str) -> int:
        """Capabilities by name of an operation or type of signal, or all of them."""
        if isinstance(names, str):
            return (1 << len(self.catalogue)) - 1
        return sum(1 << self.catalogue.index(name) for name in set(names))

    def get_quiet_reads(self) -> int:
        """Mask of the reads that carry nothing out."""
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
        """A template with these calls; return its number."""
        named = self.add_named_argument()
        first = len(self.steps)
        for name in calls:
            arguments = (0, 0) if self.is_quiet_read(name) else named
            self.steps.append((self.catalogue.index(name), Goal.WORK, -1, -1, -1, *arguments))
        return self.add_template(first, deadline_us, self.get_mask(calls), 0, named)

    def is_quiet_read(self, name: str) -> bool:
        """Whether an operation reads, and carries nothing out."""
        operation = self.scenario.operations[name]
        return operation.effect == "read" and not operation.egress

    def add_template(
        self, first: int, deadline_us: int, mask: int, namespace: int, named: tuple[int, int]
    ) -> int:
        """A template of the steps from one on; return its number."""
        self.templates.append((first, len(self.steps), deadline_us, mask, namespace, *named))
        return len(self.templates) - 1

    def add_group_row(self, life: Life, group: AgentGroup, **columns: int) -> int:
        """A row of the groups; return its number."""
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
        """A row of the population; what is not said is nothing."""
        row = {
            "key_version": CURRENT_KEY,
            "template": -1,
            "template_last": -1,
            "task_row": -1,
            **columns,
        }
        self.agents.append(tuple(row.get(name, 0) for name in AGENT.names or ()))

    def get_offer(self, org: int) -> dict[str, int]:
        """Columns that say what is on offer in an org."""
        n_offered = len(self.scenario.operations)
        return {"offered_first": self.catalogue_first[org], "n_offered": n_offered}

    def spread(self, group: AgentGroup) -> Iterator[tuple[int, int]]:
        """Index and org of each agent of a group."""
        orgs = self.org_ranges[group.org]
        return ((index, orgs[index % len(orgs)]) for index in range(group.count))
