"""The lever `approval`."""

from __future__ import annotations

import pytest

from sim.core.records import Effect
from sim.ledger.rules import create_rules
from sim.policies.approval import compile_approval
from sim.policies.base import Policy


@pytest.mark.parametrize(
    ("effects", "mask"),
    [
        ((), 0),
        ((Effect.READ,), 0b001),
        ((Effect.DESTRUCTIVE,), 0b100),
        ((Effect.WRITE, Effect.DESTRUCTIVE), 0b110),
        ((Effect.WRITE, Effect.WRITE), 0b010),
    ],
)
def test_each_effect_is_one_bit(effects: tuple[Effect, ...], mask: int) -> None:
    rules = compile_approval(Policy("p", approval=effects), create_rules())
    assert rules.approval_effects == mask


def test_nothing_else_changes() -> None:
    before = create_rules(fee_min=3)
    after = compile_approval(Policy("p", approval=(Effect.WRITE,)), before)
    assert after._replace(approval_effects=0) == before
