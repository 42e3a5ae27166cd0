"""Genesis: which ledgers a policy has, and who has an account on which from the start.

A policy with gateways has one domain for each org; a chain is one domain for all; whatever
has neither is judged in one open domain that stands for no one's ledger.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.draws import Draws
from sim.core.errors import InvariantError
from sim.core.identity import compute_entity
from sim.core.market import Role
from sim.core.purposes import Purpose
from sim.core.records import Ints, Kind
from sim.core.units import PPM
from sim.ledger.rules import Rules
from sim.ledger.state import (
    N_ACCOUNTS,
    N_FIXED,
    State,
    add_account,
    add_judge,
    add_log,
    add_validator,
    create_state,
)
from sim.model.batches import create_batch
from sim.model.domains import (
    ARBITER,
    N_OFFICES,
    Domain,
    get_office_account,
    get_validator_account,
)
from sim.model.layout import Holder
from sim.model.world import EVERY_CAPABILITY, World
from sim.policies.base import Judges, Policy, Scope
from sim.policies.registry import (
    compile_chain_rules,
    compile_clearing_rules,
    compile_gateway_rules,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TREASURY_BALANCE = 10**15
ORG_BALANCE = 10**12
VALIDATOR_BALANCE = 10**6
OFFICE_BALANCE = 10**9
CLEARING = "clearing house"  # no org can be called that


class Domains(NamedTuple):
    """The ledgers of a policy."""

    gateways: list[Domain]  # one for each org, or none
    chain: Domain | None  # the chain's or the anchors', or the open one
    clearing: Domain | None  # where signals are traded if gateways judge

    @property
    def market(self) -> Domain | None:
        """Where signals are traded."""
        return self.clearing or self.chain

    def get_home(self, org: int) -> Domain:
        """Domain whose ledger an org's own approvals are on.

        Errors: ValueError if the policy has no ledger.
        """
        home = self.gateways[org] if self.gateways else self.chain
        if home is None:
            raise ValueError("the policy has no ledger")
        return home


def create_domains(world: World, policy: Policy, draws: Draws) -> Domains:
    """Every ledger of a policy as it is before time starts.

    Where nothing of the genesis is drawn, it is made once for a world and policy, and copied.
    """
    is_drawn = policy.scope is Scope.ROLE and world.scenario.issuer_error > 0
    if is_drawn or world.scenario.signatures != "trusted":
        return _create_genesis(world, policy, draws)
    gateways, chain, clearing = _get_genesis(world, policy)
    return Domains(
        [gateway.fork() for gateway in gateways],
        chain.fork() if chain else None,
        clearing.fork() if clearing else None,
    )


@lru_cache(maxsize=64)
def _get_genesis(world: World, policy: Policy) -> Domains:
    return _create_genesis(world, policy, Draws(0, "", 0))


def _create_genesis(world: World, policy: Policy, draws: Draws) -> Domains:
    gateways = []
    if policy.has_gateways:
        rules = compile_gateway_rules(policy)
        gateways = [
            _create_domain(
                world,
                policy,
                draws,
                rules,
                [org],
                name=world.org_names[org],
                has_account=lambda holder: not holder.trades,
            )
            for org in range(world.n_orgs)
        ]
    chain = None
    if not policy.has_gateways or policy.has_chain:
        rules = compile_chain_rules(policy)
        orgs, n_validators = range(world.n_orgs), _count_validators(world, policy)
        chain = _create_domain(world, policy, draws, rules, orgs, n_validators=n_validators)
    elif policy.anchors:
        chain = _create_anchor_domain(world, policy)
    return Domains(gateways, chain, _create_clearing(world, policy, draws))


def _create_clearing(world: World, policy: Policy, draws: Draws) -> Domain | None:
    if not world.market.cohorts or not policy.has_gateways or policy.has_chain:
        return None
    return _create_domain(
        world,
        policy,
        draws,
        compile_clearing_rules(policy),
        range(world.n_orgs),
        name=CLEARING,
        has_account=lambda holder: holder.trades,
    )


def _create_state(
    world: World, orgs: Sequence[int], n_accounts: int, n_validators: int
) -> tuple[State, Ints]:
    """Genesis: a treasury, orgs with every capability of their catalogue, logs, validators."""
    operations = world.operations.copy()
    state = create_state(
        supply=TREASURY_BALANCE + ORG_BALANCE * len(orgs),
        operations=operations,
        client_scopes=get_client_scopes(world),
        accounts=n_accounts + N_FIXED + len(orgs) + N_OFFICES + n_validators,
        grants=2 * n_accounts + 16,
        logs=len(orgs) + 1,
        validators=n_validators,
        judges=max(1, len(world.market.traders)),
    )
    local = np.full(get_validator_account(world, n_validators), -1, dtype=np.int64)
    for org in orgs:
        local[org] = add_account(
            state,
            entity=N_FIXED + org,
            org=org,
            namespace=0,
            capabilities=EVERY_CAPABILITY,
            balance=ORG_BALANCE,
        )
        add_log(state, int(local[org]))
    for office in range(N_OFFICES):
        account = add_account(
            state,
            entity=compute_entity("office", office),
            org=-1,
            namespace=-1,
            balance=OFFICE_BALANCE,
        )
        local[get_office_account(world, office)] = account
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
    has_account: Callable[[Holder], bool] = lambda _: True,
) -> Domain:
    members = set(orgs)
    holders = [
        (world.n_orgs + index, holder)
        for index, holder in enumerate(world.holders)
        if holder.org in members and has_account(holder)
    ]
    state, local = _create_state(world, orgs, len(holders), n_validators)
    domain = Domain(name, state, rules, local, world)
    _register(domain, world, policy, draws, [pair for pair in holders if not pair[1].is_spare])
    _bond(domain, holders)
    _seat_judges(domain, world, policy)
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
    fee = domain.rules.fee_min
    transactions["amount"] = [
        holder.funds + (holder.stake + fee if holder.stake else 0) for _, holder in holders
    ]
    transactions["namespace"] = [holder.namespace for _, holder in holders]
    transactions["mask"] = masks
    transactions["fee"] = fee
    for row, (account, _) in enumerate(holders):
        domain.local[account] = first + row
    _allow_namespaces(domain, holders)
    receipts = domain.apply(batch, np.array([len(batch)]))
    if receipts["code"].any():
        raise InvariantError("genesis", 0, "every registration applied", str(receipts["code"]))


def _bond(domain: Domain, holders: list[tuple[int, Holder]]) -> None:
    """Whoever has stake has bonded it before time starts."""
    staked = [(account, holder) for account, holder in holders if holder.stake > 0]
    staked = [(account, holder) for account, holder in staked if not holder.is_spare]
    if not staked:
        return
    batch = create_batch(len(staked))
    batch.transactions["kind"] = Kind.BOND
    batch.transactions["sender"] = [account for account, _ in staked]
    batch.transactions["amount"] = [holder.stake for _, holder in staked]
    batch.transactions["fee"] = domain.rules.fee_min
    receipts = domain.apply(batch, np.array([len(batch)]))
    if receipts["code"].any():
        raise InvariantError("genesis", 0, "every stake bonded", str(receipts["code"]))


def _seat_judges(domain: Domain, world: World, policy: Policy) -> None:
    """Seats of those who decide disputes, and offices of arbiter and auditor."""
    if policy.judges is Judges.COMMITTEE:
        traders = world.market.traders
        judges = traders[traders["role"] == int(Role.JUDGE)]
        judges = judges[np.argsort(judges["entity"], kind="stable")]  # by name, not by place
        for account in judges["account"]:
            add_judge(domain.state, int(domain.local[account]))
    elif policy.judges is Judges.ARBITER:
        add_judge(domain.state, int(domain.local[get_office_account(world, ARBITER)]))


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
