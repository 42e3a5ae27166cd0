"""`sim check` as it runs: progress, lines or one JSON document, and the files for a CI."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from sim.cli.progress import Bar
from sim.core.compiled import has_compiled_rules
from sim.core.errors import get_worst
from sim.experiment.accept import Acceptance, accept_scenario
from sim.experiment.check import Check, CheckOptions, check_scenario
from sim.experiment.gates import check_gates
from sim.report.gates_text import write_acceptance, write_check, write_end, write_markdown
from sim.report.junit import create_junit
from sim.scenario.policies import create_policies
from sim.trace.store import replace_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sim.experiment.judging import Verdict
    from sim.scenario.load import LoadedScenario

    Pairs = Sequence[tuple[LoadedScenario, Path]]


def check_and_print(
    pairs: Pairs,
    options: CheckOptions,
    junit: Path | None,
    markdown: Path | None,
    *,
    as_json: bool,
    quiet: bool,
) -> int:
    """Check every scenario, show and write what came of it; the worst exit code."""
    prepare(pairs, options, quiet=quiet)
    checks = []
    for loaded, path in pairs:
        with Bar(is_quiet=quiet) as progress:
            checks.append(check_scenario(loaded, path, options, progress))
        if not as_json:
            for line in write_check(checks[-1], quiet=quiet):
                typer.echo(line)
    if junit is not None:
        replace_file(junit, create_junit(checks))
    if markdown is not None:
        replace_file(markdown, write_markdown(checks).encode())
    code = get_worst(check.exit_code for check in checks)
    if as_json:
        document = {"exit_code": code, "scenarios": [create_document(check) for check in checks]}
        typer.echo(json.dumps(document, indent=2, allow_nan=False))
    elif not quiet:
        typer.echo(write_end(checks))
    return code


def accept_and_print(pairs: Pairs, options: CheckOptions, *, as_json: bool, quiet: bool) -> int:
    """Write the baseline of every scenario and show what that changes; the worst exit code."""
    prepare(pairs, options, quiet=quiet)
    accepted = []
    for loaded, path in pairs:
        with Bar(is_quiet=quiet) as progress:
            accepted.append(accept_scenario(loaded, path, options, progress))
        if not as_json:
            for line in write_acceptance(accepted[-1], quiet=quiet):
                typer.echo(line)
    code = get_worst(acceptance.exit_code for acceptance in accepted)
    if as_json:
        listed = [create_acceptance_document(acceptance) for acceptance in accepted]
        document = {"exit_code": code, "scenarios": listed}
        typer.echo(json.dumps(document, indent=2, allow_nan=False))
    return code


def prepare(pairs: Pairs, options: CheckOptions, *, quiet: bool) -> None:
    """Refuse what is wrong with any scenario before the first is run.

    Errors: InputError, InputErrors.
    """
    for loaded, _ in pairs:
        check_gates(loaded)
        create_policies(loaded, options.policies)
    if not quiet and not has_compiled_rules():
        typer.echo("Compiling the rules, once for this version: about a minute.", err=True)


def create_document(check: Check) -> dict[str, Any]:
    """A check of one scenario, every gate with its numbers."""
    return {
        "scenario": check.scenario,
        "baseline": check.baseline,
        "exit_code": check.exit_code,
        "problem": check.problem._asdict() if check.problem else None,
        "seed": check.seed,
        "replications": check.n,
        "looks": list(check.looks),
        "policies": {name: arm._asdict() for name, arm in check.arms.items()},
        "gates": [create_verdict_document(verdict) for verdict in check.verdicts],
    }


def create_verdict_document(verdict: Verdict) -> dict[str, Any]:
    """One gate; the bounds are of the mean difference, larger is worse."""
    gate, decision = verdict.gate, verdict.decision
    return {
        "policy": gate.policy,
        "metric": gate.outcome.name,
        "unit": gate.outcome.unit,
        "kind": gate.kind.value,
        "bound": gate.bound,
        "state": verdict.state.value,
        "baseline": verdict.old,
        "now": verdict.new,
        "worse_by": decision.mean,
        "low": decision.low,
        "high": decision.high,
        "p_worse": decision.p_worse,
        "n_required": decision.n_required,
        "text": verdict.text,
    }


def create_acceptance_document(acceptance: Acceptance) -> dict[str, Any]:
    """A baseline that was written: every outcome before and after."""
    return {
        "scenario": acceptance.scenario,
        "baseline": acceptance.baseline,
        "exit_code": acceptance.exit_code,
        "problem": acceptance.problem._asdict() if acceptance.problem else None,
        "seed": acceptance.seed,
        "replications": acceptance.n,
        "changes": [change._asdict() for change in acceptance.changes],
        "failing": [create_verdict_document(verdict) for verdict in acceptance.failing],
    }
