"""What is due without a decision: who sends it, and what stands in its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from sim.core.market import Resolution, SaleState, SignalState, Verdict
from sim.core.reasons import Reason
from sim.core.records import RECEIPT, Kind, Status
from sim.ledger.state import N_SALES
from sim.model.aftermath import note_decided
from sim.model.batches import Batch
from sim.model.run import Replication
from sim.model.trade_layout import NEVER_US, Chore
from sim.model.trade_state import SLACK_US
from sim.policies.base import Settlement
from tests.markets_world import get_market, get_policy, load_market
from tests.worlds import SEED

if TYPE_CHECKING:
    from pathlib import Path

    from sim.model.market import Market

S = 1_000_000
WHO = 2  # the identity that sells the signals, and opened the disputes


def create(folder: Path, preset: str = "chain", **levers: object) -> Market:
    """A market with two signals of one seller that are disputed by it, nothing else."""
    settings = {"judge_error": 0.0, "third_party_failure": 1.0, "recovery": 1.0}
    world = load_market(folder, market=settings)
    market = get_market(Replication(world, get_policy(preset, **levers), SEED, 0))
    market.signals["identity"] = WHO
    state = market.domain.state
    state.disputes["signal"][:2] = [0, 1]
    state.disputes["challenger"] = market.domain.local[market.identities["account"][WHO]]
    state.disputes["verdict"] = int(Verdict.OPEN)
    return market


def do(market: Market, chore: Chore, *subjects: int, tries: int = 0) -> Batch:
    """Transactions of chores of one kind that are due now."""
    market.waiting.pages.clear()
    market.add_chores(chore, np.full(len(subjects), S), np.array(subjects), tries)
    return market.chores.do(market.until_us + 2 * S)


def get_account(market: Market) -> int:
    return int(market.domain.local[market.identities["account"][WHO]])


def test_a_seller_asks_for_its_money_itself(tmp_path: Path) -> None:
    market = create(tmp_path)
    tx = do(market, Chore.RELEASE, 0).transactions
    assert tx["sender"].tolist() == [market.identities["account"][WHO]]
    assert (tx["kind"][0], tx["subject"][0]) == (Kind.RESOLVE, Resolution.RELEASE)


@pytest.mark.parametrize("chore", [Chore.RELEASE, Chore.TIME_OUT, Chore.PROVE])
@pytest.mark.parametrize("trouble", ["tombstoned", "jailed", "broke", "refused"])
def test_an_office_stands_in_for_who_cannot_send(
    tmp_path: Path, chore: Chore, trouble: str
) -> None:
    market = create(tmp_path)
    account = market.domain.state.accounts[get_account(market)]
    if trouble == "broke":
        account["balance"] = 0
    elif trouble != "refused":
        account["status"] = int(Status[trouble.upper()])
    tx = do(market, chore, 0, tries=int(trouble == "refused")).transactions
    assert tx["sender"].tolist() == [market.auditor]


def test_who_has_served_its_time_sends_for_itself_again(tmp_path: Path) -> None:
    market = create(tmp_path)
    account = market.domain.state.accounts[get_account(market)]
    account["status"], account["jailed_until_height"] = int(Status.JAILED), 1
    market.get_height = lambda: 1
    assert do(market, Chore.RELEASE, 0).transactions["sender"][0] != market.auditor


@pytest.mark.parametrize("state", list(SignalState)[1:])
def test_only_what_stands_is_released(tmp_path: Path, state: SignalState) -> None:
    market = create(tmp_path)
    market.domain.state.signals["state"][1] = int(state)
    assert do(market, Chore.RELEASE, 0, 1).transactions["target"].tolist() == [0]


@pytest.mark.parametrize("chore", [Chore.PROVE, Chore.RULE, Chore.TIME_OUT])
def test_what_is_decided_is_left_alone(tmp_path: Path, chore: Chore) -> None:
    market = create(tmp_path, "federated")
    market.domain.state.disputes["verdict"][1] = int(Verdict.REJECTED)
    assert do(market, chore, 0, 1).transactions["target"].tolist() == [0]
    market.domain.state.disputes["verdict"][0] = int(Verdict.UPHELD)
    assert not len(do(market, chore, 0, 1))


@pytest.mark.parametrize("preset", ["federated", "gateway"])
def test_who_rules_upholds_what_is_true(tmp_path: Path, preset: str) -> None:
    market = create(tmp_path, preset)
    market.signals["fraudulent"][1] = 1
    market.chores.ran_away_us = NEVER_US
    tx = do(market, Chore.RULE, 0, 1).transactions
    assert tx["amount"].tolist() == [0, 1]
    assert set(tx["subject"].tolist()) == {Resolution.VOTE}
    assert market.signals["n_examined"][:2].tolist() == [1, 1]


def test_a_third_party_on_the_run_rules_no_more(tmp_path: Path) -> None:
    market = create(tmp_path, "federated")
    assert market.chores.ran_away_us < market.world.scenario.horizon
    market.chores.ran_away_us = S
    assert not len(do(market, Chore.RULE, 0))


def test_it_takes_what_is_held_and_comes_back_for_more(tmp_path: Path) -> None:
    market = create(tmp_path, "federated")
    state = market.domain.state
    state.counters[N_SALES] = 3
    state.sales["state"][:3] = [int(SaleState.HELD), int(SaleState.PAID), int(SaleState.HELD)]
    for held in ([0, 2], [2]):
        market.waiting.pages.clear()
        state.sales["state"][0] = int(SaleState.HELD if len(held) == 2 else SaleState.TAKEN)
        tx = market.chores.run_away(np.ones(1, dtype=market.waiting.layout)).transactions
        assert tx["target"].tolist() == held
        assert set(tx["subject"].tolist()) == {Resolution.TAKE}
        assert market.waiting.pages


@pytest.mark.parametrize(
    ("preset", "settlement", "flees"),
    [
        ("federated", Settlement.ESCROW, True),
        ("federated", Settlement.TRUST, False),
        ("chain", Settlement.ESCROW, False),
    ],
)
def test_only_a_third_party_with_an_escrow_can_run_away(
    tmp_path: Path, preset: str, settlement: Settlement, flees: bool
) -> None:
    market = create(tmp_path, preset, settlement=settlement)
    assert (market.chores.ran_away_us < NEVER_US) == flees


def test_an_auditor_disputes_what_looks_false_and_stands(tmp_path: Path) -> None:
    market = create(tmp_path)
    market.signals["fraudulent"][:3] = [1, 0, 1]
    market.domain.state.signals["state"][2] = int(SignalState.CLOSED)
    tx = do(market, Chore.AUDIT, 0, 1, 2).transactions
    assert tx["target"].tolist() == [0]
    assert (tx["kind"][0], tx["sender"][0]) == (Kind.CHALLENGE, market.auditor)
    assert market.signals["n_examined"][:3].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("code", "by_office", "again"),
    [
        (Reason.CANNOT_PAY_FEE, False, True),
        (Reason.NONCE_GAP, False, True),
        (Reason.SENDER_NOT_ACTIVE, False, True),
        (Reason.WINDOW_OPEN, False, False),
        (Reason.APPLIED, False, False),
        (Reason.CANNOT_PAY_FEE, True, False),
    ],
)
def test_what_was_refused_for_its_sender_is_sent_again(
    tmp_path: Path, code: Reason, by_office: bool, again: bool
) -> None:
    market = create(tmp_path)
    batch = do(market, Chore.TIME_OUT, 0, tries=int(by_office))
    batch.transactions["sender"] = market.domain.local[batch.transactions["sender"]]
    receipts = np.zeros(1, dtype=RECEIPT)
    receipts["kind"], receipts["code"], receipts["committed_us"] = int(Kind.RESOLVE), int(code), S
    market.waiting.pages.clear()
    note_decided(market, batch, receipts)
    due = market.waiting.take(100 * S)
    assert len(due) == int(again)
    if again:
        assert (due["chore"][0], due["tries"][0]) == (Chore.TIME_OUT, 1)
        assert due["time_us"][0] == S + SLACK_US


def test_offices_are_of_no_org(tmp_path: Path) -> None:
    market = create(tmp_path, "federated")
    market.chores.ran_away_us = NEVER_US
    assert do(market, Chore.RULE, 0).truths["caller_org"].tolist() == [-1]
    org = market.traders["org"][WHO]
    market = create(tmp_path, "federated")
    assert do(market, Chore.RELEASE, 0).truths["caller_org"].tolist() == [org]
