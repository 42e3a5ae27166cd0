"""An agent whose calls are written down beforehand."""

from __future__ import annotations

from sim.core.draws import Draws
from sim.core.records import Goal
from sim.strategies.replay import Replay
from tests.worlds import create_seen


def test_it_does_what_is_written_and_nothing_else() -> None:
    seen = create_seen(
        3,
        step=[0, 1, 2],
        goal=[Goal.WORK, Goal.ATTACK, Goal.WORK],
        path=[-1, 999_999, 0],
        operation=[4, 5, 6],
        account=[1, 9, 1],
    )
    intents = Replay().act(seen, Draws(1, "replay", 0))
    for name in ("goal", "path", "operation", "account"):
        assert intents[name].tolist() == getattr(seen, name).tolist()
    assert intents["call"].tolist() == [0, 1, 2]


def test_chance_does_not_touch_it() -> None:
    seen = create_seen(5)
    first, second = (Replay().act(seen, Draws(seed, "replay", 0)) for seed in (1, 2))
    assert first.tolist() == second.tolist()
