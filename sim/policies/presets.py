"""The named policies: each a setting of the levers. `Policy` says what the settings mean.

Fees, bonds and the anchoring interval are assumptions; a scenario varies them.
"""

from __future__ import annotations

from dataclasses import replace

from sim.policies.base import (
    Checks,
    Inbound,
    Judges,
    Log,
    Order,
    Policy,
    Settlement,
    Slashing,
)

UNGUARDED = Policy("unguarded")
GATEWAY = Policy(
    "gateway",
    checks=Checks.GATEWAY,
    order=Order.GATEWAY,
    log=Log.OPERATOR,
    judges=Judges.OPERATOR,
)
ANCHORED = replace(
    GATEWAY, name="anchored", log=Log.ANCHORED, fee=1
)  # only anchors are chain transactions: a gateway charges nothing
FEDERATED = Policy(
    "federated",
    checks=Checks.GATEWAY,
    order=Order.GATEWAY,
    log=Log.FEDERATED,
    inbound=Inbound.SIGNED_CAPABILITY,
    revocation_lag_us=60_000_000,
    settlement=Settlement.ESCROW,
    escrow_fee_ppm=20_000,
    judges=Judges.ARBITER,
)
CHAIN = Policy(
    "chain",
    checks=Checks.CHAIN,
    order=Order.CHAIN,
    log=Log.VALIDATORS,
    fee=1,
    settlement=Settlement.ESCROW,
    judges=Judges.COMMITTEE,
    bond=50,
    slashing=Slashing.CORRELATED,
    reputation="beta_forgetting",
)
LAYERED = replace(CHAIN, name="layered", checks=Checks.LAYERED, order=Order.LAYERED, log=Log.BOTH)
DENY_ALL = Policy("deny_all", checks=Checks.DENY_ALL)
REFERENCE_MONITOR = replace(
    CHAIN,
    name="reference_monitor",
    checks=Checks.REFERENCE_MONITOR,
    order=Order.IMMEDIATE,
    log=Log.NOBODY,
    fee=0,
)
ORACLE = Policy("oracle", checks=Checks.ORACLE)

SUMMARIES = {
    "unguarded": "whoever holds a credential acts; nobody checks, nobody keeps a log",
    "gateway": "each org checks its own agents and keeps its own log; invoices on trust",
    "anchored": "as gateway, with the Merkle root of each log committed on a chain",
    "federated": "as gateway, with signed capabilities, peers' anchors and a third party's escrow",
    "chain": "one ledger that all validators keep orders, checks, settles, rates and slashes",
    "layered": "a gateway inside each org, a chain across orgs, both logs kept",
    "deny_all": "bound: every call is refused",
    "reference_monitor": "bound: the chain's checks without its delay",
    "oracle": "bound: refuses exactly what is illegitimate",
}
