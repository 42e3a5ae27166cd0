"""Genesis: which ledgers a policy has, and who has an account on which from the start.

A policy with gateways has one domain for each org; a chain is one domain for all; whatever
has neither is judged in one open domain that stands for no one's ledger.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from sim.core.draws import Draws
from sim.core.errors import InvariantError
from sim.core.identity import compute_entity
from sim.core.purposes import Purpose
from sim.core.records import Ints, Kind
from sim.core.units import PPM
from sim.ledger.rules import Rules
from sim.ledger.state import (
    N_ACCOUNTS,
    State,
    add_account,
    add_log,
    add_validator,
    create_state,
)
from sim.model.batches import create_batch
from sim.model.domains import Domain, get_validator_account
from sim.model.layout import Holder
from sim.model.world import EVERY_CAPABILITY, World
from sim.policies.base import Policy, Scope
from sim.policies.registry import compile_chain_rules, compile_gateway_rules

if TYPE_CHECKING:
    from collections.abc import Sequence

TREASURY_BALANCE = 10**15
ORG_BALANCE = 10**12
AGENT_BALANCE = 10**6
VALIDATOR_BALANCE = 10**6


def create_domains(
    world: World, policy: Policy, draws: Draws
) -> tuple[list[Domain], Domain | None]:
    """Gateways' domains, one for each org or none, and the chain's or the open one.

    Where nothing of the genesis is drawn, it is made once for a world and policy, and copied.
    """
    is_drawn = policy.scope is Scope.ROLE and world.scenario.issuer_error > 0
    if is_drawn or world.scenario.signatures != "trusted":
        return _create_genesis(world, policy, draws)
    gateways, chain = _get_genesis(world, policy)
    return [gateway.fork() for gateway in gateways], chain.fork() if chain else None


@lru_cache(maxsize=64)
def _get_genesis(world: World, policy: Policy) -> tuple[list[Domain], Domain | None]:
    return _create_genesis(world, policy, Draws(0, "", 0))


def _create_genesis(
    world: World, policy: Policy, draws: Draws
) -> tuple[list[Domain], Domain | None]:
    gateways = []
    if policy.has_gateways:
        rules = compile_gateway_rules(policy)
        gateways = [
            _create_domain(world, policy, draws, rules, [org], name=world.org_names[org])
            for org in range(world.n_orgs)
        ]
    chain = None
    if not policy.has_gateways or policy.has_chain:
        rules = compile_chain_rules(policy)
        orgs, n_validators = range(world.n_orgs), _count_validators(world, policy)
        chain = _create_domain(world, policy, draws, rules, orgs, n_validators=n_validators)
    elif policy.anchors:
        chain = _create_anchor_domain(world, policy)
    return gateways, chain


def _create_state(
    world: World, orgs: Sequence[int], n_accounts: int, n_validators: int
) -> tuple[State, Ints]:
    """Genesis: a treasury, orgs with every capability of their catalogue, logs, validators."""
    operations = world.operations.copy()
    state = create_state(
        supply=TREASURY_BALANCE + ORG_BALANCE * len(orgs),
        operations=operations,
        client_scopes=get_client_scopes(world),
        accounts=n_accounts + 2 + len(orgs) + n_validators,
        grants=2 * n_accounts + 16,
        logs=len(orgs) + 1,
        validators=n_validators,
    )
    local = np.full(get_validator_account(world, n_validators), -1, dtype=np.int64)
    for org in orgs:
        local[org] = add_account(
            state,
            entity=2 + org,
            org=org,
            namespace=0,
            capabilities=EVERY_CAPABILITY,
            balance=ORG_BALANCE,
        )
        add_log(state, int(local[org]))
    for validator in range(n_validators):
        account = add_account(
            state,
            entity=compute_entity("validator", validator),
            org=-1,
            namespace=-1,
            balance=VALIDATOR_BALANCE,
            stake=world.scenario.chain.validator_stake,
        )
        add_validator(state, account)
        local[get_validator_account(world, validator)] = account
    operations["owner"] = local[operations["org"]]
    return state, local


def _count_validators(world: World, policy: Policy) -> int:
    """Validators with an account on a policy's chain."""
    return world.scenario.chain.validators if policy.has_validators else 0


