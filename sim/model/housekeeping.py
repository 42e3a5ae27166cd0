"""What orgs do on the ledger for their agents: grants for tasks, new keys for leaked ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.purposes import Purpose
from sim.core.records import Ints, Kind, Records, ScopeLevel
from sim.model.batches import Batch, create_batch
from sim.model.genesis import drop_one_bit
from sim.model.layout import Life
from sim.policies.base import Policy, Scope

if TYPE_CHECKING:
    from sim.core.draws import Draws
    from sim.model.world import World

TASK_LANE = 1
GRANT_CALL = 127  # number of a task's grant among its calls


def create_grants(world: World, policy: Policy, draws: Draws, started: Records) -> Batch:
    """One grant for each task, in place of the last one's, good until the deadline.

    Shapes: started TASK (n,).
    """
    agents = world.agents[started["agent"]]
    templates = world.templates[started["template"]]
    batch = create_batch(len(started))
    transactions, truths = batch
    transactions["kind"] = Kind.GRANT
    transactions["sender"] = agents["org"]
    transactions["target"] = agents["account"]
    transactions["subject"] = TASK_LANE
    transactions["namespace"] = templates["namespace"]
    transactions["mask"] = get_granted_masks(world, draws, started)
    transactions["expires_us"] = started["deadline_us"]
    transactions["submitted_us"] = started["started_us"]
    if policy.scope is Scope.ARGUMENTS:
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
    return batch


def get_granted_masks(world: World, draws: Draws, started: Records) -> Ints:
    """What each task needs, less one capability where the issuer slips."""
    masks: Ints = world.templates["scope_mask"][started["template"]]
    slip_ppm = world.scenario.issuer_error
    if slip_ppm:
        entities = world.agents["entity"][started["agent"]]
        ordinal = 2 * started["task"] + 2
        slips = draws.get_ppm(Purpose.ISSUER_ERROR, entities, ordinal) < slip_ppm
        places = draws.get_ppm(Purpose.ISSUER_ERROR, entities, ordinal + 1)
        for row in np.flatnonzero(slips):
            rest = drop_one_bit(int(masks[row]), int(places[row]))
            masks[row] = rest if rest else masks[row]
    return masks


def schedule_rotations(world: World, agents: Records, draws: Draws) -> list[tuple[int, int]]:
    """When each leaked key is noticed and replaced: times and accounts, in order."""
    victims = agents[world.groups["life"][agents["group"]] == Life.OUTSIDE]
    mean_us = world.scenario.detection.leak
    wait_us = draws.get_wait_us(Purpose.LEAK, victims["entity"], 0, mean_us)
    noticed_us = victims["starts_us"] + wait_us
    return sorted(zip(noticed_us.tolist(), victims["account"].tolist(), strict=True))


def create_rotation(world: World, account: int, at_us: int) -> Batch:
    """The org replaces the key of one of its accounts."""
    holder = world.holders[account - world.n_orgs]
    batch = create_batch(1)
    tx, truth = batch.transactions[0], batch.truths[0]
    tx["kind"] = Kind.ROTATE_KEY
    tx["sender"] = holder.org
    tx["target"] = account
    tx["submitted_us"] = at_us
    truth["entity"] = holder.entity
    truth["call"] = GRANT_CALL
    truth["caller_org"] = truth["owner_org"] = holder.org
    truth["ready_us"] = at_us
    return batch
