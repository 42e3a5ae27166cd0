from __future__ import annotations

import pytest

from sim.ledger.rules import Judges as Code
from sim.ledger.rules import create_rules
from sim.policies.base import Judges, Policy
from sim.policies.disputes import compile_disputes


@pytest.mark.parametrize("judges", Judges)
def test_the_judges_are_those_of_the_policy(judges: Judges) -> None:
    rules = compile_disputes(Policy("p", judges=judges), create_rules())
    assert Code(rules.judges).name == judges.name


def test_only_an_operator_makes_its_member_give_back_what_it_has() -> None:
    claws = {
        judges: compile_disputes(Policy("p", judges=judges), create_rules()).claws_back
        for judges in Judges
    }
    assert claws == {judges: int(judges is Judges.OPERATOR) for judges in Judges}


def test_seats_time_and_bond_are_passed_on() -> None:
    rules = compile_disputes(Policy("p", committee=3, verdict_us=4, bond=5), create_rules())
    assert (rules.committee, rules.verdict_us, rules.bond_min) == (3, 4, 5)
