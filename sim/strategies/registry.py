"""Strategies by name, those of installed packages among them: who works, and who trades."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache
from importlib.metadata import entry_points as search_entry_points
from typing import TYPE_CHECKING, Any, overload

from sim.core.market import Role, Trick
from sim.strategies.bad_mouther import BadMouther
from sim.strategies.ballot_stuffer import BallotStuffer
from sim.strategies.base import Strategy
from sim.strategies.byzantine_judge import ByzantineJudge
from sim.strategies.collusion_ring import CollusionRing
from sim.strategies.deadbeat import Deadbeat
from sim.strategies.exit_scammer import ExitScammer
from sim.strategies.fraudulent_seller import FraudulentSeller
from sim.strategies.griefer import Griefer
from sim.strategies.honest import Honest
from sim.strategies.honest_buyer import HonestBuyer
from sim.strategies.honest_judge import HonestJudge
from sim.strategies.honest_seller import HonestSeller
from sim.strategies.injected import Injected
from sim.strategies.leaked_credential import LeakedCredential
from sim.strategies.on_off import OnOff
from sim.strategies.over_scoper import OverScoper
from sim.strategies.replay import Replay
from sim.strategies.rubber_stamp import RubberStamp
from sim.strategies.scripted import Scripted
from sim.strategies.stake_and_run import StakeAndRun
from sim.strategies.sybil import Sybil
from sim.strategies.trading import Trader
from sim.strategies.whitewasher import Whitewasher

# a search of all that is installed takes longer than a small world: done once
entry_points = cache(lambda group: tuple(search_entry_points(group=group)))

if TYPE_CHECKING:
    from collections.abc import Iterable

STRATEGIES: dict[str, type[Strategy]] = {
    "honest": Honest,
    "over_scoper": OverScoper,
    "injected": Injected,
    "leaked_credential": LeakedCredential,
    "scripted": Scripted,
    "replay": Replay,
}

TRADERS: dict[str, type[Trader]] = {
    "honest_seller": HonestSeller,
    "honest_buyer": HonestBuyer,
    "honest_judge": HonestJudge,
    "fraudulent_seller": FraudulentSeller,
    "exit_scammer": ExitScammer,
    "on_off": OnOff,
    "sybil": Sybil,
    "whitewasher": Whitewasher,
    "collusion_ring": CollusionRing,
    "ballot_stuffer": BallotStuffer,
    "bad_mouther": BadMouther,
    "stake_and_run": StakeAndRun,
    "griefer": Griefer,
    "deadbeat": Deadbeat,
    "rubber_stamp": RubberStamp,
    "byzantine_judge": ByzantineJudge,
}

_HONEST: dict[Role, type[Trader]] = {
    Role.SELLER: HonestSeller,
    Role.BUYER: HonestBuyer,
    Role.JUDGE: HonestJudge,
}

_WITHOUT_TRICK = {"identities": 1, "rejoins": 0}
_TRICKS = {"identities": Trick.SYBIL, "rejoins": Trick.WHITEWASH}


def load_strategies() -> dict[str, type[Strategy]]:
    """Classes of agents that work, by name.

    Entry points of the group `ambit.strategies` add to them; each names a frozen dataclass, which
    works if it has `act` and trades if it has `trade`.
    Errors: ValueError if a package reuses a name, or brings what does neither or both.
    """
    return STRATEGIES | {name: kind for name, kind in _load_added() if hasattr(kind, "act")}


def load_traders() -> dict[str, type[Trader]]:
    """Classes of agents that trade, by name; no strategy has the name of a trader.

    Packages add to them, and are refused, as `load_strategies` says.
    """
    return TRADERS | {name: kind for name, kind in _load_added() if hasattr(kind, "trade")}


def load_behaviours() -> dict[str, Any]:
    """Everything an agent of a scenario can be: strategies and traders by name."""
    return {**load_strategies(), **load_traders()}


def _load_added() -> list[tuple[str, Any]]:
    """What installed packages bring, with names that nothing else has."""
    added: dict[str, Any] = {}
    for entry in entry_points(group="ambit.strategies"):
        if entry.name in STRATEGIES or entry.name in TRADERS or entry.name in added:
            raise ValueError(f"strategy {entry.name!r} is defined twice")
        kind = entry.load()
        if hasattr(kind, "act") == hasattr(kind, "trade"):
            raise ValueError(f"strategy {entry.name!r} needs either `act` or `trade`")
        added[entry.name] = kind
    return list(added.items())


@overload
def create_harmless(strategy: Strategy) -> Strategy: ...


@overload
def create_harmless(strategy: Trader) -> Trader: ...


def create_harmless(strategy: Any) -> Any:
    """The same agent without an attacker in it.

    One that works and has goals only works; an adversary that trades does as the honest of its
    role do, with an account of its own and as they are by default.
    """
    if hasattr(strategy, "trade"):
        return _HONEST[strategy.role]() if strategy.is_adversary else strategy
    return Honest() if getattr(strategy, "goals", ()) else strategy


def create_plain(trader: Trader) -> Trader:
    """The same attacker as one account that never begins anew.

    Its knobs say whether it is anything else: `identities` of a controller, `rejoins` of an
    account.
    """
    knobs: Any = trader
    names = {field.name for field in fields(knobs)}
    plain: Trader = replace(knobs, **{n: v for n, v in _WITHOUT_TRICK.items() if n in names})
    return plain


def has_identity_trick(trader: Trader) -> bool:
    """Whether it is more than one account that never begins anew."""
    return create_plain(trader) != trader


def find_tricks(names: Iterable[str]) -> set[Trick]:
    """What the attackers among these strategies do with names, by the knobs they have."""
    behaviours = load_behaviours()
    knobs = {field.name for name in names for field in fields(behaviours[name])}
    return {trick for knob, trick in _TRICKS.items() if knob in knobs}
