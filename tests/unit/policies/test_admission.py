from __future__ import annotations

from sim.ledger.rules import create_rules
from sim.policies.admission import compile_admission
from sim.policies.base import Policy


def test_floors_and_the_limit_of_newcomers_are_passed_on() -> None:
    policy = Policy("p", stake_min=1, reputation_ppm_min=2, newcomer_price_max=3)
    rules = compile_admission(policy, create_rules())
    assert (rules.stake_min, rules.reputation_ppm_min, rules.newcomer_price_max) == (1, 2, 3)


def test_by_default_anybody_may_sell() -> None:
    rules = compile_admission(Policy("p"), create_rules())
    assert (rules.stake_min, rules.reputation_ppm_min, rules.newcomer_price_max) == (0, 0, 0)
