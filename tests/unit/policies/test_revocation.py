"""The lever `revocation_lag`."""

from __future__ import annotations

from sim.ledger.rules import create_rules
from sim.policies.base import Policy
from sim.policies.revocation import compile_revocation_lag


def test_the_lag_is_handed_on() -> None:
    before = create_rules()
    after = compile_revocation_lag(Policy("p", revocation_lag_us=60), before)
    assert after.revocation_lag_us == 60
    assert after._replace(revocation_lag_us=0) == before
