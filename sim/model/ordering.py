"""Who decides when: from submitted calls to batches with a place and a time.

Every ordering takes calls as they become ready and gives back, once a window is over, what was
decided in it: applied to a ledger, with the time at which the decision was final.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from sim.core.draws import Draws
from sim.core.purposes import Purpose
from sim.core.records import Ints, Posture, Records
from sim.engine.queues import serve
from sim.ledger.rules import get_caller_postures
from sim.model.batches import CLEARING, Batch, Decided, join_batches, split_at
from sim.model.chain import Chain
from sim.model.domains import Domain

if TYPE_CHECKING:
    from sim.model.genesis import Domains
    from sim.model.world import World
    from sim.policies.base import Policy

GATEWAY_SEED = 1 << 40  # ordinals of service times at the second gateway


class Ordering(Protocol):
    """Puts calls in order and applies them."""

    def submit(self, batch: Batch) -> None:
        """Take calls whose `ready_us` lies in the current window."""

    def decide(self, until_us: int) -> list[Decided]:
        """Everything decided before a time."""

    def get_pending(self) -> Batch:
        """What is not decided yet."""


def apply_at_once(domain: Domain, batch: Batch) -> Records:
    """Apply rows one by one at their `final_us`; a gateway's height is its own count."""
    n = len(batch)
    transactions = batch.transactions
    transactions["height"] = domain.height + 1 + np.arange(n)
    transactions["now_us"] = batch.truths["final_us"]
    domain.height += n
    return domain.apply(batch, np.array([n], dtype=np.int64))


class Immediate:
    """No queue: a call is decided the moment it is made."""

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self.pending: list[Batch] = []

    def submit(self, batch: Batch) -> None:
        """Take calls."""
        batch.truths["final_us"] = batch.truths["ready_us"]
        batch.truths["messages"] += 2  # request and response
        self.pending.append(batch)

    def decide(self, until_us: int) -> list[Decided]:
        """Apply what came before a time, in order of time."""
        batch, self.pending = split_at(join_batches(self.pending), "final_us", until_us)
        if not len(batch):
            return []
        receipts = apply_at_once(self.domain, batch)
        return [Decided(batch, receipts, np.full(len(batch), -1, dtype=np.int64))]

    def get_pending(self) -> Batch:
        """What is not decided yet."""
        return join_batches(self.pending)


class Gateways:
    """Calls pass their own org's gateway going out, and the owner's coming in."""

    def __init__(
        self, domains: list[Domain], clearing: Domain | None, world: World, draws: Draws
    ) -> None:
        self.domains, self.clearing, self.world, self.draws = domains, clearing, world, draws
        gateways = world.scenario.gateways
        self.service_us = gateways.service
        self.free_out_us = np.zeros((world.n_orgs, gateways.servers), dtype=np.int64)
        self.free_in_us = np.zeros((world.n_orgs, gateways.servers), dtype=np.int64)
        self.outgoing: list[Batch] = []
        self.incoming: list[Batch] = []
        self.done: list[Batch] = []

    def submit(self, batch: Batch) -> None:
        """Take calls."""
        self.outgoing.append(batch)

    def pass_gateways(self, until_us: int) -> Batch:
        """Rows whose last gateway is done with them before a time, in order of that time."""
        outgoing, self.outgoing = split_at(join_batches(self.outgoing), "ready_us", until_us)
        checks = get_caller_postures(outgoing.transactions["situation"]) != Posture.NEGLIGENT
        going_out = np.where(checks, outgoing.truths["caller_org"], -1)
        self.serve(outgoing, going_out, "ready_us", self.free_out_us, 0)
        across = outgoing.truths["caller_org"] != outgoing.truths["owner_org"]
        across &= outgoing.truths["mediated"] == 1
        self.done.append(outgoing.take(~across))
        arriving = join_batches([*self.incoming, outgoing.take(across)])
        arriving, self.incoming = split_at(arriving, "final_us", until_us)
        owner = arriving.truths["owner_org"]
        coming_in = np.where(self.world.postures[owner] != Posture.NEGLIGENT, owner, -1)
        self.serve(arriving, coming_in, "final_us", self.free_in_us, GATEWAY_SEED)
        finished, self.done = split_at(join_batches([*self.done, arriving]), "final_us", until_us)
        return finished

    def serve(
        self, batch: Batch, orgs: Ints, arrival: str, free_us: Ints, first_ordinal: int
    ) -> None:
        """Wait for and go through the gateways of some orgs, -1 for none; writes `final_us`."""
        truths = batch.truths
        if not len(batch):
            return
        queue = np.where(truths["mediated"] == 1, orgs, -1)
        ordinal = first_ordinal + truths["task"] * 1024 + truths["call"] * 8 + truths["attempt"]
        service_us = self.draws.get_wait_us(
            Purpose.SERVICE, truths["entity"], ordinal, self.service_us
        )
        departure_us = np.empty(len(batch), dtype=np.int64)
        serve(queue, truths[arrival].copy(), service_us, free_us, departure_us)
        truths["final_us"] = departure_us
        truths["messages"] += np.where(queue >= 0, 2, 0)

    def decide(self, until_us: int) -> list[Decided]:
        """Apply what came through the gateways: calls at their caller's home, trades at one."""
        batch = self.pass_gateways(until_us)
        batch.truths["messages"] += 2
        trades = batch.truths["trader"] != -1
        decided = self.decide_calls(batch.take(~trades))
        if self.clearing is not None and trades.any():
            batch = batch.take(trades)
            receipts = apply_at_once(self.clearing, batch)
            domains = np.full(len(batch), CLEARING, dtype=np.int64)
            decided.append(Decided(batch, receipts, domains))
        return decided

    def decide_calls(self, batch: Batch) -> list[Decided]:
        """Apply calls and record keeping at the gateway of each caller's org."""
        decided = []
        for org, domain in enumerate(self.domains):
            mine = batch.take(batch.truths["caller_org"] == org)
            if len(mine):
                receipts = apply_at_once(domain, mine)
                decided.append(Decided(mine, receipts, np.full(len(mine), org, dtype=np.int64)))
        return decided

    def get_pending(self) -> Batch:
        """What is not decided yet."""
        return join_batches([*self.outgoing, *self.incoming, *self.done])


