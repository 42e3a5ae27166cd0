from __future__ import annotations

import pytest

from sim.ledger.rules import Slashing as Code
from sim.ledger.rules import create_rules
from sim.policies.base import Policy, Slashing
from sim.policies.slashing import compile_slashing


@pytest.mark.parametrize("slashing", Slashing)
def test_the_rule_is_that_of_the_policy(slashing: Slashing) -> None:
    rules = compile_slashing(Policy("p", slashing=slashing), create_rules())
    assert Code(rules.slash_rule).name == slashing.name


def test_the_numbers_are_passed_on() -> None:
    policy = Policy("p", slash_rate_ppm=1, slash_fixed=2, slash_harm_ppm=3)
    rules = compile_slashing(policy, create_rules())
    assert (rules.slash_rate_ppm, rules.slash_fixed, rules.slash_harm_ppm) == (1, 2, 3)
