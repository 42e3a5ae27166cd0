"""Strategies by name."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from sim.core.market import Trick
from sim.strategies import registry
from sim.strategies.honest import Honest
from sim.strategies.registry import load_strategies


def test_names_are_those_of_their_files() -> None:
    modules = {kind.__module__.rpartition(".")[2] for kind in load_strategies().values()}
    assert modules == set(load_strategies())


def test_a_package_may_add_a_strategy(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = SimpleNamespace(name="mine", load=lambda: Honest)
    monkeypatch.setattr(
        registry, "entry_points", lambda group: [entry] * (group == "ambit.strategies")
    )
    assert load_strategies()["mine"] is Honest


def test_a_package_may_not_take_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = SimpleNamespace(name="honest", load=lambda: Honest)
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry])
    with pytest.raises(ValueError, match="'honest' is defined twice"):
        load_strategies()


def test_tricks_are_those_that_strategies_say_they_use(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = type("Crowd", (Honest,), {"trick": Trick.SYBIL})
    table = {"honest": Honest, "crowd": crowd}
    monkeypatch.setattr(registry, "load_strategies", lambda: table)
    assert registry.find_tricks(["honest"]) == set()
    assert registry.find_tricks(["crowd", "honest", "crowd"]) == {Trick.SYBIL}
