"""The compiled ledger beside the reference machine, on the same random operations."""

from __future__ import annotations

from functools import cache

import pytest

from sim.core.reasons import Reason
from tests.property.reachable import REACHABLE
from tests.property.rule_sets import MARKETS, RULES
from tests.property.sequences import Run, run_sequence

N_OPERATIONS = 240
SEEDS = range(40)


@cache
def run_all(rules: str) -> list[Run]:
    seeds = SEEDS[: len(SEEDS) // 2] if rules in MARKETS else SEEDS
    return [run_sequence(rules, seed, N_OPERATIONS) for seed in seeds]


@pytest.mark.parametrize("rules", RULES)
def test_receipts_and_state_are_equal_after_every_operation(rules: str) -> None:
    for run in run_all(rules):
        assert not run.mismatch, run.mismatch


@pytest.mark.parametrize("rules", RULES)
def test_every_invariant_holds_over_every_sequence(rules: str) -> None:
    for run in run_all(rules):
        run.check_invariants()


def test_every_outcome_of_every_kind_was_seen_and_no_other() -> None:
    receipts = [receipt for rules in RULES for run in run_all(rules) for receipt in run.receipts]
    seen = {(receipt["kind"], receipt["code"]) for receipt in receipts}
    reachable = {(kind, reason) for kind, reasons in REACHABLE.items() for reason in reasons}
    assert {pair for pair in seen if pair[0] in REACHABLE} == reachable


@pytest.mark.parametrize(
    ("rules", "believed"),
    [
        ("token_with_lag", Reason.CAPABILITY_DENIED),
        ("token_with_lag", Reason.BAD_SIGNATURE),
        ("client_scopes", Reason.CAPABILITY_DENIED),
        ("claims", Reason.CAPABILITY_DENIED),
    ],
)
def test_whoever_takes_a_word_for_it_applies_what_the_receipt_calls_a_violation(
    rules: str, believed: Reason
) -> None:
    receipts = [receipt for run in run_all(rules) for receipt in run.receipts]
    applied = [receipt for receipt in receipts if receipt["code"] == Reason.APPLIED]
    assert any(receipt["violations"] >> believed & 1 for receipt in applied)


def test_the_sequences_are_long_enough() -> None:
    assert sum(len(run.transactions) for rules in RULES for run in run_all(rules)) >= 150_000
