from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.core.errors import InputErrors
from sim.scenario.load import load_scenario
from tests.worlds import write_scenario

HARM = {"metric": "harm_per_episode", "margin": 10}
ZERO = {"metric": "ledger_safety_violations", "zero": False}
REFUSED: dict[str, tuple[list[dict[str, Any]], str, str, str]] = {
    # gates, key, problem, nearest name
    "an unknown policy": (
        [HARM | {"policies": ["gateway", "chian"]}],
        "gates[0].policies[1]", "unknown policy 'chian'", "chain",
    ),
    "nothing to hold": (
        [{"metric": "harm_per_episode"}], "gates[0]", "needs `margin`, `limit` or `zero`", "",
    ),
    "zero and a limit": (
        [{"metric": "harm_per_episode", "limit": 5, "zero": True}],
        "gates[0].zero", "leaves nothing for `margin` or `limit` to hold", "",
    ),
    "lifted without a reason": (
        [ZERO], "gates[0].zero", "needs `because`: why this gate is lifted", "",
    ),
    "a reason for nothing": (
        [HARM | {"because": "Why not."}], "gates[0].because", "is only for `zero: false`", "",
    ),
    "the same twice": (
        [HARM | {"policies": ["chain"]}, HARM],
        "gates[1]", "holds 'harm_per_episode' a second time, as gates[0] does", "",
    ),
    "an unknown key": ([HARM | {"marign": 1}], "gates[0].marign", "unknown key", "margin"),
    "no margin at all": (
        [HARM | {"margin": 0}], "gates[0].margin", "must be more than 0", "",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("gates", "key", "problem", "nearest"), REFUSED.values(), ids=REFUSED)
def test_a_gate_that_says_nothing_sound_is_refused_at_its_place(
    gates: list[dict[str, Any]], key: str, problem: str, nearest: str, tmp_path: Path
) -> None:
    with pytest.raises(InputErrors) as caught:
        load_scenario(write_scenario(tmp_path, gates=gates))
    (error,) = caught.value.errors
    assert (error.key, error.nearest) == (key, nearest)
    assert problem in error.problem
    assert error.where.line > 1


@pytest.mark.parametrize(
    "gates",
    [
        [],
        [HARM, HARM | {"metric": "utility_clean"}],
        [HARM | {"policies": ["chain"]}, HARM | {"policies": ["gateway"], "margin": 3}],
        [HARM, {"metric": "harm_per_episode", "limit": 0.5}],
        [ZERO | {"because": "Two of four lie.", "limit": 1, "policies": ["chain"]}],
    ],
)
def test_gates_of_different_things_stand_beside_each_other(
    gates: list[dict[str, Any]], tmp_path: Path
) -> None:
    assert len(load_scenario(write_scenario(tmp_path, gates=gates)).scenario.gates) == len(gates)
