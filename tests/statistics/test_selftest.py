"""The shipped self-test: what it finds here with few samples, and defects that it must find."""

from __future__ import annotations

import json
from functools import partial

import pytest
from typer.testing import CliRunner

import sim.stats.selftest as module
from sim.cli.app import app
from sim.report.selftest_table import create_table, summarize
from sim.stats.intervals import compute_wilson
from sim.stats.noninferiority import GateDecision, GateState
from sim.stats.ranking import Selection
from sim.stats.selftest import (
    CASES,
    RATE,
    Case,
    Check,
    Draws,
    Limits,
    check_coverage,
    check_gate,
    check_gate_family,
    check_selection,
    create_draws,
    draw_clustered,
    is_covered,
    run_checks,
    sample_rate_bca,
)

N_MACRO = 200


@pytest.mark.slow
def test_all_that_is_offered_does_as_often_as_it_says() -> None:
    checks = list(run_checks(N_MACRO))
    assert [check for check in checks if check.is_offered and not check.passes] == []
    assert len(checks) == len(CASES) + 3 + 8 + 2 + 2 + 1
    assert not all(check.is_offered for check in checks)


def test_an_interval_over_pooled_calls_is_caught() -> None:
    def sample_pooled(draws: Draws, n: int) -> Limits:
        num, den, _ = draw_clustered(draws, n, 0.05)
        return compute_wilson(int(num.sum()), int(den.sum()))[1:3]

    case = Case("pooled", "clustered", 30, RATE, sample_pooled)
    assert not check_coverage(case, N_MACRO, create_draws(1, 0)).passes


def test_an_interval_that_is_far_too_wide_is_caught() -> None:
    case = Case("wide", "any", 30, 0.0, lambda draws, n: (-9.0, 9.0))
    assert not check_coverage(case, 2_000, create_draws(1, 0)).passes


@pytest.mark.slow
def test_bca_at_few_strongly_clustered_replications_is_rightly_not_offered() -> None:
    case = Case("BCa", "clustered .2", 30, RATE, partial(sample_rate_bca, 0.2))
    assert not check_coverage(case, 2_000, create_draws(1, 0)).passes


def test_a_gate_that_passes_what_is_not_significantly_worse_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def decide_generously(differences: object, margin: float) -> GateDecision:
        return GateDecision(GateState.PASS, 0.0, 0.0, 0.0, margin, 1)

    monkeypatch.setattr(module, "decide", decide_generously)
    assert not all(check.passes for check in check_gate(N_MACRO, create_draws(1, 0)))


def test_a_check_whose_gates_each_fail_by_themselves_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    corrected, alone = check_gate_family(N_MACRO, create_draws(1, 0))
    assert corrected.passes
    assert alone.share == pytest.approx(1 - 0.95**20, abs=0.25)  # 40 checks
    assert not alone.passes
    monkeypatch.setattr(module, "correct_fails", list)
    assert not next(check_gate_family(N_MACRO, create_draws(1, 0))).passes


def test_a_selection_at_random_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "select_best", lambda samples, delta: Selection((1,), 10, 40))
    assert not any(check.passes for check in check_selection(N_MACRO, create_draws(1, 0)))


@pytest.mark.parametrize("limits", [None, (None, None), (1.0, 2.0), (-2.0, -1.0)])
def test_no_limits_hold_nothing(limits: Limits) -> None:
    assert not is_covered(limits, 0.0)


def test_each_check_has_its_own_draws() -> None:
    drawn = {create_draws(seed, stream).random() for seed in (1, 2) for stream in (0, 1)}
    assert len(drawn) == 4
    assert create_draws(1, 0).random() == create_draws(1, 0).random()


CHECKS = [
    Check("t covers", "normal", 30, 0.95, 0.93, 0.97),
    Check("t covers", "lognormal", 30, 0.875, 0.93, 0.97, is_offered=False),
    Check("BCa covers", "normal", 30, 0.90, 0.93, 0.97),
]


def test_the_table_tells_failed_from_not_offered() -> None:
    lines = create_table(CHECKS)
    assert [line.split()[-1] for line in lines[1:]] == ["passed", "offered", "FAILED"]
    assert "1 of 2 checks passed, over 200 macro-replications." in summarize(CHECKS, 200)


@pytest.mark.parametrize(("kept", "code"), [(CHECKS[:2], 0), (CHECKS, 1)])
def test_the_exit_code_is_one_if_something_offered_fails(
    kept: list[Check], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "run_checks", lambda n_macro, seed: iter(kept))
    result = CliRunner().invoke(app, ["selftest", "--json", "--macro-replications", "20"])
    assert result.exit_code == code
    document = json.loads(result.stdout)
    assert document["passes"] is (code == 0)
    assert [check["passes"] for check in document["checks"]] == [c.passes for c in kept]
    assert CliRunner().invoke(app, ["selftest"]).exit_code == code
