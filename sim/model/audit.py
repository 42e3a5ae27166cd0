"""Logs and anchors of a policy: who notes what, what is committed, what stays exposed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.records import EXPOSURE, Ints, Kind, Posture, Records, join_records, take_records
from sim.ledger.rules import get_caller_postures
from sim.model.batches import CLEARING, Batch, create_batch, join_batches
from sim.policies.base import Inbound, Log, Policy
from sim.trace.log import OperatorLog

if TYPE_CHECKING:
    from sim.model.batches import Decided
    from sim.model.chain import Chain
    from sim.model.world import World

_HONEST, _NEGLIGENT, _HOSTILE = int(Posture.HONEST), int(Posture.NEGLIGENT), int(Posture.HOSTILE)
_ANCHOR = int(Kind.ANCHOR)


class Audit:
    """The operators' logs of one replication, and their anchors if the policy has any."""

    def __init__(self, world: World, policy: Policy, chain: Chain | None) -> None:
        self.world, self.policy, self.chain = world, policy, chain
        self.keeps_log = policy.log is not Log.NOBODY
        self.keeps_operator_logs = self.keeps_log and policy.log is not Log.VALIDATORS
        self.sees_caller = policy.inbound is Inbound.SIGNED_CAPABILITY
        self.logs = [OperatorLog() for _ in range(world.n_orgs)]
        self.times: list[list[Ints]] = [[] for _ in range(world.n_orgs)]
        self.interval_us = world.scenario.chain.block_interval
        self.next_us = self.interval_us * policy.anchor_blocks
        self.committed: list[list[tuple[int, int]]] = [[(0, 0)] for _ in range(world.n_orgs)]

    def note(self, decided: Decided) -> None:
        """Append what a gateway decided to its operator's log; mark which records are true."""
        batch, receipts, domains = decided
        if not self.keeps_log:
            return
        self.mark_records(batch, receipts, domains)
        org = int(domains[0])  # all of one decision are from one ledger
        if org == CLEARING:
            orgs = np.unique(batch.truths["caller_org"])
            for each in orgs[orgs >= 0].tolist():  # an office keeps no log
                own = batch.truths["caller_org"] == each
                self.append(each, batch.take(own), take_records(receipts, own))
        elif org >= 0:
            self.append(org, batch, receipts)

    def append(self, org: int, batch: Batch, receipts: Records) -> None:
        """Append decisions to an operator's log, if it keeps one."""
        posture = self.world.postures[org]
        if not self.keeps_operator_logs or posture == _NEGLIGENT:
            return
        rows = batch.truths["mediated"] == 1
        final_us = batch.truths["final_us"][rows]
        self.logs[org].append(take_records(receipts, rows), final_us, posture == _HOSTILE)
        self.times[org].append(final_us)

    def mark_records(self, batch: Batch, receipts: Records, domains: Ints) -> None:
        """Say for each decision whether the policy's log has it, and has it right."""
        truths = batch.truths
        mediated = truths["mediated"] == 1
        on_chain = domains == -1  # a clearing house is the log of those whose gateways run
        caller = get_caller_postures(batch.transactions["situation"])
        owner = self.world.postures[truths["owner_org"]]
        across = truths["caller_org"] != truths["owner_org"]
        by_caller = caller != _NEGLIGENT
        by_owner = across & (owner != _NEGLIGENT)
        is_clean = receipts["violations"] == 0
        right_by_caller = (caller == _HONEST) | ((caller == _HOSTILE) & is_clean)
        right_by_owner = by_owner & (owner == _HONEST) & self.sees_caller
        truths["logged"] = mediated & (on_chain | by_caller | by_owner)
        truths["log_complete"] = mediated & (on_chain | right_by_caller | right_by_owner)

    def create_anchors(self, until_us: int) -> Batch:
        """Anchor transactions of all logs for the anchor times before `until_us`."""
        batches = []
        while self.policy.anchors and self.next_us < until_us:
            batches.append(self.create_anchors_at(self.next_us))
            self.next_us += self.interval_us * self.policy.anchor_blocks
        return join_batches(batches)

    def create_anchors_at(self, now_us: int) -> Batch:
        """One anchor for each log, cut at a time."""
        batch = create_batch(self.world.n_orgs)
        for org, log in enumerate(self.logs):
            cut = log.cut(now_us)
            tx, truth = batch.transactions[org], batch.truths[org]
            tx["kind"] = Kind.ANCHOR
            tx["sender"] = org
            tx["target"] = org
            tx["subject"] = cut.size
            tx["amount"] = now_us // self.interval_us
            tx["fee"] = self.policy.fee
            tx["submitted_us"] = now_us
            words = np.frombuffer(cut.root, dtype="<i8")
            for index in range(4):
                tx[f"word{index}"] = words[index]
            truth["caller_org"] = truth["owner_org"] = org
            truth["ready_us"] = now_us
        return batch

    def on_anchored(self, decided: Decided) -> None:
        """Remember which size of which log is committed since when."""
        if not self.policy.anchors:
            return
        batch, receipts, _ = decided
        anchored = (batch.transactions["kind"] == _ANCHOR) & (receipts["code"] == 0)
        for row in np.flatnonzero(anchored):
            org = int(batch.transactions["target"][row])
            size = int(batch.transactions["subject"][row])
            self.committed[org].append((int(batch.truths["final_us"][row]), size))

    def compute_exposure(self, horizon_us: int) -> Records:
        """Records after the cut of the last committed anchor, sampled once a block for each log.

        Shapes: EXPOSURE (n_logs * n_blocks,); empty without anchors.
        """
        if not self.policy.anchors:
            return np.zeros(0, dtype=EXPOSURE)
        block_us = np.arange(self.interval_us, horizon_us, self.interval_us)
        samples = []
        for org in range(self.world.n_orgs):
            times = np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *self.times[org]]))
            since = np.array([time for time, _ in self.committed[org]])
            sizes = np.array([size for _, size in self.committed[org]])
            last = np.searchsorted(since, block_us, side="left") - 1
            sample = np.zeros(len(block_us), dtype=EXPOSURE)
            sample["log"] = org
            sample["height"] = block_us // self.interval_us
            appended = np.searchsorted(times, block_us, side="right")
            sample["records"] = appended - sizes[np.maximum(last, 0)]
            samples.append(sample)
        return join_records(samples)
