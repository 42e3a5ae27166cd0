"""The books of a ledger are checked at the end of each replication, whatever was decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sim.core.errors import InvariantError
from sim.core.records import Kind, Records
from sim.model.domains import Domain, get_validator_account
from sim.model.run import Replication
from tests.worlds import POLICIES, SEED, create_worker, load_world

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def forget_capability(domain: Domain, transactions: Records, receipts: Records) -> None:
    calls = (receipts["kind"] == Kind.CALL) & (receipts["code"] == 0) & (receipts["required"] > 0)
    receipts["caps_effective"][calls] = 0


def repeat_nonce(domain: Domain, transactions: Records, receipts: Records) -> None:
    transactions["nonce"] = 0


def spoil_unbonding(domain: Domain, transactions: Records, receipts: Records) -> None:
    account = domain.state.accounts[domain.local[0]]
    account["unbonding"] += 1
    account["balance"] -= 1


def take_stake(domain: Domain, transactions: Records, receipts: Records) -> None:
    account = domain.state.accounts[domain.local[get_validator_account(domain.world, 0)]]
    account["stake"] -= 1
    account["balance"] += 1


def slash_more(domain: Domain, transactions: Records, receipts: Records) -> None:
    receipts["amount"][receipts["kind"] == Kind.EVIDENCE] += 10**9  # more than there is at stake


SPOILED = {
    "I11 capability": forget_capability,
    "I10 nonce": repeat_nonce,
    "unbonding": spoil_unbonding,
    "I15": take_stake,
    "I14": slash_more,
}


def live(folder: Path) -> None:
    faults = [{"fault": "double_vote", "validators": [3]}]
    world = load_world(folder, agents=[create_worker()], horizon="20s", faults=faults)
    Replication(world, POLICIES["chain"], SEED, 0).run()


def test_sound_books_raise_nothing(tmp_path: Path) -> None:
    live(tmp_path)


@pytest.mark.parametrize("invariant", SPOILED)
def test_spoiled_books_end_the_replication(
    invariant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil: Callable[[Domain, Records, Records], None] = SPOILED[invariant]
    apply = Domain.apply

    def apply_and_spoil(self, batch, ends):  # type: ignore[no-untyped-def]
        first = self.n_applied
        receipts = apply(self, batch, ends)
        if batch.truths["ready_us"].any():  # not the genesis
            spoil(self, self.get_transactions()[first:], self.get_receipts()[first:])
        return receipts

    monkeypatch.setattr(Domain, "apply", apply_and_spoil)
    with pytest.raises(InvariantError, match=invariant):
        live(tmp_path)
