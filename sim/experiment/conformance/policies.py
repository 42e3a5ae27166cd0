"""What every policy must keep to, on each of the ledgers that it compiles to."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.core.reasons import ALWAYS_BINDING, EVERY_CHECK, Reason, get_bit
from sim.core.units import PPM
from sim.experiment.conformance.base import Check, require
from sim.ledger.rules import N_SITUATIONS, Source
from sim.policies.base import Checks, Log, Settlement
from sim.policies.registry import (
    compile_chain_rules,
    compile_clearing_rules,
    compile_gateway_rules,
)

if TYPE_CHECKING:
    from sim.ledger.rules import Rules
    from sim.policies.base import Policy

COMPILERS = (compile_gateway_rules, compile_clearing_rules, compile_chain_rules)


def differ(first: Rules, second: Rules) -> bool:
    """Whether any column of two sets of rules does."""
    pairs: Any = zip(first, second, strict=True)
    return any(not np.array_equal(a, b) for a, b in pairs)


def check_it_compiles_to_plain_integers(policy: Policy, compile_rules: Any) -> None:
    """It compiles to plain integers."""
    rules = compile_rules(policy)
    for column in (rules.binding, rules.source):
        require(column.dtype == np.int64)
        require(column.shape == (N_SITUATIONS,))
    require(all(type(number) is int for number in rules[2:]))
    require(set(rules.source.tolist()) <= {int(source) for source in Source})


def check_what_keeps_the_state_meaningful_always_binds(policy: Policy, compile_rules: Any) -> None:
    """What keeps the state meaningful always binds."""
    binding = compile_rules(policy).binding
    require((binding & ALWAYS_BINDING == ALWAYS_BINDING).all())
    require((binding & ~EVERY_CHECK == 0).all())


def check_only_the_oracle_reads_the_truth(policy: Policy, compile_rules: Any) -> None:
    """Only the oracle reads the truth."""
    rules = compile_rules(policy)
    reads = bool((rules.binding & get_bit(Reason.ILLEGITIMATE)).any())
    require(reads == (policy.checks is Checks.ORACLE and compile_rules is compile_chain_rules))


def check_a_path_round_it_is_not_checked(policy: Policy, compile_rules: Any) -> None:
    """A path round it is not checked."""
    rules = compile_rules(policy)
    past, through = rules.binding[0::2], rules.binding[1::2]
    if policy.is_bound and compile_rules is not compile_clearing_rules:
        require(np.array_equal(past, through))  # a bound has no way round it
    else:
        funds = 0  # money in escrow is refused wherever it is not there
        if compile_rules is not compile_gateway_rules:
            trusts = policy.settlement is Settlement.TRUST
            funds = 0 if trusts else get_bit(Reason.INSUFFICIENT_FUNDS)
        require((past == ALWAYS_BINDING | funds).all())


def check_it_compiles_afresh_every_time(policy: Policy, compile_rules: Any) -> None:
    """It compiles afresh every time."""
    first, second = compile_rules(policy), compile_rules(policy)
    require(not differ(first, second))
    require(not np.shares_memory(first.binding, second.binding))


def check_it_says_of_itself_what_it_does(policy: Policy) -> None:
    """It says of itself what it does."""
    gateway, chain = compile_gateway_rules(policy), compile_chain_rules(policy)
    deciding = gateway if policy.has_gateways else chain
    binds = bool((deciding.binding & get_bit(Reason.BAD_SIGNATURE)).any())
    require(binds == policy.checks_signatures)
    require(policy.is_bound == (policy.checks in set(list(Checks)[-3:])))
    require(policy.anchors == (policy.log in {Log.ANCHORED, Log.FEDERATED, Log.BOTH}))
    require(0 <= policy.mediation_ppm <= PPM)


CHECKS: tuple[Check, ...] = (
    check_it_says_of_itself_what_it_does,
    *(
        partial(check, compile_rules=compile_rules)
        for compile_rules in COMPILERS
        for check in (
            check_it_compiles_to_plain_integers,
            check_what_keeps_the_state_meaningful_always_binds,
            check_only_the_oracle_reads_the_truth,
            check_a_path_round_it_is_not_checked,
            check_it_compiles_afresh_every_time,
        )
    ),
)
