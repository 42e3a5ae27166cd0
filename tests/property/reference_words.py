"""Words that every part of the reference machine uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce
from operator import or_
from typing import Any

from sim.core.reasons import Reason
from sim.core.records import Kind, Status

Row = dict[str, Any]
Steps = Iterator[Any]  # of a kind: (reason, whether it fails) in order, READY, what it did

TREASURY, BURN, ESCROW = 0, 1, 2
LARGEST = 2**62  # amounts and nonces
FRAUD = 100  # statement of evidence that comes out of a dispute
PPM = 1_000_000
READY = (Reason.APPLIED, True)


def union(masks: Iterable[int]) -> int:
    return reduce(or_, masks, 0)


def rename(tx: Row, *same: str, **names: str) -> Row:
    """Columns of a transaction under the names they have in another table."""
    return {name: tx[name] for name in same} | {new: tx[old] for new, old in names.items()}


def compute_call_digest(*words: int) -> int:
    """What an approval is bound to: sender, operation, amount and arguments."""
    digest = 1
    for word in words:
        mixed = (word ^ digest >> 7 ^ digest << 5) % 2**62
        low, high = mixed % 2**31 * 1_000_003, mixed // 2**31 * 998_244_353
        digest = low ^ high ^ high >> 29
    return digest


def get_call_digest(tx: Row, wanted: list[int]) -> int:
    """Of a signal, what it is and its price are part of what was approved."""
    offer = (tx["kind"], tx["subject"]) if tx["kind"] == Kind.PUBLISH else ()
    return compute_call_digest(tx["sender"], tx["target"], tx["amount"], *offer, *wanted)


def is_active(account: Row, height: int) -> bool:
    """Active, or jailed up to a height that has come; a jail of height 0 has no end."""
    served = 0 < account["jailed_until_height"] <= height
    return account["status"] == Status.ACTIVE or (account["status"] == Status.JAILED and served)


def move(payer: Row, payee: Row, amount: int) -> int:
    """Move an amount, or as much of it as there is."""
    paid = min(amount, payer["balance"])
    payer["balance"] -= paid
    payee["balance"] += paid
    return paid
