from __future__ import annotations

import pytest

from sim.ledger.rules import Weighting as Code
from sim.ledger.rules import create_rules
from sim.policies.base import Policy, Weighting
from sim.policies.ratings import compile_ratings


@pytest.mark.parametrize("weighting", Weighting)
def test_a_rating_weighs_what_the_policy_says(weighting: Weighting) -> None:
    rules = compile_ratings(Policy("p", rating_weight=weighting), create_rules())
    assert Code(rules.rating_weight).name == weighting.name