class Layered:
    """A gateway first; calls to other orgs then go on the chain."""

    def __init__(self, gateways: Gateways, chain: Chain, world: World, fee: int) -> None:
        self.gateways, self.chain, self.world, self.fee = gateways, chain, world, fee

    def submit(self, batch: Batch) -> None:
        """Take calls; record keeping of the chain's own goes straight to it."""
        self.gateways.submit(batch)

    def decide(self, until_us: int) -> list[Decided]:
        """What stays inside is final at the gateway; what leaves now waits for its block."""
        passed = self.gateways.pass_gateways(until_us)
        passed.truths["messages"] += 2
        trades = passed.truths["trader"] != -1
        self.trade(passed.take(trades))
        decided = []
        for batch, receipts, domains in self.gateways.decide_calls(passed.take(~trades)):
            across = batch.truths["caller_org"] != batch.truths["owner_org"]
            onward = across & (receipts["code"] == 0) & (batch.truths["mediated"] == 1)
            onward &= batch.truths["agent"] >= 0
            if onward.any():
                self.forward(batch, onward, domains)
                batch.truths["agent"][onward] = -1
                batch.truths["operation"][onward] = -1
            decided.append(Decided(batch, receipts, domains))
        return decided

    def trade(self, batch: Batch) -> None:
        """Signals are traded on the chain alone; a gateway is only on the way."""
        batch.truths["ready_us"] = batch.truths["final_us"]
        if len(batch):
            self.chain.submit(batch)

    def forward(self, batch: Batch, onward: np.ndarray, domains: Ints) -> None:
        """Submit copies of what passed the gateway, as the world's accounts, to the chain."""
        copies = batch.take(onward).copy()
        orgs = domains[onward]
        for org in np.unique(orgs):
            rows = orgs == org
            globals_ = self.gateways.domains[org].get_world_accounts()
            copies.transactions["sender"][rows] = globals_[copies.transactions["sender"][rows]]
        copies.transactions["parent"] = -1
        copies.transactions["fee"] = self.fee
        copies.transactions["key_version"] = self.world.agents["key_version"][
            copies.truths["agent"]
        ]
        copies.truths["ready_us"] = copies.truths["final_us"]
        copies.truths["forged"] = 0
        self.chain.submit(copies)

    def get_pending(self) -> Batch:
        """What waits at a gateway or for a block."""
        return join_batches([self.gateways.get_pending(), self.chain.get_pending()])


def create_ordering(
    policy: Policy, domains: Domains, world: World, draws: Draws
) -> tuple[Ordering, Chain | None]:
    """Ordering of a policy, and the chain that anchors go to if there is one."""
    on_chain, chain = None, domains.chain
    if chain is not None and (policy.has_chain or policy.anchors):
        on_chain = Chain(chain, world, policy, draws)
    if not policy.has_gateways:
        if policy.has_chain and on_chain is not None:
            return on_chain, on_chain
        if chain is None:
            raise ValueError(f"policy {policy.name!r} has no domain to decide in")
        return Immediate(chain), None
    through = Gateways(domains.gateways, domains.clearing, world, draws)
    if policy.has_chain and on_chain is not None:
        return Layered(through, on_chain, world, policy.fee), on_chain
    return through, on_chain
