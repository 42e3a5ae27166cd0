"""An outsider with a stolen key."""

from __future__ import annotations

from scipy.stats import binomtest

from sim.core.draws import Draws
from sim.core.records import ATTACK_CALL_FIRST, Goal
from sim.strategies.leaked_credential import LeakedCredential
from tests.worlds import create_seen

DRAWS = Draws(1, "leaked", 0)
N = 4000


def test_every_act_is_an_attack_with_the_stolen_key() -> None:
    seen = create_seen(N, account=7, offered_first=20, goals=[1, 4])
    intents = LeakedCredential(("a", "b"), "victim").act(seen, DRAWS)
    assert (intents["goal"] == Goal.ATTACK).all()
    assert (intents["call"] == ATTACK_CALL_FIRST).all()
    assert (intents["account"] == 7).all()
    assert set(intents["operation"].tolist()) == {21, 24}


def test_some_acts_are_old_transactions_sent_again() -> None:
    for share in (0, 250_000, 1_000_000):
        strategy = LeakedCredential(("a",), "victim", resend_ppm=share)
        resent = int(strategy.act(create_seen(N), DRAWS)["resent"].sum())
        assert resent == N * share // 1_000_000 or share == 250_000
        assert binomtest(resent, N, share / 1_000_000).pvalue > 1e-4
