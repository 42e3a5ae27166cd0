"""The market of one replication: whose turn it is, what they see, and what they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.market import Occasion, Role
from sim.core.records import Ints, Kind, Records, join_records, take_records
from sim.core.units import PPM
from sim.ledger.rules import Reputation
from sim.ledger.state import N_ACCOUNTS, N_RATINGS
from sim.model.batches import Batch, create_batch
from sim.model.chores import Chores
from sim.model.offers import (
    choose_offers,
    collect_acting,
    go_on,
    list_offers,
    observe_traders,
)
from sim.model.trade_layout import OCCASION
from sim.model.trade_record import create_scores
from sim.model.trade_state import TradeState
from sim.model.trades import MARKET, create_trades
from sim.policies.registry import create_reputation_rule
from sim.policies.reputation.base import Ratings, Scores, View
from sim.strategies.trading import MarketView

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.core.draws import Draws
    from sim.model.chain import Chain
    from sim.model.domains import Domain
    from sim.model.genesis import Domains
    from sim.model.world import World
    from sim.policies.base import Policy


N_SCORE_TIMES = 20  # at which scores are noted, evenly over the horizon


class Market(TradeState):
    """Asks everybody who trades, when it is their turn, and sends what they decide."""

    def __init__(
        self,
        world: World,
        policy: Policy,
        domain: Domain,
        draws: Draws,
        get_height: Callable[[], int],
    ) -> None:
        super().__init__(world, policy, domain, draws, get_height)
        self.chores = Chores(self)
        self.acting = np.zeros(len(self.traders), dtype=np.int64)
        sellers = np.flatnonzero(self.traders["role"] == int(Role.SELLER))
        # by name: who comes across whom does not hang on the order of groups in a file
        self.sellers = sellers[np.argsort(self.traders["entity"][sellers], kind="stable")]
        self.rule = create_reputation_rule(policy)
        self.next_epoch_us = policy.epoch_us
        self.score_every_us = max(1, world.scenario.horizon // N_SCORE_TIMES)
        self.next_score_us = self.score_every_us

    # what traders do

    def plan(self, until_us: int) -> list[Batch]:
        """What is done before a time: acts that are due, and answers to what came up."""
        pledges = self.take_pledges()
        self.keep_scores(until_us)
        self.until_us = until_us
        n_acting = collect_acting(self.standing, until_us, self.acting)
        acting = self.acting[:n_acting].copy()
        occasions = self.take_due(until_us)
        rows = join_records([self.create_acts(acting), occasions])
        go_on(
            self.traders,
            self.standing,
            self.identities,
            acting,
            self.world.scenario.think_min,
            *self.keys,
        )
        self.remember(occasions)
        rows = rows.take(np.argsort(rows["trader"], kind="stable"))
        own = [self.decide(rows)] if len(rows) else []
        return [pledges, *own, self.chores.do(until_us)]

    def keep_scores(self, until_us: int) -> None:
        """Compute scores at the end of each epoch, and note them all at fixed times."""
        while self.next_epoch_us < until_us:
            if self.rule.inside is Reputation.EPOCH:
                self.domain.end_epoch(compute_scores(self))
            self.next_epoch_us += self.policy.epoch_us
        while self.next_score_us < until_us:
            self.scores.append(create_scores(self, self.next_score_us))
            self.next_score_us += self.score_every_us

    def create_acts(self, acting: Ints) -> Records:
        """One occasion for each trader that acts of its own accord."""
        rows = np.full(len(acting), -1, dtype=OCCASION)
        stands = take_records(self.standing, acting)
        rows["trader"], rows["identity"] = acting, stands["identity"]
        rows["time_us"], rows["ordinal"] = stands["next_us"], stands["ordinal"]
        rows["occasion"], rows["looks"] = int(Occasion.ACT), 0
        return rows

    def take_due(self, until_us: int) -> Records:
        """Occasions that come before a time, in order; those of names left behind are void."""
        rows = self.occasions.take(until_us)
        return take_records(rows, self.standing["identity"][rows["trader"]] == rows["identity"])

    def remember(self, rows: Records) -> None:
        """An org learns from what its traders find: whom to avoid, and how often it went well."""
        about = np.isin(rows["occasion"], (Occasion.FOUND, Occasion.RATE))
        rows = take_records(rows, about)
        org = self.traders["org"][rows["trader"]]
        seller = self.signals["identity"][rows["signal"]]
        false = rows["looks"] == 1
        self.memory.blocked[org[false], seller[false]] = 1
        if not self.policy.shares_scores:
            rated = rows["occasion"] == Occasion.RATE
            np.add.at(self.memory.good, (org[rated & ~false], seller[rated & ~false]), 1)
            np.add.at(self.memory.bad, (org[rated & false], seller[rated & false]), 1)

    def decide(self, rows: Records) -> Batch:
        """Ask every cohort what it makes of its occasions; return the transactions."""
        seen = self.observe(rows)
        moves = []
        for cohort in self.world.market.cohorts:
            first, last = np.searchsorted(rows["trader"], (cohort.first, cohort.last))
            if first < last:
                view = MarketView._make(column[first:last] for column in seen)
                moves.append(cohort.strategy.trade(view, self.draws))
        decided = join_records(moves)
        trader = rows["trader"]
        acting = rows["occasion"] == int(Occasion.ACT)  # one a trader and window at most
        for name in ("memory0", "memory1"):
            self.standing[name][trader[acting]] = decided[name][acting]
        meant = decided["kind"] > 0
        if not self.policy.settles_disputes:  # they may know better, but nobody would listen
            meant &= decided["kind"] != int(Kind.CHALLENGE)
        return create_trades(self, take_records(rows, meant), take_records(decided, meant))

    def observe(self, rows: Records) -> MarketView:
        """What those rows' traders see."""
        state, n = self.domain.state, len(rows)
        own = np.empty((6, n), dtype=np.int64)
        observe_traders(
            self.identities,
            rows["identity"].copy(),
            self.domain.local,
            state.accounts,
            state.unbonding,
            self.get_height(),
            own,
        )
        chosen = self.compare(rows)
        traders = take_records(self.traders, rows["trader"])
        stands = take_records(self.standing, rows["trader"])
        offer, partner = chosen[0], chosen[3]
        price = np.where(offer >= 0, state.signals["price"][offer], 0)
        signal = rows["signal"]
        seller = self.signals["identity"][np.maximum(signal, 0)]
        seller_trader = self.identities["trader"][seller]
        is_partner = (seller_trader >= traders["group_first"]) & (signal >= 0)
        is_partner &= seller_trader < traders["group_last"]
        score_ppm = own[0] if self.policy.shares_scores else np.full(n, PPM // 2)
        return MarketView(
            trader=rows["trader"],
            entity=self.identities["entity"][rows["identity"]],
            occasion=rows["occasion"],
            ordinal=rows["ordinal"],
            time_us=rows["time_us"],
            place=traders["place"],
            incarnation=stands["incarnation"],
            barred=own[4],
            score_ppm=score_ppm,
            n_ratings=own[1],
            balance=own[2],
            stake=own[3],
            unbonding_slot=own[5],
            price=self.cap_prices(traders["price"], own[1]),
            offer=offer,
            offer_price=price,
            offer_score_ppm=chosen[1],
            offer_known=chosen[2],
            partner=partner,
            partner_price=np.where(partner >= 0, state.signals["price"][partner], 0),
            subject=rows["subject"],
            subject_signal=signal,
            subject_price=np.where(signal >= 0, state.signals["price"][signal], 0),
            is_partner=is_partner.astype(np.int64),
            looks_fraudulent=rows["looks"],
            memory0=stands["memory0"],
            memory1=stands["memory1"],
        )

    def cap_prices(self, prices: Ints, n_ratings: Ints) -> Ints:
        """What traders ask: a newcomer no more than it may, which is for all to know."""
        limit = self.policy.newcomer_price_max
        if limit == 0:
            return prices
        return np.where(n_ratings == 0, np.minimum(prices, limit), prices)

    def compare(self, rows: Records) -> Ints:
        """Offers that those who act come across."""
        chosen = np.full((4, len(rows)), -1, dtype=np.int64)
        acting = np.flatnonzero(rows["occasion"] == int(Occasion.ACT))
        if self.chores.ran_away_us < self.until_us or not len(acting):
            return chosen
        found = np.empty((4, len(acting)), dtype=np.int64)
        state = self.domain.state
        choose_offers(
            rows["trader"][acting],
            rows["time_us"][acting],
            rows["ordinal"][acting],
            self.traders,
            self.standing,
            self.identities,
            list_offers(
                self.sellers,
                self.standing,
                self.signals,
                state.signals,
                state.accounts,
                self.policy.offer_us,
            ),
            self.world.scenario.market.choices,
            state.signals,
            self.memory,
            self.policy.shares_scores,
            self.policy.offer_us,
            *self.keys,
            found,
        )
        chosen[:, acting] = found
        return chosen

    def take_pledges(self) -> Batch:
        """Stake of fresh names, bonded before anything else they do."""
        batch = create_batch(len(self.pledges))
        tx, truth = batch
        for row, (identity, account, stake) in enumerate(self.pledges):
            tx[row]["sender"], tx[row]["amount"] = account, stake
            truth[row]["entity"] = self.identities["entity"][identity]
            org = self.traders["org"][self.identities["trader"][identity]]
            truth[row]["caller_org"] = truth[row]["owner_org"] = org
        tx["kind"], truth["trader"], truth["final_us"] = int(Kind.BOND), MARKET, -1
        tx["submitted_us"] = truth["ready_us"] = self.until_us
        self.pledges = []
        return batch


def create_market(
    world: World, policy: Policy, domains: Domains, chain: Chain | None, draws: Draws
) -> Market | None:
    """The market of a replication; None where nobody trades, or there is no ledger to do it on."""
    domain = domains.market
    if not world.market.cohorts or domain is None:
        return None

    def get_height() -> int:
        return chain.height if chain is not None and domain is domains.chain else domain.height

    return Market(world, policy, domain, draws, get_height)


def compute_scores(market: Market) -> Scores:
    """Scores by all ratings so far, under the policy's rule."""
    state, rules = market.domain.state, market.domain.rules
    ratings = state.ratings[: state.counters[N_RATINGS]]
    n_accounts = int(state.counters[N_ACCOUNTS])
    trusted = market.identities["account"][: len(market.traders)][market.traders["pretrusted"] == 1]
    view = View(
        Ratings(*(ratings[name] for name in ("rater", "ratee", "value", "weight_ppm", "height"))),
        n_accounts,
        state.accounts["reputation_ppm"][:n_accounts].copy(),
        np.sort(market.domain.local[trusted]),
        rules.newcomer_ppm,
    )
    return market.rule.compute(view)