def _create_domain(
    world: World,
    policy: Policy,
    draws: Draws,
    rules: Rules,
    orgs: Sequence[int],
    *,
    name: str = "chain",
    n_validators: int = 0,
) -> Domain:
    members = set(orgs)
    holders = [
        (world.n_orgs + index, holder)
        for index, holder in enumerate(world.holders)
        if holder.org in members
    ]
    state, local = _create_state(world, orgs, len(holders), n_validators)
    domain = Domain(name, state, rules, local, world)
    _register(domain, world, policy, draws, holders)
    return domain


def _create_anchor_domain(world: World, policy: Policy) -> Domain:
    orgs = range(world.n_orgs)
    state, local = _create_state(world, orgs, 0, _count_validators(world, policy))
    return Domain("anchors", state, compile_chain_rules(policy), local, world)


def _register(
    domain: Domain,
    world: World,
    policy: Policy,
    draws: Draws,
    holders: list[tuple[int, Holder]],
) -> None:
    """Orgs register their agents and credentials, at height 0 and before time starts."""
    if not holders:
        return
    batch = create_batch(len(holders))
    transactions = batch.transactions
    first = int(domain.state.counters[N_ACCOUNTS])
    masks = get_static_masks([holder for _, holder in holders], policy, world, draws)
    transactions["kind"] = Kind.REGISTER
    transactions["sender"] = [holder.org for _, holder in holders]
    transactions["target"] = [holder.entity for _, holder in holders]
    transactions["subject"] = [holder.org for _, holder in holders]
    transactions["amount"] = AGENT_BALANCE
    transactions["namespace"] = [holder.namespace for _, holder in holders]
    transactions["mask"] = masks
    transactions["fee"] = domain.rules.fee_min
    for row, (account, _) in enumerate(holders):
        domain.local[account] = first + row
    _allow_namespaces(domain, holders)
    receipts = domain.apply(batch, np.array([len(batch)]))
    if receipts["code"].any():
        raise InvariantError("genesis", 0, "every registration applied", str(receipts["code"]))


def _allow_namespaces(domain: Domain, holders: list[tuple[int, Holder]]) -> None:
    """An org whose tools come from a recording issues in that recording's namespace."""
    for _, holder in holders:
        if holder.namespace > 0:
            domain.state.accounts[domain.local[holder.org]]["namespace"] = holder.namespace


def get_static_masks(
    holders: list[Holder], policy: Policy, world: World, draws: Draws
) -> list[int]:
    """What each account holds without a grant, under a policy's scope.

    With broad grants, an issuer's slip leaves out one capability of the role.
    """
    if policy.scope is not Scope.ROLE:
        reads = policy.scope is not Scope.TASK_EXACT
        return [holder.purpose | (holder.quiet_reads if reads else 0) for holder in holders]
    masks = [holder.role for holder in holders]
    slip_ppm = world.scenario.issuer_error
    if slip_ppm:
        entities = np.array([holder.entity for holder in holders], dtype=np.int64)
        slips = draws.get_ppm(Purpose.ISSUER_ERROR, entities, 0) < slip_ppm
        places = draws.get_ppm(Purpose.ISSUER_ERROR, entities, 1)
        masks = [
            drop_one_bit(mask, int(place)) if slip else mask
            for mask, slip, place in zip(masks, slips, places, strict=True)
        ]
    return masks


def drop_one_bit(mask: int, place_ppm: int) -> int:
    """The mask without one of its bits, chosen by a share in 0..999_999."""
    bits = [bit for bit in range(63) if mask >> bit & 1]
    return mask & ~(1 << bits[place_ppm * len(bits) // PPM]) if bits else mask


def get_client_scopes(world: World) -> Ints:
    """What each owner's contract with a client org covers: the roles of that client's agents."""
    scopes = np.zeros((world.n_orgs, world.n_orgs), dtype=np.int64)
    for holder in world.holders:
        if holder.namespace == 0:
            scopes[:, holder.org] |= holder.role
    return scopes
