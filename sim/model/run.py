"""One replication: windows of agents' calls, ordered, judged, noted, and answered."""

from __future__ import annotations

import numpy as np
import simpy

from sim.core.draws import Draws
from sim.core.encoding import HEADER_BYTES
from sim.core.merkle import compute_paged_root
from sim.core.purposes import Purpose
from sim.core.reasons import PENDING
from sim.core.records import (
    RECEIPT,
    TASK,
    Goal,
    Ints,
    Kind,
    Records,
    ScopeLevel,
    join_records,
)
from sim.engine.windows import run_windows
from sim.model.approvals import Approvals
from sim.model.audit import Audit
from sim.model.calls import create_calls, mark_approvals
from sim.model.domains import (
    Batch,
    Domain,
    create_batch,
    create_domains,
    drop_one_bit,
    join_batches,
)
from sim.model.layout import Life
from sim.model.ordering import Decided, create_ordering
from sim.model.population import (
    OBSERVED,
    collect_due,
    count_untouched_tasks,
    observe,
    settle,
    start_population,
    start_tasks,
)
from sim.model.signing import Ed25519Signing, Signing, TrustedSigning
from sim.model.world import World
from sim.policies.base import Checks, Order, Policy, Scope
from sim.strategies.base import Observation
from sim.trace.records import Header, Trace, create_header

TASK_LANE = 1
GRANT_CALL = 127  # number of a task's grant among its calls
SIGNED_BYTES = HEADER_BYTES + 64  # a transaction without arguments, with its signature


def run_replication(world: World, policy: Policy, seed: int, replication: int) -> Trace:
    """Run one replication of a world under a policy.

    Errors: InvariantError if a promise of the ledger breaks.
    """
    return Replication(world, policy, seed, replication).run()


