"""What `sim check` says: lines for a terminal, and a table for a pull request."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from sim.core.errors import get_worst
from sim.experiment.gates import GateKind
from sim.report.printable import make_printable
from sim.stats.noninferiority import GateState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sim.experiment.accept import Acceptance
    from sim.experiment.check import Check
    from sim.experiment.judging import Verdict

GREEN = (GateState.IDENTICAL, GateState.PASS)
WORDS = {0: "pass", 1: "fail", 2: "not comparable", 3: "invariant broke", 4: "environment"}
WORDS |= {5: "inconclusive"}


def write_check(check: Check, *, quiet: bool) -> Iterator[str]:
    """Lines about one scenario: what is not green, then how much is."""
    name = make_printable(check.scenario)
    if check.problem:
        yield f"{name}: {check.problem.kind}"
        yield from (f"  {make_printable(line)}" for line in check.problem.text.splitlines())
        return
    if quiet and check.exit_code == 0:
        return
    yield f"{name}: {WORDS[check.exit_code]}"
    for verdict in check.verdicts:
        if verdict.state not in GREEN or (not quiet and is_worth_a_line(verdict)):
            yield f"  {verdict.state:<13} {write_verdict(verdict)}"
    if not quiet:
        yield from (f"  {'pass':<13} {line}" for line in write_zeros(check.verdicts))
        yield f"  {write_counts(check.verdicts)}; {write_basis(check)}"
        yield from (f"  {line}" for line in write_notes(check))


def is_worth_a_line(verdict: Verdict) -> bool:
    """Whether a gate is shown on its own: all but what is identical or held at zero."""
    if verdict.gate.kind is GateKind.ZERO:
        return verdict.state is not GateState.PASS
    return verdict.state is not GateState.IDENTICAL


def write_zeros(verdicts: Sequence[Verdict]) -> list[str]:
    """What is held at zero, with the bound, and under which policies."""
    held: dict[tuple[str, str], list[str]] = {}
    for verdict in verdicts:
        if verdict.gate.kind is GateKind.ZERO and verdict.state is GateState.PASS:
            key = verdict.gate.outcome.name, verdict.text
            held.setdefault(key, []).append(verdict.gate.policy)
    return [
        make_printable(f"{name}: {text} ({', '.join(names)})")
        for (name, text), names in held.items()
    ]


def write_verdict(verdict: Verdict) -> str:
    """One gate on one line."""
    gate = verdict.gate
    values = f"{format_number(verdict.old)} -> {format_number(verdict.new)} {gate.outcome.unit}"
    return make_printable(f"{gate.policy}  {gate.outcome.name}  {values}: {verdict.text}")


def write_counts(verdicts: Sequence[Verdict]) -> str:
    """How many gates ended how: `40 identical, 2 pass`."""
    counts = Counter(verdict.state for verdict in verdicts)
    return ", ".join(f"{counts[state]} {state}" for state in GateState if counts[state])


def write_basis(check: Check) -> str:
    """Of how many replications, which seed, and how often it was looked."""
    text = f"n = {check.n} replications, seed {check.seed}"
    if len(check.looks) > 1:
        at = ", ".join(map(str, check.looks))
        text += f", looks declared at {at}, the level shared among them"
    return text


def write_notes(check: Check) -> list[str]:
    """Which policies are not what was accepted, green or not."""
    levers = [name for name, arm in check.arms.items() if not arm.has_same_levers]
    records = [name for name, arm in check.arms.items() if arm.has_same_record is False]
    lines = []
    if levers:
        lines.append(f"other levers than in the baseline: {', '.join(levers)}")
    if records:
        lines.append(f"other records than in the baseline: {', '.join(records)}")
    return lines


def write_end(checks: Sequence[Check]) -> str:
    """The last line: how it ended, and with which exit code."""
    code = get_worst(check.exit_code for check in checks)
    counts = write_counts([verdict for check in checks for verdict in check.verdicts])
    n = f"{len(checks)} scenario{'s' if len(checks) > 1 else ''}"
    return f"sim check: {WORDS[code]} (exit {code}): {n}, {counts or 'no gate was decided'}"


def write_acceptance(acceptance: Acceptance, *, quiet: bool) -> Iterator[str]:
    """Lines about a baseline that was written: what it changes, and what fails all the same."""
    name = make_printable(acceptance.scenario)
    if acceptance.problem:
        yield f"{name}: not accepted, {acceptance.problem.kind}"
        yield from (f"  {make_printable(line)}" for line in acceptance.problem.text.splitlines())
        return
    path = make_printable(acceptance.baseline)
    yield f"{name}: accepted, n = {acceptance.n}, seed {acceptance.seed}, in {path}"
    moved = [change for change in acceptance.changes if change.old != change.new]
    for change in () if quiet else moved:
        values = f"{format_number(change.old)} -> {format_number(change.new)} {change.unit}"
        state = "" if change.state is None else f": {change.state} against the old baseline"
        yield f"  {change.policy}  {change.outcome}  {values}{state}"
    if not quiet:
        yield f"  {len(moved)} of {len(acceptance.changes)} outcomes have another mean"
    for verdict in acceptance.failing:
        yield f"  fails all the same: {write_verdict(verdict)}"


def write_markdown(checks: Sequence[Check]) -> str:
    """A summary for a pull request: a line for each scenario, a table of what moved."""
    code = get_worst(check.exit_code for check in checks)
    lines = [f"### Safety gate: {WORDS[code]}", ""]
    for check in checks:
        text = check.problem.text if check.problem else write_counts(check.verdicts)
        kind = check.problem.kind if check.problem else WORDS[check.exit_code]
        basis = "" if check.problem else f" ({write_basis(check)})"
        lines.append(f"- **{escape(check.scenario)}**: {kind}: {escape(text)}{basis}")
        lines += [f"  - {escape(note)}" for note in write_notes(check)]
        lines += [f"  - {escape(zero)}" for zero in write_zeros(check.verdicts)]
    rows = [
        (check.scenario, verdict)
        for check in checks
        for verdict in check.verdicts
        if is_worth_a_line(verdict)
    ]
    if rows:
        lines += ["", "| state | scenario | policy | outcome | baseline | now | |"]
        lines.append("|---|---|---|---|--:|--:|---|")
        lines += [_write_row(scenario, verdict) for scenario, verdict in rows]
    return "\n".join(lines) + "\n"


def _write_row(scenario: str, verdict: Verdict) -> str:
    gate = verdict.gate
    state = f"{verdict.state}" if verdict.state in GREEN else f"**{verdict.state}**"
    cells: Iterable[str] = (
        scenario,
        gate.policy,
        gate.outcome.name,
        format_number(verdict.old),
        f"{format_number(verdict.new)} {gate.outcome.unit}",
        verdict.text,
    )
    return f"| {state} | {' | '.join(map(escape, cells))} |"


def escape(text: str) -> str:
    """Text that Markdown and HTML take for nothing but text, on one line."""
    plain = make_printable(" ".join(text.split()))
    entities = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]|#!~@])", r"\\\1", entities)


def format_number(number: float | None) -> str:
    """Four digits; a dash where there is none."""
    return "-" if number is None else f"{number:.4g}"
