"""The named policies: each a setting of the levers. `Policy` says what the settings mean.

The fee of a chain transaction and the anchoring interval are assumptions; a scenario
varies them.
"""

from __future__ import annotations

from sim.policies.base import Checks, Inbound, Log, Order, Policy

UNGUARDED = Policy("unguarded")
GATEWAY = Policy("gateway", checks=Checks.GATEWAY, order=Order.GATEWAY, log=Log.OPERATOR)
ANCHORED = Policy(
    "anchored", checks=Checks.GATEWAY, order=Order.GATEWAY, log=Log.ANCHORED, fee=1
)  # only anchors are chain transactions: a gateway charges nothing
FEDERATED = Policy(
    "federated",
    checks=Checks.GATEWAY,
    order=Order.GATEWAY,
    log=Log.FEDERATED,
    inbound=Inbound.SIGNED_CAPABILITY,
    revocation_lag_us=60_000_000,
)
CHAIN = Policy("chain", checks=Checks.CHAIN, order=Order.CHAIN, log=Log.VALIDATORS, fee=1)
LAYERED = Policy("layered", checks=Checks.LAYERED, order=Order.LAYERED, log=Log.BOTH, fee=1)
DENY_ALL = Policy("deny_all", checks=Checks.DENY_ALL)
REFERENCE_MONITOR = Policy("reference_monitor", checks=Checks.REFERENCE_MONITOR)
ORACLE = Policy("oracle", checks=Checks.ORACLE)

SUMMARIES = {
    "unguarded": "whoever holds a credential acts; nobody checks, nobody keeps a log",
    "gateway": "each org checks its own agents and keeps its own log",
    "anchored": "as gateway, with the Merkle root of each log committed on a chain",
    "federated": "as gateway, with signed capabilities across orgs and logs anchored with peers",
    "chain": "every call is ordered and checked by one ledger that all validators keep",
    "layered": "a gateway inside each org, a chain across orgs, both logs kept",
    "deny_all": "bound: every call is refused",
    "reference_monitor": "bound: the chain's checks without its delay",
    "oracle": "bound: refuses exactly what is illegitimate",
}
