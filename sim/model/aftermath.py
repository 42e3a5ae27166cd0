"""What becomes of trades once the ledger has answered: truth noted, and what it calls for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.market import Occasion, Resolution, SaleState, Verdict
from sim.core.purposes import Purpose
from sim.core.reasons import GOVERNANCE, Reason
from sim.core.records import Ints, Kind, Records, take_records
from sim.core.units import PPM
from sim.ledger.state import N_JUDGES
from sim.model.chores import SLACK_US
from sim.model.trade_layout import OCCASION, Chore
from sim.policies.base import Judges

if TYPE_CHECKING:
    from sim.model.batches import Batch
    from sim.model.market import Market

RATE_SLACK_US = 1_000_000  # after a sale is due, before its buyer rates it
PAY_BEFORE_PPM = 750_000  # of the window, after which invoices are paid
_DENIED = np.array([int(reason) for reason in GOVERNANCE], dtype=np.int64)


def note_decided(market: Market, batch: Batch, receipts: Records) -> None:
    """Take note of a decided batch, kind by kind."""
    kind, applied = receipts["kind"], receipts["code"] == 0
    own = batch.truths["trader"] >= 0
    for is_kind, note in (
        (kind == Kind.PUBLISH, note_published),
        (kind == Kind.BUY, note_bought),
        (kind == Kind.ATTEST, note_rated),
        (kind == Kind.CHALLENGE, note_challenged),
        (kind == Kind.RESOLVE, note_resolved),
        (own & (kind == Kind.UNBOND), note_unbonding),
        (own & (kind == Kind.REGISTER), note_registered),
    ):
        rows = np.flatnonzero(is_kind & applied)
        if len(rows):
            note(market, batch.take(rows), receipts.take(rows))
    barred = ~own & (kind == Kind.RESOLVE) & (receipts["code"] == int(Reason.SENDER_NOT_ACTIVE))
    tx, late = batch.transactions[barred], receipts["committed_us"][barred]
    market.chores.put_back(tx["subject"], tx["target"], late)
    refused = np.flatnonzero(own & ~applied)
    if len(refused):
        note_refused(market, batch.take(refused), receipts.take(refused))


def note_published(market: Market, batch: Batch, receipts: Records) -> None:
    """A signal is on offer; its window will end, and perhaps an auditor looks at it."""
    signals = receipts["counterparty"]
    market.signals = grow(market.signals, int(signals.max()) + 1)
    truths = batch.truths
    identity = truths["trader"]
    rows = take_records(market.signals, signals)
    rows["identity"] = identity
    trader = market.identities["trader"][identity]
    rows["signal_type"] = market.traders["signal_type"][trader]
    rows["price"] = batch.transactions["subject"]
    rows["published_us"] = receipts["committed_us"]
    rows["fraudulent"] = truths["fraudulent"]
    rows["key"] = compute_keys(truths["entity"], truths["task"])
    rows["closed_us"] = -1
    market.signals[signals] = rows
    current = market.standing["identity"][trader] == identity
    market.standing["latest"][trader[current]] = signals[current]
    false = truths["fraudulent"] == 1
    fresh = identity[false]
    first = market.identities["first_fraud_us"][fresh]
    market.identities["first_fraud_us"][fresh] = np.where(
        first < 0, receipts["committed_us"][false], first
    )
    policy, chores = market.policy, market.chores
    chores.add(Chore.RELEASE, market.get_release_us(signals), signals)
    if policy.audit_ppm:
        audited = market.draws.get_ppm(Purpose.AUDIT, rows["key"], 0) < policy.audit_ppm
        chores.add(Chore.AUDIT, receipts["committed_us"][audited] + SLACK_US, signals[audited])


def compute_keys(entities: Ints, ordinals: Ints) -> Ints:
    """Name of a publication in draws: the same under every policy, unlike its number."""
    mixed: Ints = (entities ^ (ordinals << 32)) & (2**63 - 1)
    return mixed


def note_bought(market: Market, batch: Batch, receipts: Records) -> None:
    """A sale: the buyer acts on it, finds out or not, rates it, and has to pay."""
    sales, truths = receipts["counterparty"], batch.truths
    signals = batch.transactions["target"]
    market.sales = grow(market.sales, int(sales.max()) + 1)
    bought_us, buyer = receipts["committed_us"], truths["trader"]
    fraudulent = market.signals["fraudulent"][signals] == 1
    kinds = market.world.market.types[market.signals["signal_type"][signals]]
    chance = np.where(fraudulent, kinds["detection_ppm"], kinds["false_alarm_ppm"])
    entity, ordinal = truths["entity"], truths["task"]
    found = market.draws.get_ppm(Purpose.DISCOVERY, entity, ordinal) < chance
    wait_us = market.draws.get_wait_us(
        Purpose.DISCOVERY_TIME, entity, ordinal, kinds["detection_us"]
    )
    rows = take_records(market.sales, sales)
    rows["signal"], rows["buyer"], rows["bought_us"] = signals, buyer, bought_us
    rows["due_us"] = bought_us + market.policy.window_us
    rows["settled_us"] = -1
    rows["found"], rows["found_us"] = found, bought_us + wait_us
    rows["score_ppm"], rows["known"] = look_up_scores(market, signals, buyer)
    rows["value"], rows["ordinal"] = -1, ordinal
    market.sales[sales] = rows
    is_first = market.signals["n_sales"][signals] == 0
    counted = np.unique(signals[is_first & fraudulent])
    np.add.at(market.identities["n_frauds"], market.signals["identity"][counted], 1)
    np.add.at(market.signals["n_sales"], signals, 1)
    np.add.at(market.signals["n_examined"], signals[found], 1)
    schedule_answers(market, sales, rows, truths)


def look_up_scores(market: Market, signals: Ints, buyers: Ints) -> tuple[Ints, Ints]:
    """Scores of sellers as their buyers know them, and whether anybody had rated them."""
    if market.policy.shares_scores:
        state = market.domain.state
        sellers = state.accounts[state.signals["seller"][signals]]
        return sellers["reputation_ppm"], (sellers["n_ratings"] > 0).astype(np.int64)
    orgs = market.traders["org"][market.identities["trader"][buyers]]
    sellers = market.signals["identity"][signals]
    good = market.memory.good[orgs, sellers].astype(np.int64)
    bad = market.memory.bad[orgs, sellers].astype(np.int64)
    return (good + 1) * PPM // (good + bad + 2), (good + bad > 0).astype(np.int64)


def schedule_answers(market: Market, sales: Ints, rows: Records, truths: Records) -> None:
    """When the buyer complains, pays and rates."""
    policy = market.policy
    in_time = (rows["found"] == 1) & (rows["found_us"] < rows["due_us"])
    invoiced = market.domain.state.sales["state"][sales] == int(SaleState.INVOICED)
    pay_us = rows["bought_us"] + policy.window_us // 1_000_000 * PAY_BEFORE_PPM
    rate_us = rows["due_us"] + RATE_SLACK_US
    for occasion, where, time_us in (
        (Occasion.FOUND, in_time, rows["found_us"]),
        (Occasion.DUE, invoiced, pay_us),
        (Occasion.RATE, np.ones(len(sales), dtype=bool), rate_us),
    ):
        answers = np.zeros(int(where.sum()), dtype=OCCASION)
        answers["time_us"], answers["occasion"] = time_us[where], int(occasion)
        answers["identity"] = rows["buyer"][where]
        answers["trader"] = market.identities["trader"][rows["buyer"][where]]
        answers["subject"], answers["signal"] = sales[where], rows["signal"][where]
        looks = (rows["found"] == 1) & (rows["found_us"] <= time_us)
        answers["looks"], answers["ordinal"] = looks[where], truths["task"][where]
        market.schedule(answers)


def note_rated(market: Market, batch: Batch, receipts: Records) -> None:
    """What a buyer said of a sale."""
    market.sales["value"][batch.transactions["target"]] = batch.transactions["amount"]


def note_challenged(market: Market, batch: Batch, receipts: Records) -> None:
    """A dispute: a proof is looked at, or judges are asked, and its time will be over."""
    disputes, opened_us = receipts["counterparty"], receipts["committed_us"]
    signals = batch.transactions["target"]
    judges, chores = market.policy.judges, market.chores
    verifiable = market.domain.state.signals["has_proof"][signals] == 1
    chores.add(Chore.PROVE, opened_us[verifiable], disputes[verifiable])
    chores.add(Chore.TIME_OUT, opened_us + market.policy.verdict_us + SLACK_US, disputes)
    asked = ~verifiable
    if judges is Judges.COMMITTEE:
        market.schedule(ask_judges(market, disputes[asked], signals[asked], opened_us[asked]))
    elif judges is not Judges.NOBODY:
        mean_us = market.world.scenario.market.judgement
        keys = market.signals["key"][signals[asked]]
        wait_us = market.draws.get_wait_us(Purpose.OPINION_TIME, keys, 0, mean_us)
        if asked.any():
            chores.add(Chore.RULE, opened_us[asked] + wait_us, disputes[asked])


def ask_judges(market: Market, disputes: Ints, signals: Ints, opened_us: Ints) -> Records:
    """One occasion for each seat: what its judge would see by looking, and when it answers."""
    state = market.domain.state
    seats = np.arange(state.disputes["n_seats"][disputes].max(initial=0))
    n_judges = int(state.counters[N_JUDGES])
    places = state.disputes["seat_first"][disputes][:, None] + seats
    judges = state.judges[places.ravel() % max(1, n_judges)]
    n = len(judges)
    rows = np.zeros(n, dtype=OCCASION)
    if not n:
        return rows
    identities = market.identity_of_local[judges]
    dispute, signal = np.repeat(disputes, len(seats)), np.repeat(signals, len(seats))
    settings, key = market.world.scenario.market, market.signals["key"][signal]
    entities = market.identities["entity"][identities]
    wrong = market.draws.get_ppm(Purpose.OPINION, entities, key) < settings.judge_error
    wait_us = market.draws.get_wait_us(Purpose.OPINION_TIME, entities, key, settings.judgement)
    rows["time_us"] = np.repeat(opened_us, len(seats)) + wait_us
    rows["occasion"] = int(Occasion.JUDGE)
    rows["identity"], rows["trader"] = identities, market.identities["trader"][identities]
    rows["subject"], rows["signal"], rows["ordinal"] = dispute, signal, dispute
    rows["looks"] = wrong ^ (market.signals["fraudulent"][signal] == 1)
    return rows


def note_resolved(market: Market, batch: Batch, receipts: Records) -> None:
    """Disputes that are decided by now, and sales that are settled."""
    step, targets = batch.transactions["subject"], batch.transactions["target"]
    verdicts = np.unique(targets[step <= int(Resolution.TIMEOUT)])
    state = market.domain.state
    decided = verdicts[state.disputes["verdict"][verdicts] != int(Verdict.OPEN)]
    decided = decided[~market.is_decided(decided)]
    for dispute in decided.tolist():
        note_verdict(market, state.disputes[dispute])
    examined = targets[(step == int(Resolution.VOTE)) & (batch.truths["trader"] >= 0)]
    np.add.at(market.signals["n_examined"], state.disputes["signal"][examined], 1)
    paid = (step == int(Resolution.PAY)) | (step == int(Resolution.TAKE))
    market.sales["settled_us"][targets[paid]] = receipts["committed_us"][paid]
    released = step == int(Resolution.RELEASE)
    market.signals["closed_us"][targets[released]] = receipts["committed_us"][released]


def note_verdict(market: Market, dispute: Records) -> None:
    """The accused is convicted, or its signal goes on until its window ends."""
    signal, at_us = int(dispute["signal"]), int(dispute["decided_us"])
    accused = int(market.signals["identity"][signal])
    if dispute["verdict"] == int(Verdict.UPHELD):
        market.identities["n_convictions"][accused] += 1
        if not market.signals["fraudulent"][signal]:
            market.identities["n_wrong"][accused] += 1
        market.signals["closed_us"][signal] = at_us
        return
    closes_us = int(market.domain.state.signals["closes_us"][signal]) + SLACK_US
    market.chores.add(Chore.RELEASE, np.array([max(closes_us, at_us)]), np.array([signal]))


def note_unbonding(market: Market, batch: Batch, receipts: Records) -> None:
    """Stake is on its way back."""
    market.identities["unbonding_slot"][batch.truths["trader"]] = receipts["counterparty"]


def note_registered(market: Market, batch: Batch, receipts: Records) -> None:
    """Somebody has a fresh name."""
    for truth, receipt in zip(batch.truths, receipts, strict=True):
        market.begin_anew(int(truth["trader"]), int(truth["call"]), receipt)


def note_refused(market: Market, batch: Batch, receipts: Records) -> None:
    """What was refused for a reason of governance, or for lack of funds."""
    identity = batch.truths["trader"]
    denied = np.isin(receipts["code"], _DENIED)
    np.add.at(market.identities["refused"], identity[denied], 1)
    poor = np.isin(receipts["code"], (int(Reason.INSUFFICIENT_FUNDS), int(Reason.CANNOT_PAY_FEE)))
    poor &= receipts["kind"] == Kind.BUY
    np.add.at(market.identities["unfunded"], identity[poor], 1)
    stuck = identity[receipts["kind"] == Kind.REGISTER]
    market.standing["is_away"][market.identities["trader"][stuck]] = 0


def grow(table: Records, n: int) -> Records:
    """The same rows with room for n."""
    if n <= len(table):
        return table
    grown = np.zeros(2 * n, dtype=table.dtype)
    grown[: len(table)] = table
    return grown
