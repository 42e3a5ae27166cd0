"""One replication: windows of agents' calls, ordered, judged, noted, and answered."""

from __future__ import annotations

import numpy as np
import simpy
from numpy.typing import NDArray

from sim.core.draws import Draws
from sim.core.merkle import compute_paged_root
from sim.core.purposes import Purpose
from sim.core.reasons import PENDING
from sim.core.records import (
    RECEIPT,
    TASK,
    Goal,
    Ints,
    Records,
    join_records,
)
from sim.engine.windows import run_windows
from sim.model.aftermath import note_decided
from sim.model.approvals import Approvals
from sim.model.audit import Audit
from sim.model.batches import CHAIN, SIGNED_BYTES, Batch, Decided, create_batch, join_batches
from sim.model.calls import create_calls, mark_approvals
from sim.model.domains import Domain, get_account_orgs
from sim.model.exogenous import compute_exogenous_digest
from sim.model.genesis import create_domains
from sim.model.history import History
from sim.model.housekeeping import create_grants, create_rotation, schedule_rotations
from sim.model.layout import Life
from sim.model.market import create_market
from sim.model.ordering import create_ordering
from sim.model.population import (
    OBSERVED,
    collect_due,
    count_untouched_tasks,
    observe,
    settle,
    start_population,
    start_tasks,
)
from sim.model.trade_record import create_market_record
from sim.model.views import create_ordering_record
from sim.model.world import World
from sim.policies.base import Checks, Order, Policy, Scope
from sim.strategies.base import Observation
from sim.trace.ordering import NO_ORDERING
from sim.trace.records import Header, Trace, create_header


def run_replication(world: World, policy: Policy, seed: int, replication: int) -> Trace:
    """Run one replication of a world under a policy.

    Errors: InvariantError if a promise of the ledger breaks.
    """
    life = Replication(world, policy, seed, replication)
    trace = life.run()
    life.let_go()
    return trace


