"""Going back to the moment before one call, by doing everything before it again."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.records import RECEIPT
from sim.ledger.explain import Check, explain_call
from sim.ledger.market import process_epoch
from sim.ledger.state import GROWING, create_grown
from sim.ledger.transition import apply_blocks
from sim.model.batches import CLEARING
from sim.model.domains import replay_participation
from sim.model.run import Replication
from sim.trace.records import Epoch, Participation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from sim.core.records import Ints, Records
    from sim.ledger.state import State
    from sim.model.domains import Domain
    from sim.model.world import World
    from sim.policies.base import Policy
    from sim.trace.records import DomainRecord, Trace


class CallName(NamedTuple):
    """A call's identity, equal under every policy."""

    agent: int
    task: int
    call: int
    attempt: int


def find_call(trace: Trace, name: CallName) -> int | None:
    """Row of a call in a trace, or None."""
    truths = trace.truths
    same = np.ones(len(truths), dtype=np.bool_)
    for column, value in zip(CallName._fields, name, strict=True):
        same &= truths[column] == value
    rows = np.flatnonzero(same)
    return int(rows[-1]) if len(rows) else None


def explain_at(
    world: World, policy: Policy, seed: int, replication: int, trace: Trace, row: int
) -> list[Check]:
    """Every check of the call in a row, against the state it met.

    Errors: ValueError if the call was never decided.
    """
    return explain_rows(world, policy, seed, replication, trace, [row])[row]


def explain_rows(
    world: World,
    policy: Policy,
    seed: int,
    replication: int,
    trace: Trace,
    rows: Sequence[int],
) -> dict[int, list[Check]]:
    """Every check of the calls in some rows, each against the state it met.

    However many they are, every ledger is gone through once.
    Errors: ValueError if one of the calls was never decided.
    """
    wanted = np.unique(np.asarray(rows, dtype=np.int64))
    if (trace.receipts["code"][wanted] < 0).any():
        raise ValueError("the call was still pending at the horizon")
    fresh = Replication(world, policy, seed, replication)
    checks: dict[int, list[Check]] = {}
    for org in np.unique(trace.domains[wanted]):
        domain = _find_domain(fresh, int(org))
        ledger = next(ledger for ledger in trace.ledgers if ledger.name == domain.name)
        here = np.flatnonzero(trace.domains == org)
        ranks = np.flatnonzero(np.isin(here, wanted))
        first = domain.n_applied
        for rank, state in zip(ranks, rebuild_states(domain, ledger, ranks), strict=True):
            tx = ledger.transactions[first + rank]
            checks[int(here[rank])] = explain_call(
                state, domain.rules, tx, world.arguments, partial(name_mask, world, tx)
            )
    return checks


def rebuild_states(
    domain: Domain, ledger: DomainRecord, ranks: Sequence[int] | Ints
) -> Iterator[State]:
    """State of a ledger after so many transactions and the blocks counted by then, rising.

    `domain` is the same ledger as it was at the start; it is used up, and each state with it as
    soon as the next one is asked for.
    """
    if not len(ranks):
        return
    first = domain.n_applied
    before = ledger.transactions[first : first + int(ranks[-1])]
    pool = int((before["arguments_to"] - before["arguments_from"]).sum())
    state = create_grown(domain.state, **{**dict.fromkeys(GROWING, len(before)), "pool": pool})
    events: list[Participation | Epoch] = sorted(
        [*ledger.participations, *ledger.epochs], key=lambda event: event.n_applied
    )
    done = n_events = 0
    for rank in ranks:
        while n_events < len(events) and events[n_events].n_applied - first <= rank:
            event = events[n_events]
            apply_again(state, domain, before[done : event.n_applied - first])
            if isinstance(event, Participation):
                replay_participation(state, domain.rules, event)
            else:
                process_epoch(state, domain.rules, event.score_ppm, event.known)
            done, n_events = event.n_applied - first, n_events + 1
        apply_again(state, domain, before[done:rank])
        done = int(rank)
        yield state


def apply_again(state: State, domain: Domain, transactions: Records) -> None:
    """Apply what was applied before, without a look at what came of it."""
    receipts = np.zeros(len(transactions), dtype=RECEIPT)
    ends = np.array([len(transactions)], dtype=np.int64)
    apply_blocks(state, domain.rules, transactions, domain.world.arguments, receipts, ends)


def _find_domain(fresh: Replication, org: int) -> Domain:
    if org >= 0:
        return fresh.gateways[org]
    if org == CLEARING and fresh.domains.clearing is not None:
        return fresh.domains.clearing
    if fresh.chain_domain is None:
        raise ValueError("the policy has no ledger that decided this call")
    return fresh.chain_domain


def name_mask(world: World, tx: np.void, mask: int) -> str:
    """Operations that a mask allows in the namespace of a call."""
    namespace = world.operations["namespace"][tx["target"]]
    names = {
        name: int(operation["requires"])
        for name, operation in zip(world.operation_names, world.operations, strict=True)
        if operation["namespace"] == namespace
    }
    held = [name for name, bit in names.items() if bit & ~mask == 0]
    return ", ".join(held) if held else "nothing"


def get_agent_name(world: World, agent: int) -> str:
    """Name of an agent: its group, and its number in it if there are several."""
    for cohort in world.cohorts:
        if cohort.first <= agent < cohort.last:
            alone = cohort.last - cohort.first == 1
            return cohort.name if alone else f"{cohort.name}-{agent - cohort.first}"
    raise ValueError(f"no agent {agent}")


def find_agent(world: World, name: str) -> int | None:
    """Number of an agent by name, or None."""
    for agent in range(len(world.agents)):
        if get_agent_name(world, agent) == name:
            return agent
    return None


def list_calls(
    world: World, trace: Trace, most: int, among: NDArray[np.bool_] | None = None
) -> list[str]:
    """Names of the first calls that a reader may want explained: unauthorized ones, then denied.

    `among` flags the rows that are looked at, shape (n,); None: all.
    """
    truths, receipts = trace.truths, trace.receipts
    of_agents = truths["agent"] >= 0
    if among is not None:
        of_agents &= among
    wanted = np.flatnonzero(of_agents & (truths["legit"] == 0))
    denied = np.flatnonzero(of_agents & (truths["legit"] == 1) & (receipts["code"] > 0))
    return [format_call(world, truths[row]) for row in (*wanted, *denied)[:most]]


def format_call(world: World, truth: np.void) -> str:
    """A call's name as it is typed: AGENT/TASK/CALL/ATTEMPT."""
    agent = get_agent_name(world, int(truth["agent"]))
    return f"{agent}/{truth['task']}/{truth['call']}/{truth['attempt']}"
