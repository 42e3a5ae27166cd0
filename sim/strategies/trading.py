"""What a trader sees and says: strategies of those who sell, buy, rate and judge signals."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

import numpy as np

from sim.core.market import MOVE, Occasion, Role
from sim.core.records import Ints, Kind, Records
from sim.core.units import PPM

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.draws import Draws
    from sim.core.purposes import Purpose

    Flags = NDArray[np.bool_]


class MarketView(NamedTuple):
    """One cohort's occasions, a row each; all columns int64 (n,).

    Only what is public, and what is the trader's own: whether somebody else's signal is
    fraudulent it learns by buying it, or not at all.
    """

    trader: Ints  # row in the market's table of traders
    entity: Ints  # key of its draws: of its controller and incarnation
    occasion: Ints  # Occasion
    ordinal: Ints  # number of its act (ACT), otherwise number of the sale or dispute in its life
    time_us: Ints
    place: Ints  # place of the identity among those of its controller, from 0
    incarnation: Ints  # times it has begun anew
    barred: Ints  # 1: jailed or tombstoned
    score_ppm: Ints  # its published score; where none is published, that of a newcomer
    n_ratings: Ints  # ratings it got, whether they make a score or not
    balance: Ints  # base units
    stake: Ints
    unbonding_slot: Ints  # slot of a matured unbonding entry of its own, or -1
    price: Ints  # what it asks for a signal, as far as it may; of an offer or sale, see below
    offer: Ints  # ACT: signal on offer by somebody else that looks best to it, or -1
    offer_price: Ints
    offer_score_ppm: Ints  # score of the seller as it knows it
    offer_known: Ints  # 1: somebody it listens to has rated the seller
    partner: Ints  # ACT: signal on offer by another identity of its own group, or -1
    partner_price: Ints
    subject: Ints  # the sale (FOUND, RATE, DUE) or dispute (JUDGE) that it is about, or -1
    subject_signal: Ints  # signal of that sale or dispute, or -1
    subject_price: Ints
    is_partner: Ints  # 1: the seller of that signal is of its own group
    looks_fraudulent: Ints  # what it found out about it (RATE), or would by looking (JUDGE)
    memory0: Ints
    memory1: Ints


class Trader(Protocol):
    """From what traders see and draws to what they do. Its dataclass fields are its knobs.

    `is_adversary` says on which side ground truth counts it, `role` what it lives by.
    One that plays with its names has a knob for it: `identities` or `rejoins`.
    """

    is_adversary: ClassVar[bool]
    role: ClassVar[Role]

    def trade(self, seen: MarketView, draws: Draws) -> Records:
        """Moves of a cohort in one window: one MOVE row for each row seen."""


def create_moves(seen: MarketView) -> Records:
    """Let every occasion pass, and remember what is remembered."""
    moves = np.zeros(seen.trader.shape, dtype=MOVE)
    moves["memory0"], moves["memory1"] = seen.memory0, seen.memory1
    return moves


def is_on(seen: MarketView, occasion: Occasion) -> Flags:
    """Rows of one kind of occasion."""
    flags: Flags = seen.occasion == int(occasion)
    return flags


def is_free(seen: MarketView, occasion: Occasion) -> Flags:
    """Rows of one kind of occasion in which the trader is not barred."""
    return is_on(seen, occasion) & (seen.barred == 0)


def is_drawn(draws: Draws, purpose: Purpose, seen: MarketView, share_ppm: int) -> Flags:
    """Rows in which something of a given chance happens.

    Acts, sales and disputes are numbered each from 0: use one purpose on one of them only.
    """
    flags: Flags = draws.get_ppm(purpose, seen.entity, seen.ordinal) < share_ppm
    return flags


def publish(
    moves: Records, where: Flags, price: Ints | int, fraudulent: Flags | bool | int
) -> None:
    """Put a signal on offer; columns are of all rows, and `where` says in which it holds."""
    moves["kind"][where] = int(Kind.PUBLISH)
    moves["price"][where] = np.broadcast_to(price, where.shape)[where]
    moves["fraudulent"][where] = np.broadcast_to(fraudulent, where.shape)[where]


def buy(moves: Records, where: Flags, signal: Ints, price_max: Ints) -> None:
    """Buy a signal for at most so much."""
    moves["kind"][where] = int(Kind.BUY)
    moves["target"][where] = signal[where]
    moves["price"][where] = price_max[where]


def rate(moves: Records, where: Flags, sale: Ints, value_ppm: Ints | int) -> None:
    """Rate a sale."""
    moves["kind"][where] = int(Kind.ATTEST)
    moves["target"][where] = sale[where]
    moves["value"][where] = np.broadcast_to(value_ppm, where.shape)[where]


def challenge(moves: Records, where: Flags, signal: Ints) -> None:
    """Dispute a signal; the model posts the bond that is asked for."""
    moves["kind"][where] = int(Kind.CHALLENGE)
    moves["target"][where] = signal[where]


def pay(moves: Records, where: Flags, sale: Ints) -> None:
    """Pay an invoice."""
    moves["kind"][where] = int(Kind.RESOLVE)
    moves["target"][where] = sale[where]


def vote(moves: Records, where: Flags, dispute: Ints, upholds: Flags | int) -> None:
    """Vote in a dispute."""
    moves["kind"][where] = int(Kind.RESOLVE)
    moves["target"][where] = dispute[where]
    moves["value"][where] = np.broadcast_to(upholds, where.shape)[where]


def rejoin(moves: Records, where: Flags) -> None:
    """Leave the account behind and register a fresh one; money follows, reputation does not."""
    moves["kind"][where] = int(Kind.REGISTER)


def unbond(moves: Records, where: Flags, amount: Ints) -> None:
    """Ask for stake back."""
    moves["kind"][where] = int(Kind.UNBOND)
    moves["amount"][where] = amount[where]


def withdraw(moves: Records, where: Flags, slot: Ints) -> None:
    """Take back what has matured."""
    moves["kind"][where] = int(Kind.WITHDRAW)
    moves["target"][where] = slot[where]


def say_what_was_found(moves: Records, seen: MarketView) -> None:
    """Complain of what is found to be fraudulent, and rate sales by what was found out."""
    challenge(moves, is_free(seen, Occasion.FOUND), seen.subject_signal)
    value_ppm = np.where(seen.looks_fraudulent == 1, 0, PPM)
    rate(moves, is_free(seen, Occasion.RATE), seen.subject, value_ppm)


def do_as_honest_buyers_do(moves: Records, seen: MarketView, score_ppm_min: int) -> None:
    """Buy the best offer, complain of what looks fraudulent, rate it, pay for the rest."""
    acting = is_free(seen, Occasion.ACT) & (seen.offer >= 0)
    acting &= (seen.offer_score_ppm >= score_ppm_min) & (seen.offer_price <= seen.balance)
    buy(moves, acting, seen.offer, seen.offer_price)
    say_what_was_found(moves, seen)
    pay(moves, is_free(seen, Occasion.DUE) & (seen.looks_fraudulent == 0), seen.subject)
