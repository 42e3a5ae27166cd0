"""Human approval: a few reviewers in each org, each request a SimPy process.

The request is off the ledger; an approval is a transaction by the org, bound to one call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import simpy

from sim.core.purposes import Purpose
from sim.core.records import APPROVAL_REQUEST, Decision, Goal, Kind, Records
from sim.core.units import PPM
from sim.engine.desk import visit_desk
from sim.ledger.checks import compute_call_digest
from sim.model.batches import Batch, create_batch
from sim.model.domains import Domain

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.core.draws import Draws
    from sim.model.world import World

VALID_US = 300_000_000  # an approval not used within five minutes is void (an assumption)


@dataclass(slots=True)
class Request:
    """One call that waits for a human."""

    number: int
    call: Batch  # one row
    asked_us: int
    service_us: int
    waiting_before: int = 0
    decided_us: int = -1
    timed_out: bool = False
    decision: Decision = Decision.OPEN


class Approvals:
    """The reviewers' desks of all orgs, and every request made to them."""

    def __init__(
        self,
        env: simpy.Environment,
        world: World,
        draws: Draws,
        get_domain: Callable[[int], Domain],
        submit: Callable[[Batch], None],
    ) -> None:
        self.env, self.world, self.draws = env, world, draws
        self.get_domain, self.submit = get_domain, submit
        self.people = world.scenario.reviewers
        self.desks = [
            simpy.PriorityResource(env, capacity=self.people.count) for _ in range(world.n_orgs)
        ]
        self.requests: list[Request] = []
        self.awaiting: dict[int, Request] = {}  # asked or approved, the call itself not sent yet

    def ask(self, calls: Batch) -> None:
        """Send each call's request to the desk of the caller's org."""
        for row in range(len(calls)):
            call = calls.take(slice(row, row + 1))
            truth = call.truths[0]
            service_us = self.draws.get_wait_us(
                Purpose.REVIEW_TIME,
                int(truth["entity"]),
                self.get_ordinal(call),
                self.people.review,
            )
            request = Request(len(self.requests), call, int(truth["ready_us"]), int(service_us[0]))
            self.requests.append(request)
            self.awaiting[request.number] = request
            desk = self.desks[int(truth["caller_org"])]
            visit = visit_desk(self.env, desk, request, self.people.patience, self.decide)
            self.env.process(visit)

    def get_ordinal(self, call: Batch) -> int:
        """Identity of a request in its agent's life, equal under every policy."""
        truth = call.truths[0]
        return int((truth["task"] * 128 + truth["call"]) * 8 + truth["attempt"])

    def decide(self, request: Request) -> None:
        """What the reviewer says; a refusal or time-out sends the call as it is, to be refused."""
        if request.timed_out:
            request.decision = Decision.TIMED_OUT
        else:
            approved = self.is_approved(request)
            request.decision = Decision.APPROVED if approved else Decision.REFUSED
        if request.decision is Decision.APPROVED:
            self.submit(self.create_approval(request))
        else:
            self.send(request, request.decided_us)

    def is_approved(self, request: Request) -> bool:
        """Draw against the chance of error, which grows with the queue for harmful requests.

        Source: human approval with fatigue, an assumption: false_approve + fatigue * waiting /
        reviewers.
        """
        truth = request.call.truths[0]
        drawn = self.draws.get_ppm(
            Purpose.REVIEW_ERROR, int(truth["entity"]), self.get_ordinal(request.call)
        )
        if truth["goal"] == Goal.WORK:
            return int(drawn[0]) >= self.people.false_refuse
        load = request.waiting_before * self.people.fatigue // self.people.count
        return int(drawn[0]) < min(PPM, self.people.false_approve + load)

    def create_approval(self, request: Request) -> Batch:
        """The org's transaction that approves exactly this call."""
        call = request.call.transactions[0]
        org = int(request.call.truths[0]["caller_org"])
        domain = self.get_domain(org)
        batch = create_batch(1)
        tx, truth = batch.transactions[0], batch.truths[0]
        local = call.copy()
        local["sender"] = domain.local[call["sender"]]
        tx["kind"] = Kind.APPROVE
        tx["sender"] = org
        tx["target"] = local["sender"]
        tx["subject"] = compute_call_digest(local, self.world.arguments)
        tx["expires_us"] = request.decided_us + VALID_US
        tx["fee"] = domain.rules.fee_min
        tx["submitted_us"] = request.decided_us
        truth["entity"] = request.call.truths["entity"][0]
        truth["task"] = request.number
        truth["caller_org"] = truth["owner_org"] = org
        truth["ready_us"] = request.decided_us
        truth["messages"] = 2  # the question and the answer
        return batch

    def on_decided(self, batch: Batch, receipts: Records, from_us: int) -> None:
        """Send the calls whose approvals are on the ledger now, approval in hand."""
        for row in np.flatnonzero(batch.transactions["kind"] == Kind.APPROVE):
            request = self.requests[int(batch.truths["task"][row])]
            if receipts["code"][row] == 0:
                request.call.transactions["parent"] = receipts["counterparty"][row]
                request.call.truths["approved"] = 1
            self.send(request, max(int(batch.truths["final_us"][row]), from_us))

    def send(self, request: Request, ready_us: int) -> None:
        """The call goes its way at last."""
        del self.awaiting[request.number]
        request.call.truths["ready_us"] = ready_us
        self.submit(request.call)

    def create_records(self) -> Records:
        """Every request, for the trace."""
        records = np.zeros(len(self.requests), dtype=APPROVAL_REQUEST)
        for record, request in zip(records, self.requests, strict=True):
            truth = request.call.truths[0]
            for name in ("agent", "task", "call", "attempt"):
                record[name] = truth[name]
            record["asked_us"] = request.asked_us
            record["decided_us"] = request.decided_us
            record["decision"] = int(request.decision)
            record["harmful"] = int(truth["goal"] != Goal.WORK)
        return records
