"""A seller with puppets that praise it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from sim.core.market import Occasion, Role
from sim.core.purposes import Purpose
from sim.core.records import Records
from sim.core.units import PPM
from sim.strategies.trading import (
    MarketView,
    buy,
    create_moves,
    is_drawn,
    is_free,
    pay,
    publish,
    rate,
)

if TYPE_CHECKING:
    from sim.core.draws import Draws


@dataclass(frozen=True, slots=True)
class BallotStuffer:
    """Cheats with one of its `identities`; the others only buy from partners and rate them highest.

    The first account sells. A puppet buys whenever a partner has something on offer that it can
    pay, pays what it owes, and disputes nothing.
    Source: Dellarocas 2000, Immunizing Online Reputation Reporting Systems (ballot stuffing); the
    number of puppets is an assumption.
    """

    is_adversary: ClassVar[bool] = True
    role: ClassVar[Role] = Role.SELLER

    identities: int = 10  # accounts of each controller, the seller among them
    fraud_ppm: int = 500_000  # share of the seller's signals that are false

    def trade(self, seen: MarketView, draws: Draws) -> Records:
        """Sell with the first account; buy, praise and pay with the others."""
        moves = create_moves(seen)
        acting = is_free(seen, Occasion.ACT)
        is_puppet = seen.place > 0
        false = is_drawn(draws, Purpose.FRAUD, seen, self.fraud_ppm)
        publish(moves, acting & ~is_puppet, seen.price, false)
        buying = acting & is_puppet & (seen.partner >= 0) & (seen.partner_price <= seen.balance)
        buy(moves, buying, seen.partner, seen.partner_price)
        praising = is_free(seen, Occasion.RATE) & is_puppet & (seen.is_partner == 1)
        rate(moves, praising, seen.subject, PPM)
        pay(moves, is_free(seen, Occasion.DUE) & is_puppet, seen.subject)
        return moves
