"""`sim conformance`: whether a package's plug-ins keep to what all of them must."""

# ruff: noqa: PLC0415 - `sim --help` must not wait for numpy and numba
from __future__ import annotations

import json
from typing import Annotated

import typer


def conformance(
    package: Annotated[
        str,
        typer.Argument(
            metavar="[PACKAGE]",
            help="An installed package, or a folder with a pyproject.toml; Ambit by default.",
        ),
    ] = "ambit-sim",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only what fails.")] = False,
) -> None:
    """Check what a package adds to Ambit by entry points; exit 1 if a check fails."""
    from sim.experiment.conformance.battery import find_plugins, run_checks
    from sim.report.printable import make_printable

    plugins = find_plugins(package)
    findings = []
    for finding in run_checks(plugins):
        findings.append(finding)
        if as_json or (quiet and not finding.fault):
            continue
        fault = f": {finding.fault}" if finding.fault else ""
        verdict = "FAILS" if finding.fault else "holds"
        line = f"{verdict}  {finding.kind} {finding.name}: {finding.check}{fault}"
        typer.echo(make_printable(line))
    n_failed = sum(1 for finding in findings if finding.fault)
    if as_json:
        checks = [{**finding._asdict(), "holds": not finding.fault} for finding in findings]
        document = {"package": package, "passes": n_failed == 0, "checks": checks}
        typer.echo(json.dumps(document, indent=2))
    else:
        what = "1 plug-in" if len(plugins) == 1 else f"{len(plugins)} plug-ins"
        typer.echo(f"{package}: {len(findings)} checks of {what}, {n_failed} failed")
    if n_failed:
        raise typer.Exit(1)