class Replication:
    """One seeded life of a world."""

    def __init__(self, world: World, policy: Policy, seed: int, replication: int) -> None:
        self.world, self.policy, self.replication = world, policy, replication
        scenario = world.scenario
        self.horizon_us, self.window_us = scenario.horizon, scenario.window
        self.draws = Draws(seed, world.loaded.stream, replication)
        self.keys = (self.draws.key0, self.draws.key1)
        self.domains = create_domains(world, policy, self.draws)
        self.gateways, self.chain_domain = self.domains.gateways, self.domains.chain
        self.ordering, self.chain = create_ordering(policy, self.domains, world, self.draws)
        self.market = create_market(world, policy, self.domains, self.chain, self.draws)
        self.audit = Audit(world, policy, self.chain)
        self.env = simpy.Environment()
        self.approvals = Approvals(
            self.env, world, self.draws, self.domains.get_home, self.ordering.submit
        )
        self.agents = world.agents.copy()
        start_population(self.agents, world.groups, *self.keys)
        self.account_orgs = get_account_orgs(world)
        self.rotations = schedule_rotations(world, self.agents, self.draws)
        self.tasks: Records = np.zeros(4 * len(self.agents) + 64, dtype=TASK)
        self.n_tasks = 0
        self.starting = np.zeros(len(self.agents), dtype=np.int64)
        self.acting = np.zeros(len(self.agents), dtype=np.int64)
        self.history = History(self.domains)

    def run(self) -> Trace:
        """Live through the horizon and close the books."""
        self.env.process(
            run_windows(self.env, self.horizon_us, self.window_us, self.plan, self.close)
        )
        self.env.run(until=self.horizon_us + 1)
        return self.create_trace()

    def let_go(self) -> None:
        """Take apart what knows each other, once life is over.

        Else all ledgers stay in memory, unused, until the garbage collector comes by.
        """
        for part in (self.market, self.chain, self.approvals):
            if part is not None:
                vars(part).clear()

    # what agents do

    def plan(self, until_us: int) -> None:
        """Tasks that are picked up and calls that are made before a time."""
        n_starting, n_acting = collect_due(self.agents, until_us, self.starting, self.acting)
        if n_starting:
            self.start_tasks(self.starting[:n_starting])
        if n_acting:
            self.act(self.acting[:n_acting])
        while self.rotations and self.rotations[0][0] < until_us:
            at_us, account = self.rotations.pop(0)
            self.keep_house(create_rotation(self.world, account, at_us))
        if self.market is not None:
            for batch in self.market.plan(until_us):
                self.trade(batch)

    def trade(self, batch: Batch) -> None:
        """Submit what traders do; on a chain each transaction costs a fee."""
        if self.policy.has_chain:
            batch.transactions["fee"] = self.policy.fee
        if len(batch):
            self.ordering.submit(batch)

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
            started = self.tasks[first : self.n_tasks]
            if len(started):
                agents = world.agents[started["agent"]]
                groups = world.groups[agents["group"]]
                leaves = (groups["cross_org_ppm"] > 0) | (groups["life"] == Life.SCRIPTED)
                self.keep_house(create_grants(world, self.policy, self.draws, started), leaves)

    def keep_house(self, batch: Batch, goes_abroad: NDArray[np.bool_] | None = None) -> None:
        """Submit an org's record keeping; what must hold across orgs goes to a chain as well."""
        fee = self.policy.fee
        if self.policy.order is Order.LAYERED and self.chain is not None:
            copy = (batch if goes_abroad is None else batch.take(goes_abroad)).copy()
            copy.transactions["fee"] = fee
            self.chain.submit(copy)
        if self.policy.order is Order.CHAIN:
            batch.transactions["fee"] = fee
        self.ordering.submit(batch)

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
            rules = self.domains.get_home(0).rules
            effects = rules.approval_effects
            operations = self.world.operations
            if mark_approvals(*batch, operations, effects, rules.binding):
                waiting = batch.truths["needs_approval"] == 1
                self.approvals.ask(batch.take(waiting))
                batch = batch.take(~waiting)
        if len(batch):
            self.ordering.submit(batch)

    # what comes of it

    def close(self, until_us: int) -> None:
        """Decide what is ready, note it, and let everybody know."""
        self.take_note(self.ordering.decide(until_us), until_us)
        if self.chain is not None and self.chain is not self.ordering:
            self.chain.submit(self.audit.create_anchors(until_us))
            self.take_note(self.chain.decide(until_us), until_us)

    def take_note(self, decided: list[Decided], until_us: int) -> None:
        """Everybody learns of decisions."""
        for each in decided:
            self.tell(each, until_us)
            self.history.add(each)

    def tell(self, decided: Decided, until_us: int) -> None:
        """Logs, delayed effects, agents and reviewers learn of a decision."""
        batch, receipts, _ = decided
        self.call_off(batch, receipts)
        self.audit.note(decided)
        self.audit.on_anchored(decided)
        if self.market is not None:
            note_decided(self.market, batch, receipts)
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
        for domain in self.get_domains():
            domain.check_books()
        self.list_untouched_tasks()
        pending = join_batches(
            [
                self.ordering.get_pending(),
                *(request.call for request in self.approvals.awaiting.values()),
            ]
        )
        pending = pending.take((pending.truths["agent"] >= 0) | (pending.truths["trader"] >= 0))
        unanswered = np.zeros(len(pending), dtype=RECEIPT)
        unanswered["code"] = PENDING
        for name in ("sender", "kind", "target", "submitted_us"):
            unanswered[name] = pending.transactions[name]
        nowhere = np.full(len(pending), CHAIN, dtype=np.int64)
        batch, receipts, domains = self.history.close(Decided(pending, unanswered, nowhere))
        self.add_bytes(batch)
        self.mark_censored(batch)
        receipts = self.set_late_pending(receipts, batch.truths)
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
            ordering=NO_ORDERING if self.chain is None else create_ordering_record(self.chain),
            market=create_market_record(self.market),
            exogenous=self.compute_exogenous_digest(),
        )

    def compute_exogenous_digest(self) -> bytes:
        """Digest of what came upon everybody: names, draws and tasks."""
        entities = (self.world.agents["entity"], self.world.market.traders["entity"])
        tasks = self.tasks[: self.n_tasks]
        return compute_exogenous_digest(self.draws, entities, tasks, self.horizon_us)

    def set_late_pending(self, receipts: Records, truths: Records) -> Records:
        """What is final only after the horizon is pending at it; tasks it ends are not finished."""
        late = truths["final_us"] > self.horizon_us
        if late.any():
            receipts = receipts.copy()  # the ledger's own receipts stay as they are
            receipts["code"][late] = PENDING
        tasks = self.tasks[: self.n_tasks]
        tasks["finished_us"][tasks["finished_us"] > self.horizon_us] = -1
        return receipts

    def get_domains(self) -> list[Domain]:
        """All ledgers of the policy."""
        others = (self.domains.chain, self.domains.clearing)
        return [*self.gateways, *(domain for domain in others if domain is not None)]

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

    def mark_censored(self, batch: Batch) -> None:
        """Say which calls some leader would leave out, whether it came to that or not."""
        targets = [] if self.chain is None else self.chain.get_targets()
        agent = batch.truths["agent"]
        for cohort in self.world.cohorts:
            if cohort.name in targets:
                batch.truths["censored"][(agent >= cohort.first) & (agent < cohort.last)] = 1

    def create_headers(self) -> list[Header]:
        """The chain of headers; a state root stands in the last and at checkpoints."""
        if self.chain is None or self.chain_domain is None:
            return []
        receipts = self.chain_domain.get_receipts()
        final_root = self.chain_domain.compute_state_root()
        headers: list[Header] = []
        before = bytes(32)
        for index, block in enumerate(self.chain.blocks):
            is_last = block is self.chain.blocks[-1]
            header = create_header(
                before,
                block.height,
                block.proposed_us,
                block.committed_us,
                block.last - block.first,
                *self.chain.count_messages(index),
                compute_paged_root(receipts[block.first : block.last]),
                final_root if is_last else self.chain.checkpoints.get(block.height, b""),
            )
            headers.append(header)
            before = header.digest
        return headers
