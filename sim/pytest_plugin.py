"""The safety gate inside somebody's own pytest suite: a fixture `safety_gate`.

pytest loads this at every start wherever Ambit is installed, so it imports nothing of Ambit until
a test asks for a gate.
"""

# ruff: noqa: PLC0415 - whoever runs no gate must not wait for numpy and numba
from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INCONCLUSIVE = 5  # exit code of `sim check`


@dataclass(frozen=True)
class SafetyGate:
    """Holds scenarios to their gates; a call that returns has held them all."""

    root: Path  # paths that are not absolute start here
    is_accepting: bool

    def __call__(
        self,
        scenario: str | Path,
        *,
        baseline: str | Path = "results/baselines",
        policies: Sequence[str] = (),
        replications: int | None = None,
        seed: int | None = None,
        extend: bool = False,
        workers: int = 1,
        settings: Mapping[str, object] | None = None,
        allow_inconclusive: bool = False,
    ) -> None:
        """Fail the test unless every gate of a scenario holds, as `sim check` would.

        `baseline` is a .json file or a folder with NAME.json in it; `settings` are values by
        dotted path, as of `--set`. What is undecided fails too, unless it is allowed. With
        `--ambit-accept` the baseline is written anew instead.
        """
        from sim.core.errors import AmbitError
        from sim.experiment.accept import accept_scenario
        from sim.experiment.check import CheckOptions, check_scenario, find_paths
        from sim.report.gates_text import write_acceptance, write_check
        from sim.scenario.load import load_scenario
        from sim.scenario.settings import parse_setting

        try:
            changes = [parse_setting(f"{key}={value}") for key, value in (settings or {}).items()]
            loaded = load_scenario(self.root / scenario, changes)
            (path,) = find_paths([loaded.name], self.root / baseline)
            options = CheckOptions(tuple(policies), replications, seed, workers, extend)
            if self.is_accepting:
                whole = replace(options, policies=(), is_extending=False)
                acceptance = accept_scenario(loaded, path, whole)
                code, lines = acceptance.exit_code, write_acceptance(acceptance, quiet=True)
            else:
                check = check_scenario(loaded, path, options)
                code, lines = check.exit_code, write_check(check, quiet=True)
        except AmbitError as error:
            pytest.fail(str(error), pytrace=False)
        if code and not (code == INCONCLUSIVE and allow_inconclusive):
            pytest.fail("\n".join(lines), pytrace=False)


@pytest.fixture(scope="session")
def safety_gate(pytestconfig: pytest.Config) -> SafetyGate:
    """Call it with a scenario file: the test fails unless all of its gates hold."""
    return SafetyGate(pytestconfig.rootpath, bool(pytestconfig.getoption("ambit_accept")))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let baselines be written anew from pytest."""
    parser.getgroup("ambit").addoption(
        "--ambit-accept",
        action="store_true",
        dest="ambit_accept",
        help="write the baselines of all safety gates anew instead of holding them",
    )
