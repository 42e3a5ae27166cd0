"""A recording as arrays: every name an index, every tool a bit, every argument text an id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.core.errors import InputError, find_nearest
from sim.importers.calls import load_calls, load_runs, load_tasks
from sim.importers.catalogue import KNOWN_MASK, NULL_SCOPE, Catalogue, Variant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from sim.core.records import Ints, Records
    from sim.importers.calls import RecordedCall, RecordedRun, RecordedTask, Scope


def create_layout(*names: str) -> np.dtype[np.void]:
    """Layout of a row of int64 columns."""
    return np.dtype([(name, np.int64) for name in names])


RUN = create_layout(
    "agent",
    "org",  # -1: only runs.csv has it
    "task",  # -1: only runs.csv has it
    "attack",
    "attack_success",  # 0, 1; -1: not recorded
    "utility",  # 0, 1; -1: not recorded
    "aborted",  # 1: broke down for reasons of its own
    "first_call",
    "n_calls",  # 0: only runs.csv has it
)

OPERATION = create_layout(
    "org",
    "tool",
    "bit",  # 0..61; 62: the tool is not known
    "effect",  # Effect
    "egress",  # 1: can carry data out
)

CALL = create_layout(
    "run",
    "operation",
    "tool",
    "effect",  # Effect
    "egress",
    "malicious",  # 0, 1; -1: not labelled
    "executed",  # 1: ran to its end when recorded
    "exposed",  # 0, 1; -1: not labelled
    "t_us",  # since its run began; -1: not recorded
    "scope_mask",  # bits its own scope grants; -1: no scope, nothing is out of scope
    "arguments_from",  # range in `arguments`, sorted
    "arguments_to",
)

TASK = create_layout(
    "named_from",  # range in `named`, sorted
    "named_to",
)


@dataclass(frozen=True, slots=True)
class Recording:
    """Recorded calls and their companions.

    Shapes: `runs` RUN, `operations` OPERATION, `calls` CALL, `tasks` TASK, each (n,); `arguments`
            and `named` int64 pools of ids into `texts`; `role_masks` int64 (n_orgs,).
            The calls of a run are adjacent, in order; runs without calls come last.
    """

    source: str  # path of the calls
    orgs: tuple[str, ...]  # "" stands for null
    agents: tuple[str, ...]
    attacks: tuple[str, ...]  # "none": benign; "": unknown, for want of runs.csv
    tools: tuple[str, ...]
    texts: tuple[str, ...]  # checked argument scalars
    run_names: tuple[str, ...]
    task_names: tuple[str, ...]
    capabilities: tuple[Mapping[str, int], ...]  # for each org, mask of each known tool
    role_masks: Ints  # union of the scopes of all tasks of the org
    has_tasks: bool  # whether tasks.jsonl says what each task names
    runs: Records
    operations: Records
    calls: Records
    tasks: Records
    arguments: Ints  # texts the calls carry
    named: Ints  # those of them the task names


class _Ids(dict[str, int]):
    """Names, numbered in order of first appearance."""

    def add(self, name: str) -> int:
        return self.setdefault(name, len(self))


def load_recording(
    calls: str | Path, tasks: str | Path | None = None, runs: str | Path | None = None
) -> Recording:
    """Read a log of calls with the companions there are, as one table of integers.

    Errors: InputError at the first bad line of any of the files, at a call whose task or run is
            missing from the companion given, at a run whose agent differs between the two, and at
            the line where an org would need a 63rd capability bit.
    """
    log = load_calls(calls)
    known_tasks = None if tasks is None else load_tasks(tasks)
    outcomes = None if runs is None else load_runs(runs)
    if known_tasks is not None:
        _validate_tasks(log, known_tasks, str(tasks))
    if outcomes is not None:
        _validate_runs(log, outcomes, str(runs))
    return _Builder(log, known_tasks, outcomes).build(str(calls))


def _validate_tasks(log: Sequence[RecordedCall], tasks: Sequence[RecordedTask], file: str) -> None:
    known = {row.task for row in tasks}
    for call in log:
        if call.task not in known:
            problem = f"{call.task!r} is not in {file}"
            raise InputError(call.where, "task", problem, find_nearest(call.task, known))


def _validate_runs(log: Sequence[RecordedCall], runs: Sequence[RecordedRun], file: str) -> None:
    known = {row.run: row for row in runs}
    for call in log:
        row = known.get(call.run)
        if row is None:
            problem = f"{call.run!r} is not in {file}"
            raise InputError(call.where, "run", problem, find_nearest(call.run, known))
        if row.agent != call.agent:
            problem = f"{row.agent!r}, but {call.where} has {call.agent!r}"
            raise InputError(row.where, "agent", problem)


class _Builder:
    """The tables under construction."""

    def __init__(
        self,
        log: list[RecordedCall],
        tasks: list[RecordedTask] | None,
        outcomes: list[RecordedRun] | None,
    ) -> None:
        self.log, self.tasks, self.outcomes = log, tasks, outcomes
        self.orgs, self.agents, self.attacks = _Ids(), _Ids(), _Ids()
        self.tools, self.texts = _Ids(), _Ids()
        self.run_names, self.task_names = _Ids(), _Ids()
        catalogues = _build_catalogues(log, tasks or [])
        for org in catalogues:
            self.orgs.add(org)
        self.bits = [catalogue.compute_bits() for catalogue in catalogues.values()]
        self.capabilities = [catalogue.compute_masks() for catalogue in catalogues.values()]
        self.scope_masks: dict[tuple[int, Scope], int] = {}

    def build(self, source: str) -> Recording:
        """Turn the rows into arrays, names numbered in the order of the files."""
        for task in self.tasks or ():
            self.task_names.add(task.task)
        runs = self._build_runs()
        operations, calls, arguments = self._build_calls()
        tasks, named = self._build_tasks()
        return Recording(
            source=source,
            orgs=tuple(self.orgs),
            agents=tuple(self.agents),
            attacks=tuple(self.attacks),
            tools=tuple(self.tools),
            texts=tuple(self.texts),
            run_names=tuple(self.run_names),
            task_names=tuple(self.task_names),
            capabilities=tuple(self.capabilities),
            role_masks=self._compute_role_masks(),
            has_tasks=self.tasks is not None,
            runs=runs,
            operations=operations,
            calls=calls,
            tasks=tasks,
            arguments=arguments,
            named=named,
        )

    def _build_runs(self) -> Records:
        outcomes = {row.run: row for row in self.outcomes or ()}
        rows: list[list[int]] = []
        for position, call in enumerate(self.log):
            if self.run_names.add(call.run) == len(rows):
                row = [self.agents.add(call.agent), self.orgs[call.org]]
                row += [self.task_names.add(call.task), *self._compute_outcome(outcomes, call.run)]
                rows.append([*row, position, 0])
            rows[-1][-1] += 1
        for run in outcomes.values():
            if self.run_names.add(run.run) == len(rows):
                row = [self.agents.add(run.agent), -1, -1]
                row += self._compute_outcome(outcomes, run.run)
                rows.append([*row, len(self.log), 0])
        return _build_records(rows, RUN)

    def _compute_outcome(self, outcomes: Mapping[str, RecordedRun], run: str) -> list[int]:
        row = outcomes.get(run)
        if row is None:
            return [self.attacks.add(""), -1, -1, 0]
        return [self.attacks.add(row.attack), row.attack_success, row.utility, int(row.aborted)]

    def _build_calls(self) -> tuple[Records, Records, Ints]:
        operations: dict[tuple[int, int, int, int, int], int] = {}
        rows: list[tuple[int, ...]] = []
        arguments: list[int] = []
        for call in self.log:
            org, tool, first = self.orgs[call.org], self.tools.add(call.tool), len(arguments)
            effect, egress = int(call.effect), int(call.egress)
            bit = self.bits[org][call.tool, Variant(call.effect, call.egress)]
            operation = operations.setdefault((org, tool, bit, effect, egress), len(operations))
            arguments += sorted(self.texts.add(text) for text in call.texts)
            rows.append((
                self.run_names[call.run], operation, tool, effect, egress,
                call.malicious, int(call.executed), call.exposed, call.t_us,
                self._compute_mask(org, call.scope), first, len(arguments),
            ))  # fmt: skip
        return (
            _build_records(operations, OPERATION),
            _build_records(rows, CALL),
            _build_ids(arguments),
        )

    def _compute_mask(self, org: int, scope: Scope) -> int:
        if scope is None:
            return NULL_SCOPE
        mask = self.scope_masks.get((org, scope))
        if mask is None:
            tools = self.capabilities[org]
            mask = self.scope_masks[org, scope] = sum(tools[tool] for tool in scope)
        return mask

    def _compute_role_masks(self) -> Ints:
        masks = [0] * len(self.orgs)
        for row in self.log if self.tasks is None else self.tasks:
            org = self.orgs[row.org]
            masks[org] |= KNOWN_MASK if row.scope is None else self._compute_mask(org, row.scope)
        return _build_ids(masks)

    def _build_tasks(self) -> tuple[Records, Ints]:
        carried: dict[str, set[str]] = {}
        for call in self.log:
            carried.setdefault(call.task, set()).update(call.texts)
        rows = [(0, 0)] * len(self.task_names)
        named: list[int] = []
        for task in self.tasks or ():
            first = len(named)
            texts = _find_named(task, carried.get(task.task, ()))
            named += sorted(self.texts[text] for text in texts)
            rows[self.task_names[task.task]] = (first, len(named))
        return _build_records(rows, TASK), _build_ids(named)


def _find_named(task: RecordedTask, texts: Iterable[str]) -> list[str]:
    """Texts the task names: listed among its values, or a part of its prompt."""
    values, prompt = frozenset(task.values), task.prompt.lower()
    return [text for text in texts if text in values or text in prompt]


def _build_catalogues(
    log: Sequence[RecordedCall], tasks: Sequence[RecordedTask]
) -> dict[str, Catalogue]:
    catalogues: dict[str, Catalogue] = {}
    for task in tasks:
        catalogue = catalogues.setdefault(task.org, Catalogue(task.org))
        catalogue.add_scope(task.where, task.scope)
    for call in log:
        catalogue = catalogues.setdefault(call.org, Catalogue(call.org))
        catalogue.add_scope(call.where, call.scope)
        catalogue.add_call(call.where, call.tool, Variant(call.effect, call.egress), call.scope)
    return catalogues


def _build_records(rows: Iterable[Sequence[int]], dtype: np.dtype[np.void]) -> Records:
    return np.array([tuple(row) for row in rows], dtype=dtype)


def _build_ids(values: Sequence[int]) -> Ints:
    return np.array(values, dtype=np.int64)
