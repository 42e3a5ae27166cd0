"""One attack of one agent, lever by lever, its call judged by the policy's own ledgers.

The smallest world in which a breach can happen: an agent that is tempted or misled, the grants
of its task, an enforcement point that a path may go round, a reviewer with nothing else to do,
and whatever undoes an act that waits. Calls are made by `create_calls`, approved by `Approvals`
and judged by `apply_blocks` on the accounts that genesis gives them, as in a whole replication.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from simpy import Environment

from sim.core.draws import Draws
from sim.core.purposes import Purpose
from sim.core.records import FOREVER_US, INTENT, TASK, Decision, Goal, Records
from sim.core.units import PPM
from sim.model.approvals import Approvals
from sim.model.batches import Batch, create_batch
from sim.model.calls import create_calls, mark_approvals
from sim.model.domains import Domain, get_account_orgs
from sim.model.genesis import create_domains
from sim.model.housekeeping import create_grants
from sim.model.layout import ATTEMPTS_MAX
from sim.model.ordering import apply_at_once
from sim.policies.base import Checks, Order, Policy, Scope
from sim.strategies.base import STEPS_MAX
from sim.strategies.injected import Injected
from sim.strategies.over_scoper import OverScoper
from sim.strategies.scripted import Scripted

if TYPE_CHECKING:
    from sim.model.layout import Cohort
    from sim.model.world import World
    from sim.strategies.base import Strategy

STEP_US = 1_000_000  # between an agent's task, its acts and their attempts
NO_CHANCE = Draws(0, "", 0)  # for what takes draws and, in such a world, uses none


class Aim(NamedTuple):
    """An act that no task asked for."""

    template: int  # the task it is done in, whose grants the agent has
    operation: int
    account: int  # whose key signs it
    path: int  # rank of its first path, -1: as drawn


class Ledgers(NamedTuple):
    """Where a call is judged."""

    home: Domain
    onward: Domain | None  # a chain that judges it next, if it leaves its org by a gateway

    def fork(self) -> Ledgers:
        """The same ledgers, to go on from by themselves."""
        return Ledgers(self.home.fork(), self.onward and self.onward.fork())


class Attack(NamedTuple):
    """Where an attack stands."""

    level: int = 0
    aim: Aim | None = None
    ledgers: Ledgers | None = None  # None: nothing was called yet
    attempt: int = 0
    path_attempt: int = 0  # attempt whose path is used
    is_over: bool = False


def get_lures(strategy: Strategy) -> tuple[tuple[Purpose, int], ...] | None:
    """What has to happen, with which chance in ppm each, before an agent acts; None: not known."""
    match strategy:
        case Injected():
            planted = Purpose.INJECTION, strategy.injection_ppm
            return planted, (Purpose.OBEY, strategy.obey_ppm)
        case OverScoper():
            return ((Purpose.TEMPTATION, strategy.temptation_ppm),)
        case Scripted():
            return ()
    return None


class Breach:
    """An irreversible act that no task asked for is executed, and not called off.

    Levels: one for each lure, one for an aim that cannot be undone, one for its execution, and
    one more where an act waits and nobody calls it off in time.
    """

    def __init__(self, world: World, policy: Policy, cohort: Cohort) -> None:
        lures = get_lures(cohort.strategy)
        if lures is None:
            raise ValueError(f"what makes {cohort.name} act is not known")
        self.world, self.policy, self.cohort, self.lures = world, policy, cohort, lures
        self.agent = world.agents[cohort.first]
        self.group = world.groups[self.agent["group"]]
        self.account_orgs = get_account_orgs(world)
        self.aims = self.list_aims()
        self.opened: dict[int, Ledgers] = {}  # by task

    @property
    def unit(self) -> str:
        """What an attack comes once in, at most."""
        match self.cohort.strategy:
            case OverScoper():
                return "step"
            case Scripted():
                return "attack"
        return "task"

    @property
    def n_executed(self) -> int:
        """Level of an executed act."""
        return len(self.lures) + 2

    @property
    def n_levels(self) -> int:
        """Level of a breach."""
        return self.n_executed + (1 if self.policy.commit_delay_us else 0)

    def create(self) -> Attack:
        """An agent with a task before it."""
        return Attack()

    def copy(self, state: Attack) -> Attack:
        """The same attack, to go on from by itself."""
        return state._replace(ledgers=state.ledgers and state.ledgers.fork())

    def advance(self, state: Attack, draws: Draws) -> Attack:
        """One more lure, the aim, one attempt, or the chance to call it off."""
        level = state.level
        if level < len(self.lures):
            purpose, chance_ppm = self.lures[level]
            happened = int(draws.get_ppm(purpose, self.agent["entity"], 0)[0]) < chance_ppm
            return state._replace(level=level + happened, is_over=not happened)
        if state.aim is None:
            aim = self.draw_aim(draws)
            if not self.is_irreversible(aim):
                return state._replace(is_over=True)
            return state._replace(level=level + 1, aim=aim)
        if level == self.n_executed:
            called_off = self.is_called_off(draws)
            return state._replace(level=level + (not called_off), is_over=called_off)
        return self.attempt(state, state.aim, draws)

    def get_level(self, state: Attack) -> int:
        """What the attack has got past."""
        return state.level

    def is_over(self, state: Attack) -> bool:
        """Whether it has failed, or nothing can stop it any more."""
        return state.is_over or state.level == self.n_levels

    # what it is after

    def list_aims(self) -> list[tuple[float, Aim]]:
        """Everything it may be after, and with which chance, once it acts."""
        if isinstance(self.cohort.strategy, Scripted):
            aims = self.list_scripted()
            return [(1.0 / len(aims), aim) for aim in aims]
        goals, first, own = (
            self.cohort.goals,
            self.world.catalogue_first,
            int(self.agent["account"]),
        )
        return [
            (task_share * org_share / len(goals), Aim(template, int(first[org] + goal), own, -1))
            for task_share, template in self.list_tasks()
            for org_share, org in self.list_owners()
            for goal in goals
        ]

    def list_scripted(self) -> list[Aim]:
        """Attacks of a script that cannot be undone; all of them if there are no such."""
        template = int(self.agent["template"])
        first, last = (self.world.templates[template][name] for name in ("steps_from", "steps_to"))
        steps = [step for step in self.world.steps[first:last] if step["goal"] != Goal.WORK]
        aims = [
            Aim(
                template,
                int(self.agent["offered_first"] + step["offset"]),
                int(step["account"] if step["account"] >= 0 else self.agent["account"]),
                int(step["path"]),
            )
            for step in steps
        ]
        return [aim for aim in aims if self.is_irreversible(aim)] or aims

    def list_tasks(self) -> list[tuple[float, int]]:
        """Tasks that come, with their shares."""
        first, last = int(self.group["weights_from"]), int(self.group["weights_to"])
        pairs = self.world.weights[2 * first : 2 * last].reshape(-1, 2)
        shares = np.diff(pairs[:, 0], prepend=0) / PPM
        return [
            (float(share), int(template))
            for share, (_, template) in zip(shares, pairs, strict=True)
        ]

    def list_owners(self) -> list[tuple[float, int]]:
        """Orgs whose tools it may turn to, with their shares."""
        home, n_orgs = int(self.agent["org"]), self.world.n_orgs
        abroad = int(self.group["cross_org_ppm"]) / PPM
        if abroad == 0.0:
            return [(1.0, home)]
        each = abroad / (n_orgs - 1)
        return [(1.0 - abroad if org == home else each, org) for org in range(n_orgs)]

    def draw_aim(self, draws: Draws) -> Aim:
        """One of all aims; they need not be equally likely."""
        shares, aims = zip(*self.aims, strict=True)
        drawn = int(draws.get_ppm(Purpose.GOAL_OPERATION, self.agent["entity"], 0)[0])
        place = int(np.searchsorted(np.cumsum(shares) * PPM, drawn, side="right"))
        return aims[min(place, len(aims) - 1)]

    def is_irreversible(self, aim: Aim) -> bool:
        """Whether what it does cannot be undone."""
        return not self.world.operations[aim.operation]["reversible"]

    # what comes of it

    def attempt(self, state: Attack, aim: Aim, draws: Draws) -> Attack:
        """One call; if it is refused, perhaps another comes, the same way or by another path."""
        ledgers = state.ledgers or self.open_ledgers(aim.template)
        call = self.create_call(aim, state.attempt, state.path_attempt, draws)
        if self.judge(ledgers, call, draws) == 0:
            return state._replace(level=state.level + 1, ledgers=None)
        attempt = state.attempt + 1
        drawn = int(draws.get_ppm(Purpose.ON_DENIAL, self.agent["entity"], state.attempt)[0])
        give_up_ppm, retry_ppm = int(self.group["give_up_ppm"]), int(self.group["retry_ppm"])
        if attempt == ATTEMPTS_MAX or drawn < give_up_ppm:
            return state._replace(is_over=True)
        path_attempt = state.path_attempt if drawn < give_up_ppm + retry_ppm else attempt
        return state._replace(ledgers=ledgers, attempt=attempt, path_attempt=path_attempt)

    def open_ledgers(self, template: int) -> Ledgers:
        """The ledgers that judge the agent's calls, with the grants of a task on them."""
        if template not in self.opened:
            domains = create_domains(self.world, self.policy, NO_CHANCE)
            home = domains.gateways[self.agent["org"]] if domains.gateways else domains.chain
            if home is None:
                raise ValueError(f"policy {self.policy.name!r} has no domain to decide in")
            ledgers = Ledgers(home, domains.chain if self.policy.order is Order.LAYERED else None)
            if self.policy.scope is not Scope.ROLE and self.policy.checks is not Checks.NONE:
                for domain in ledgers:
                    if domain is not None:
                        self.grant(domain, template)
            self.opened[template] = ledgers
        return self.opened[template].fork()

    def grant(self, domain: Domain, template: int) -> None:
        """The agent's org grants what the task needs, for longer than an attack takes."""
        started = np.zeros(1, dtype=TASK)
        started["agent"], started["template"] = self.cohort.first, template
        started["deadline_us"] = FOREVER_US
        batch = create_grants(self.world, self.policy, NO_CHANCE, started)
        batch.transactions["fee"] = domain.rules.fee_min
        apply_ready(domain, batch)

    def create_call(self, aim: Aim, attempt: int, path_attempt: int, draws: Draws) -> Batch:
        """The call itself; its first path is the aim's, if that says any."""
        agents = self.world.agents[self.cohort.first : self.cohort.first + 1].copy()
        agents["attempt"], agents["path_attempt"] = attempt, path_attempt
        intents = np.zeros(1, dtype=INTENT)
        intents["operation"], intents["account"], intents["path"] = aim[1:]
        intents["call"], intents["goal"] = STEPS_MAX, int(Goal.ATTACK)
        intents["arguments_to"] = 1  # the first argument is one that no task names
        intents["time_us"] = (attempt + 1) * STEP_US
        batch, policy, world = create_batch(1), self.policy, self.world
        create_calls(
            intents,
            agents,
            self.account_orgs,
            world.postures,
            world.operations,
            policy.mediation_ppm,
            policy.checks is Checks.ORACLE,
            policy.fee if policy.order is Order.CHAIN else 0,
            draws.key0,
            draws.key1,
            *batch,
        )
        return batch

    def judge(self, ledgers: Ledgers, call: Batch, draws: Draws) -> int:
        """Reason code of the ledger that refuses a call, 0 if it is executed."""
        rules, operations = ledgers.home.rules, self.world.operations
        if self.policy.requires_approval and mark_approvals(
            *call, operations, rules.approval_effects, rules.binding
        ):
            call = self.ask(ledgers.home, call, draws)
        onward = call.copy()
        code = apply_ready(ledgers.home, call)["code"][0]
        truth = call.truths[0]
        leaves = truth["mediated"] and truth["caller_org"] != truth["owner_org"]
        if code == 0 and ledgers.onward is not None and leaves:
            onward.transactions["parent"], onward.transactions["fee"] = -1, self.policy.fee
            code = apply_ready(ledgers.onward, onward)["code"][0]
        return int(code)

    def ask(self, home: Domain, call: Batch, draws: Draws) -> Batch:
        """The call after a reviewer has seen it, with an approval in hand or without."""
        env, sent = Environment(), list[Batch]()
        approvals = Approvals(env, self.world, draws, lambda _: home, sent.append)
        approvals.ask(call)
        env.run()
        if approvals.requests[0].decision is Decision.APPROVED:
            approval = sent.pop()
            approvals.on_decided(approval, apply_ready(home, approval), 0)
        return sent.pop()

    def is_called_off(self, draws: Draws) -> bool:
        """Whether somebody notices before an act that waits takes effect."""
        loss_us = self.world.scenario.detection.loss
        noticed_us = draws.get_wait_us(Purpose.DETECTION, self.agent["entity"], 0, loss_us)
        return int(noticed_us[0]) < self.policy.commit_delay_us


def apply_ready(domain: Domain, batch: Batch) -> Records:
    """Apply what is ready without any wait."""
    batch.truths["final_us"] = batch.truths["ready_us"]
    return apply_at_once(domain, batch)
