"""What is known of a market at a moment: names, ground truth, and what is still to come.

The ledger knows only what was sent to it; whether a signal is sound is kept here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.core.records import Ints, Record, Records
from sim.model.calendar import Calendar
from sim.model.claims import create_claims
from sim.model.domains import AUDITOR, get_account_orgs, get_office_account
from sim.model.offers import Memory, start_traders
from sim.model.trade_layout import (
    CHORE,
    IDENTITY,
    OCCASION,
    SALE_TRUTH,
    SIGNAL_TRUTH,
    STANDING,
    Chore,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.core.draws import Draws
    from sim.model.domains import Domain
    from sim.model.world import World
    from sim.policies.base import Policy

SLACK_US = 2_000_000  # after the end of a window: what is late by a block is not early


class TradeState:
    """Everybody who trades, everything that was traded, and what calls for a decision next."""

    def __init__(
        self,
        world: World,
        policy: Policy,
        domain: Domain,
        draws: Draws,
        get_height: Callable[[], int],
    ) -> None:
        self.world, self.policy, self.domain, self.draws = world, policy, domain, draws
        self.get_height = get_height
        self.keys = (draws.key0, draws.key1)
        self.traders = world.market.traders
        n = len(self.traders)
        self.standing = np.zeros(n, dtype=STANDING)
        spares = int((self.traders["spare_last"] - self.traders["spare_first"]).sum())
        self.identities = np.zeros(n + spares, dtype=IDENTITY)
        self.n_identities = n
        self.memory = self.create_memory()
        self.signals: Records = np.zeros(64, dtype=SIGNAL_TRUTH)  # by number on the ledger
        self.sales: Records = np.zeros(64, dtype=SALE_TRUTH)
        self.until_us = 0
        self.occasions = Calendar(OCCASION, world.scenario.window)
        self.waiting = Calendar(CHORE, world.scenario.window)
        self.account_orgs = get_account_orgs(world)
        self.auditor = get_office_account(world, AUDITOR)
        self.roles = np.array([holder.role for holder in world.holders], dtype=np.int64)
        self.claims = create_claims(world.scenario.signatures, world.loaded.stream)
        self.noted: set[int] = set()  # disputes whose verdict is known
        self.pledges: list[tuple[int, int, int]] = []  # identity, account, stake
        self.scores: list[Records] = []
        self.lay_out()

    def create_memory(self) -> Memory:
        """Nobody has bought anything yet; what scores tell everybody nobody has to remember."""
        shape = (self.world.n_orgs, len(self.identities))
        own = (1, 1) if self.policy.shares_scores else shape
        return Memory(
            np.zeros(own, dtype=np.int32),
            np.zeros(own, dtype=np.int32),
            np.zeros(shape, dtype=np.uint8),
        )

    def lay_out(self) -> None:
        """Every trader under its first name."""
        n = len(self.traders)
        start_traders(self.traders, self.standing, *self.keys)
        first = self.identities[:n]
        first["trader"] = np.arange(n)
        for name in ("account", "entity"):
            first[name] = self.traders[name]
        first["joined_us"] = self.traders["starts_us"]
        self.identities["left_us"] = self.identities["first_fraud_us"] = -1
        self.identities["unbonding_slot"] = -1
        self.identity_of_local = np.full(len(self.domain.state.accounts), -1, dtype=np.int64)
        self.identity_of_local[self.domain.local[first["account"]]] = np.arange(n)

    def schedule(self, rows: Records) -> None:
        """Occasions to come; none in a window that is over."""
        rows["time_us"] = np.maximum(rows["time_us"], self.until_us)
        self.occasions.add(rows)

    def get_release_us(self, signals: Ints) -> Ints:
        """When the windows of all sales there can be of a signal are over, and a little more."""
        times_us: Ints = self.signals["published_us"][signals]
        return times_us + self.policy.offer_us + self.policy.window_us + SLACK_US

    def get_held(self, identities: Ints) -> Ints:
        """Capabilities that identities were given."""
        return self.roles[self.identities["account"][identities] - self.world.n_orgs]

    def is_decided(self, disputes: Ints) -> NDArray[np.bool_]:
        """Which disputes were noted as decided before; note them all."""
        known = np.isin(disputes, list(self.noted))
        self.noted.update(disputes.tolist())
        return known

    def begin_anew(self, before: int, account: int, receipt: Record) -> None:
        """A trader goes on under a fresh name; its stake is bonded with the next window."""
        row, n = int(self.identities["trader"][before]), self.n_identities
        holder = self.world.holders[account - self.world.n_orgs]
        self.domain.local[account] = receipt["counterparty"]
        self.identity_of_local[receipt["counterparty"]] = n
        fresh, at_us = self.identities[n], int(receipt["committed_us"])
        fresh["trader"], fresh["account"], fresh["entity"] = row, account, holder.entity
        fresh["joined_us"], fresh["capital"] = at_us, holder.funds + holder.stake
        self.identities["left_us"][before] = at_us
        self.n_identities += 1
        stands = self.standing[row]
        stands["identity"], stands["latest"], stands["is_away"] = n, -1, 0
        stands["incarnation"] += 1
        stands["memory0"] = stands["memory1"] = 0
        stands["next_us"] = max(int(stands["next_us"]), self.until_us)
        if holder.stake:
            self.pledges.append((n, account, holder.stake))

    def add_chores(self, chore: Chore, time_us: Ints, subject: Ints, tries: int = 0) -> None:
        """Chores of one kind at given times; none in a window that is over."""
        rows = np.zeros(len(subject), dtype=CHORE)
        rows["time_us"] = np.maximum(time_us, self.until_us)
        rows["chore"], rows["subject"], rows["tries"] = int(chore), subject, tries
        self.waiting.add(rows)
