"""What `sim verify` found, in lines for a person and as a document for a program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.experiment.verify import Kind
from sim.report.printable import make_printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.experiment.verify import Finding, Verdict

WORDS = {
    Kind.DAMAGED: "damaged",
    Kind.DIFFERS: "not what comes out",
    Kind.UNDECIDED: "undecided",
}
LISTED_MAX = 20


def write_verdict(verdict: Verdict) -> list[str]:
    """One line for each thing that is wrong, and one that sums up."""
    lines = [_write_finding(finding) for finding in verdict.findings[:LISTED_MAX]]
    if len(verdict.findings) > LISTED_MAX:
        lines.append(f"and {len(verdict.findings) - LISTED_MAX} more")
    if verdict.other_code:
        codes = ", ".join(verdict.other_code)
        lines.append(
            f"{verdict.folder}: made by other code ({codes}): where it differs, nothing is decided"
        )
    return [*lines, f"{verdict.folder}: {_sum_up(verdict)}"]


def _write_finding(finding: Finding) -> str:
    who = f"{finding.policy} (seed {finding.seed}): " if finding.policy else ""
    text = f"{finding.where}: {WORDS[finding.kind]}: {who}{finding.problem}"
    return make_printable(text)


def _sum_up(verdict: Verdict) -> str:
    files = f"{verdict.n_files} file{'' if verdict.n_files == 1 else 's'}"
    kinds = {finding.kind for finding in verdict.findings}
    if Kind.DAMAGED in kinds:
        n_damaged = sum(finding.kind is Kind.DAMAGED for finding in verdict.findings)
        return f"DAMAGED: {n_damaged} of {files}; nothing was run again"
    ran = f"{verdict.n_replications} replications run again on a fresh ledger"
    if Kind.DIFFERS in kinds:
        return f"NOT AS STORED: {files} as written, {ran}, and the run is not what is stored"
    if kinds:
        return f"UNDECIDED: {files} as written, {ran}, and this code cannot tell"
    if not verdict.n_replications:
        return f"as written: {files}; nothing was run again"
    return f"as stored: {files} as written, {ran}, every record the same"


def create_document(verdicts: Sequence[Verdict], exit_code: int) -> dict[str, Any]:
    """Everything that was found, as one JSON document."""
    return {
        "exit_code": exit_code,
        "results": [
            {
                "folder": str(verdict.folder),
                "files": verdict.n_files,
                "replications_run_again": verdict.n_replications,
                "other_code": verdict.other_code,
                "findings": [_create_finding(finding) for finding in verdict.findings],
            }
            for verdict in verdicts
        ],
    }


def _create_finding(finding: Finding) -> dict[str, Any]:
    document: dict[str, Any] = {
        "kind": finding.kind.name.lower(),
        "where": finding.where,
        "problem": finding.problem,
    }
    if finding.policy:
        document |= {"policy": finding.policy, "seed": finding.seed}
    if finding.difference is not None:
        record = finding.difference._asdict()
        values = {key: _make_plain(record[key]) for key in ("stored", "recomputed")}
        document["record"] = record | values
    return document


def _make_plain(value: Any) -> Any:
    """A number that JSON lacks becomes its name."""
    is_plain = value is None or isinstance(value, str | int | list | dict)
    return value if is_plain else str(value)
