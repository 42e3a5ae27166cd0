"""Strategies and traders by name."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, TypeAlias

import pytest

from sim.strategies import registry
from sim.strategies.ballot_stuffer import BallotStuffer
from sim.strategies.deadbeat import Deadbeat
from sim.strategies.griefer import Griefer
from sim.strategies.honest import Honest
from sim.strategies.honest_buyer import HonestBuyer
from sim.strategies.honest_judge import HonestJudge
from sim.strategies.honest_seller import HonestSeller
from sim.strategies.over_scoper import OverScoper
from sim.strategies.registry import (
    create_harmless,
    create_plain,
    has_identity_trick,
    load_strategies,
    load_traders,
)
from sim.strategies.rubber_stamp import RubberStamp
from sim.strategies.sybil import Sybil
from sim.strategies.trading import Trader
from sim.strategies.whitewasher import Whitewasher

Load: TypeAlias = Callable[[], dict[str, Any]]


TABLES = [load_strategies, load_traders]


class Nobody:
    """Neither works nor trades."""


class Everybody(Honest):
    """Works and trades."""

    def trade(self, seen: object, draws: object) -> None:
        """Nothing."""


def install(monkeypatch: pytest.MonkeyPatch, *added: tuple[str, type]) -> None:
    """As if packages had brought these."""
    entries = [SimpleNamespace(name=name, load=lambda kind=kind: kind) for name, kind in added]
    monkeypatch.setattr(
        registry, "entry_points", lambda group: entries * (group == "ambit.strategies")
    )


@pytest.mark.parametrize("load", TABLES)
def test_names_are_those_of_their_files(load: Load) -> None:
    modules = {kind.__module__.rpartition(".")[2] for kind in load().values()}
    assert modules == set(load())


def test_a_package_may_add_to_either_table(monkeypatch: pytest.MonkeyPatch) -> None:
    before = load_strategies(), load_traders()
    install(monkeypatch, ("mine", Honest), ("ours", HonestJudge))
    assert load_strategies() == before[0] | {"mine": Honest}
    assert load_traders() == before[1] | {"ours": HonestJudge}


@pytest.mark.parametrize("load", TABLES)
@pytest.mark.parametrize(
    "added",
    [
        [("honest", Honest)],
        [("sybil", HonestJudge)],
        [("honest", HonestJudge)],
        [("sybil", Honest)],
        [("mine", Honest), ("mine", HonestJudge)],
    ],
    ids=str,
)
def test_a_package_may_not_take_a_name_of_either_table(
    load: Load, added: list[tuple[str, type]], monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, *added)
    with pytest.raises(ValueError, match=f"'{added[0][0]}' is defined twice"):
        load()


@pytest.mark.parametrize("load", TABLES)
@pytest.mark.parametrize("kind", [Nobody, Everybody])
def test_what_a_package_brings_works_or_trades(
    load: Load, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, ("mine", kind))
    with pytest.raises(ValueError, match="'mine' needs either `act` or `trade`"):
        load()


def test_without_an_attacker_an_agent_only_works() -> None:
    assert create_harmless(OverScoper(("wipe",))) == Honest()
    careless = Honest(error_ppm=7)
    assert create_harmless(careless) is careless


@pytest.mark.parametrize(
    ("adversary", "honest"),
    [
        (Sybil(), HonestSeller()),
        (Deadbeat(), HonestBuyer()),
        (Griefer(), HonestBuyer()),
        (RubberStamp(), HonestJudge()),
    ],
    ids=str,
)
def test_without_an_attacker_a_trader_does_as_its_role_does(
    adversary: Trader, honest: Trader
) -> None:
    assert create_harmless(adversary) == honest


def test_who_is_honest_keeps_its_knobs() -> None:
    careful = HonestBuyer(score_ppm_min=900_000)
    assert create_harmless(careful) is careful


@pytest.mark.parametrize(
    ("trader", "plain"),
    [
        (Sybil(identities=4, fraud_ppm=9), Sybil(identities=1, fraud_ppm=9)),
        (BallotStuffer(identities=4), BallotStuffer(identities=1)),
        (Whitewasher(leave_ppm=9, rejoins=3), Whitewasher(leave_ppm=9, rejoins=0)),
    ],
    ids=str,
)
def test_a_plain_attacker_keeps_all_but_its_identity_trick(trader: Trader, plain: Trader) -> None:
    assert create_plain(trader) == plain
    assert has_identity_trick(trader)
    assert not has_identity_trick(plain)


def test_only_three_attacks_are_about_identity() -> None:
    tricky = {name for name, kind in load_traders().items() if has_identity_trick(kind())}
    assert tricky == {"sybil", "ballot_stuffer", "whitewasher"}
