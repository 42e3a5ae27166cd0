"""Strategies by name, those of installed packages among them."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from sim.core.market import Trick
from sim.strategies.base import Strategy
from sim.strategies.honest import Honest
from sim.strategies.injected import Injected
from sim.strategies.leaked_credential import LeakedCredential
from sim.strategies.over_scoper import OverScoper
from sim.strategies.replay import Replay
from sim.strategies.scripted import Scripted

if TYPE_CHECKING:
    from collections.abc import Iterable


def load_strategies() -> dict[str, type[Strategy]]:
    """Strategy classes by name.

    Entry points of the group `ambit.strategies` add to them; each names a frozen dataclass.
    Errors: ValueError if a package reuses a name.
    """
    strategies: dict[str, type[Strategy]] = {
        "honest": Honest,
        "over_scoper": OverScoper,
        "injected": Injected,
        "leaked_credential": LeakedCredential,
        "scripted": Scripted,
        "replay": Replay,
    }
    for entry in entry_points(group="ambit.strategies"):
        if entry.name in strategies:
            raise ValueError(f"strategy {entry.name!r} is defined twice")
        strategies[entry.name] = entry.load()
    return strategies


def find_tricks(names: Iterable[str]) -> set[Trick]:
    """What the attackers among these strategies do with names."""
    strategies = load_strategies()
    tricks = {getattr(strategies[name], "trick", None) for name in names}
    return {trick for trick in Trick if trick in tricks}


def create_harmless(strategy: Strategy) -> Strategy:
    """The same agent without an attacker in it: one with goals only works."""
    return Honest() if getattr(strategy, "goals", ()) else strategy