class Replication:
    """One seeded life of a world."""

    def __init__(self, world: World, policy: Policy, seed: int, replication: int) -> None:
        self.world, self.policy, self.replication = world, policy, replication
        scenario = world.scenario
        self.horizon_us, self.window_us = scenario.horizon, scenario.window
        self.draws = Draws(seed, world.loaded.stream, replication)
        self.keys = (self.draws.key0, self.draws.key1)
        self.signing: Signing = TrustedSigning()
        if scenario.signatures == "ed25519":
            self.signing = Ed25519Signing(world.loaded.stream)
        self.gateways, self.chain_domain = create_domains(world, policy, self.draws, self.signing)
        self.ordering, self.chain = create_ordering(
            policy, self.gateways, self.chain_domain, world, self.draws
        )
        self.audit = Audit(world, policy, self.chain)
        self.env = simpy.Environment()
        self.approvals = Approvals(self.env, world, self.draws, self.get_home, self.ordering.submit)
        self.agents = world.agents.copy()
        start_population(self.agents, world.groups, *self.keys)
        self.account_orgs = np.array(
            [*range(world.n_orgs), *(holder.org for holder in world.holders)], dtype=np.int64
        )
        self.rotations = self.schedule_rotations()
        self.tasks: Records = np.zeros(4 * len(self.agents) + 64, dtype=TASK)
        self.n_tasks = 0
        self.starting = np.zeros(len(self.agents), dtype=np.int64)
        self.acting = np.zeros(len(self.agents), dtype=np.int64)
        self.decided: list[Decided] = []

    def get_home(self, org: int) -> Domain:
        """Domain whose ledger an org's own approvals are on."""
        if self.gateways:
            return self.gateways[org]
        if self.chain_domain is None:
            raise ValueError(f"policy {self.policy.name!r} has no ledger")
        return self.chain_domain

    def run(self) -> Trace:
        """Live through the horizon and close the books."""
        self.env.process(
            run_windows(self.env, self.horizon_us, self.window_us, self.plan, self.close)
        )
        self.env.run(until=self.horizon_us + 1)
        return self.create_trace()

    # what agents do

    def plan(self, until_us: int) -> None:
        """Tasks that are picked up and calls that are made before a time."""
        n_starting, n_acting = collect_due(self.agents, until_us, self.starting, self.acting)
        if n_starting:
            self.start_tasks(self.starting[:n_starting])
        if n_acting:
            self.act(self.acting[:n_acting])
        while self.rotations and self.rotations[0][0] < until_us:
            self.rotate_key(*self.rotations.pop(0))

    def start_tasks(self, starting: Ints) -> None:
        """Agents pick up tasks; where grants are narrow, their principals grant what is needed."""
        first, room = self.n_tasks, len(starting)
        if first + room > len(self.tasks):
            self.tasks = join_records((self.tasks, np.zeros_like(self.tasks)))
        world = self.world
        self.n_tasks = start_tasks(
            self.agents,
            starting,
            world.groups,
            world.templates,
            world.steps,
            world.weights,
            world.scenario.think_min,
            *self.keys,
            self.tasks,
            first,
        )
        if self.policy.scope is not Scope.ROLE and self.policy.checks is not Checks.NONE:
            self.grant(self.tasks[first : self.n_tasks])

    def grant(self, started: Records) -> None:
        """One grant a task, in place of the last one's, good until the deadline."""
        world, n = self.world, len(started)
        if not n:
            return
        agents = world.agents[started["agent"]]
        templates = world.templates[started["template"]]
        batch = create_batch(n)
        transactions, truths = batch
        transactions["kind"] = Kind.GRANT
        transactions["sender"] = agents["org"]
        transactions["target"] = agents["account"]
        transactions["subject"] = TASK_LANE
        transactions["namespace"] = templates["namespace"]
        transactions["mask"] = self.get_granted_masks(started, agents, templates)
        transactions["expires_us"] = started["deadline_us"]
        transactions["submitted_us"] = started["started_us"]
        if self.policy.scope is Scope.ARGUMENTS:
            transactions["scope_level"] = ScopeLevel.ARGUMENTS
            transactions["arguments_from"] = templates["named_from"]
            transactions["arguments_to"] = templates["named_to"]
        else:
            transactions["scope_level"] = ScopeLevel.TASK
        truths["entity"] = agents["entity"]
        truths["task"] = started["task"]
        truths["call"] = GRANT_CALL
        truths["caller_org"] = truths["owner_org"] = agents["org"]
        truths["ready_us"] = started["started_us"]
        if self.policy.order is Order.LAYERED and self.chain is not None:
            leaves = world.groups["cross_org_ppm"][agents["group"]] > 0
            abroad = batch.take(leaves).copy()
            abroad.transactions["fee"] = self.policy.fee
            self.chain.submit(abroad)
        if self.policy.order is Order.CHAIN:
            transactions["fee"] = self.policy.fee
        self.ordering.submit(batch)

    def get_granted_masks(self, started: Records, agents: Records, templates: Records) -> Ints:
        """What each task needs, less one capability where the issuer slips."""
        masks = templates["scope_mask"].copy()
        slip_ppm = self.world.scenario.issuer_error
        if slip_ppm:
            ordinal = 2 * started["task"] + 2
            slips = self.draws.get_ppm(Purpose.ISSUER_ERROR, agents["entity"], ordinal) < slip_ppm
            places = self.draws.get_ppm(Purpose.ISSUER_ERROR, agents["entity"], ordinal + 1)
            for row in np.flatnonzero(slips):
                rest = drop_one_bit(int(masks[row]), int(places[row]))
                masks[row] = rest if rest else masks[row]
        return masks

    def act(self, acting: Ints) -> None:
        """Strategies turn observations into intents; intents become calls on their way."""
        world = self.world
        observed = np.empty((len(OBSERVED), len(acting)), dtype=np.int64)
        observe(
            self.agents,
            acting,
            world.groups,
            world.templates,
            world.steps,
            world.catalogue_first,
            *self.keys,
            observed,
        )
        intents = []
        for cohort in world.cohorts:
            first, last = np.searchsorted(acting, (cohort.first, cohort.last))
            if first < last:
                seen = Observation._make([*observed[:, first:last], cohort.goals])
                intents.append(cohort.strategy.act(seen, self.draws))
        self.send(join_records(intents))

    def send(self, intents: Records) -> None:
        """Calls go to their enforcement point, or to a reviewer first."""
        batch = create_batch(len(intents))
        policy = self.policy
        create_calls(
            intents,
            self.agents,
            self.account_orgs,
            self.world.postures,
            self.world.operations,
            policy.mediation_ppm,
            policy.checks is Checks.ORACLE,
            policy.fee if policy.order is Order.CHAIN else 0,
            *self.keys,
            *batch,
        )
        if policy.requires_approval:
            rules = self.get_home(0).rules
            effects = rules.approval_effects
            operations = self.world.operations
            if mark_approvals(*batch, operations, effects, rules.binding):
                waiting = batch.truths["needs_approval"] == 1
                self.approvals.ask(batch.take(waiting))
                batch = batch.take(~waiting)
        if len(batch):
            self.ordering.submit(batch)

    def schedule_rotations(self) -> list[tuple[int, int]]:
        """When each leaked key is noticed and replaced: times and accounts, in order."""
        outside = self.world.groups["life"][self.agents["group"]] == Life.OUTSIDE
        mean_us = self.world.scenario.detection.leak
        victims = self.agents[outside]
        wait_us = self.draws.get_wait_us(Purpose.LEAK, victims["entity"], 0, mean_us)
        noticed_us = victims["starts_us"] + wait_us
        return sorted(zip(noticed_us.tolist(), victims["account"].tolist(), strict=True))

    def rotate_key(self, at_us: int, account: int) -> None:
        """The org replaces an agent's key, on every ledger that knows it."""
        org = int(self.account_orgs[account])
        batch = create_batch(1)
        tx, truth = batch.transactions[0], batch.truths[0]
        tx["kind"] = Kind.ROTATE_KEY
        tx["sender"] = org
        tx["target"] = account
        tx["submitted_us"] = at_us
        truth["entity"] = account
        truth["call"] = GRANT_CALL
        truth["caller_org"] = truth["owner_org"] = org
        truth["ready_us"] = at_us
        if self.policy.order is Order.LAYERED and self.chain is not None:
            copy = batch.copy()
            copy.transactions["fee"] = self.policy.fee
            self.chain.submit(copy)
        if self.policy.order is Order.CHAIN:
            tx["fee"] = self.policy.fee
        self.ordering.submit(batch)

    # what comes of it

    def close(self, until_us: int) -> None:
        """Decide what is ready, note it, and let everybody know."""
        anchors = self.audit.create_anchors(until_us)
        if len(anchors) and self.chain is not None:
            self.chain.submit(anchors)
        decided = self.ordering.decide(until_us)
        if self.policy.anchors and self.chain is not None and not self.policy.has_chain:
            decided += self.chain.decide(until_us)
        for each in decided:
            self.take_note(each, until_us)
        self.decided += decided

    def take_note(self, decided: Decided, until_us: int) -> None:
        """Logs, delayed effects, agents and reviewers learn of a decision."""
        batch, receipts, _ = decided
        self.call_off(batch, receipts)
        self.audit.note(decided)
        self.audit.on_anchored(decided)
        world = self.world
        settle(
            self.agents,
            world.groups,
            world.templates,
            world.steps,
            self.tasks,
            batch.truths,
            receipts["code"],
            world.scenario.think_min,
            *self.keys,
        )
        if self.approvals.awaiting:
            self.approvals.on_decided(batch, receipts, until_us)

    def call_off(self, batch: Batch, receipts: Records) -> None:
        """Where irreversible effects wait, those noticed before the wait is over are undone."""
        truths = batch.truths
        if self.policy.commit_delay_us == 0:
            return
        harmful = (truths["irreversible"] == 1) & (truths["goal"] != Goal.WORK)
        for row in np.flatnonzero(harmful & (receipts["code"] == 0) & (truths["agent"] >= 0)):
            ordinal = int(truths["task"][row] * 128 + truths["call"][row])
            agent = int(truths["agent"][row])
            entity = int(self.agents["entity"][agent])
            noticed_us = self.draws.get_wait_us(
                Purpose.DETECTION, entity, ordinal, self.world.scenario.detection.loss
            )
            truths["cancelled"][row] = int(noticed_us[0]) < self.policy.commit_delay_us

    # closing the books

    def create_trace(self) -> Trace:
        """Everything that was decided or is still pending, with roots and headers."""
        self.list_untouched_tasks()
        pending = join_batches(
            [
                self.ordering.get_pending(),
                *(request.call for request in self.approvals.awaiting.values()),
            ]
        )
        pending = pending.take(pending.truths["agent"] >= 0)
        unanswered = np.zeros(len(pending), dtype=RECEIPT)
        unanswered["code"] = PENDING
        for name in ("sender", "kind", "target", "submitted_us"):
            unanswered[name] = pending.transactions[name]
        batch = join_batches([*(each.batch for each in self.decided), pending])
        receipts = join_records([*(each.receipts for each in self.decided), unanswered])
        domains = np.concatenate(
            [*(each.domains for each in self.decided), np.full(len(pending), -1, dtype=np.int64)]
        )
        self.add_bytes(batch)
        return Trace(
            policy=self.policy.name,
            replication=self.replication,
            horizon_us=self.horizon_us,
            receipts=receipts,
            truths=batch.truths,
            transactions=batch.transactions,
            domains=domains,
            tasks=self.tasks[: self.n_tasks],
            approvals=self.approvals.create_records(),
            exposure=self.audit.compute_exposure(self.horizon_us),
            headers=self.create_headers(),
            ledgers=[domain.create_record() for domain in self.get_domains()],
            messages=self.chain.messages if self.chain is not None else 0,
            n_bytes=self.count_block_bytes(),
        )

    def get_domains(self) -> list[Domain]:
        """All ledgers of the policy."""
        chain = [] if self.chain_domain is None else [self.chain_domain]
        return [*self.gateways, *chain]

    def list_untouched_tasks(self) -> None:
        """Tasks that came but were never picked up count as submitted."""
        world = self.world
        while True:
            n_tasks = count_untouched_tasks(
                self.agents.copy(),
                world.groups,
                world.templates,
                world.weights,
                self.horizon_us,
                *self.keys,
                self.tasks,
                self.n_tasks,
            )
            if n_tasks <= len(self.tasks):
                self.n_tasks = n_tasks
                return
            self.tasks = join_records((self.tasks, np.zeros(n_tasks - len(self.tasks), dtype=TASK)))

    def add_bytes(self, batch: Batch) -> None:
        """A message of a transaction carries it whole: its signed bytes and its arguments."""
        n_arguments = batch.transactions["arguments_to"] - batch.transactions["arguments_from"]
        batch.truths["bytes"] = batch.truths["messages"] * (SIGNED_BYTES + 8 * n_arguments)

    def count_block_bytes(self) -> int:
        """Bytes of sending every block to every validator, and an answer from each."""
        if self.chain is None:
            return 0
        per_peer = sum(
            (block.last - block.first) * SIGNED_BYTES + 2 * HEADER_BYTES
            for block in self.chain.blocks
        )
        return per_peer * (self.chain.validators - 1)

    def create_headers(self) -> list[Header]:
        """The chain of headers over the receipts of each block; the last has the state root."""
        if self.chain is None or self.chain_domain is None:
            return []
        receipts = self.chain_domain.get_receipts()
        headers: list[Header] = []
        before = bytes(32)
        for block in self.chain.blocks:
            is_last = block is self.chain.blocks[-1]
            header = create_header(
                before,
                block.height,
                block.proposed_us,
                block.committed_us,
                block.last - block.first,
                compute_paged_root(receipts[block.first : block.last]),
                self.chain_domain.compute_state_root() if is_last else b"",
            )
            headers.append(header)
            before = header.digest
        return headers
