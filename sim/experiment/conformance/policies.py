"""What every policy must keep to, on each of the ledgers that it compiles to."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.core.reasons import ALWAYS_BINDING, EVERY_CHECK, Reason, get_bit
from sim.core.units import PPM
from sim.experiment.conformance.base import Check, require, require_equal, require_rows
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
        require_equal("the type of checks and sources", column.dtype, np.dtype(np.int64))
        require_equal("checks and sources of every situation", column.shape, (N_SITUATIONS,))
    for name, number in zip(rules._fields[2:], rules[2:], strict=True):
        require(type(number) is int, f"{name} to be a whole number", repr(number))
    sources = {int(source) for source in Source}
    found = rules.source.tolist()
    require(set(found) <= sources, f"sources among {sorted(sources)}", sorted(set(found)))


def check_what_keeps_the_state_meaningful_always_binds(policy: Policy, compile_rules: Any) -> None:
    """What keeps the state meaningful always binds."""
    binding = compile_rules(policy).binding
    kept = binding & ALWAYS_BINDING == ALWAYS_BINDING
    require_rows(kept, f"all bits of {ALWAYS_BINDING:#x} to bind in every situation", binding)
    known = binding & ~EVERY_CHECK == 0
    require_rows(known, f"no bits but those of checks, {EVERY_CHECK:#x}", binding)


def check_only_the_oracle_reads_the_truth(policy: Policy, compile_rules: Any) -> None:
    """Only the oracle reads the truth."""
    rules = compile_rules(policy)
    reads = bool((rules.binding & get_bit(Reason.ILLEGITIMATE)).any())
    is_oracle = policy.checks is Checks.ORACLE and compile_rules is compile_chain_rules
    expected = "the check of ground truth to bind" if is_oracle else "no check of ground truth"
    require(reads == is_oracle, expected, "one that binds" if reads else "none that binds")


def check_a_path_round_it_is_not_checked(policy: Policy, compile_rules: Any) -> None:
    """A path round it is not checked."""
    rules = compile_rules(policy)
    past, through = rules.binding[0::2], rules.binding[1::2]
    if policy.is_bound and compile_rules is not compile_clearing_rules:
        expected = "the same checks past it and through it: a bound has no way round it"
        require_rows(past == through, expected, past)
    else:
        funds = 0  # money in escrow is refused wherever it is not there
        if compile_rules is not compile_gateway_rules:
            trusts = policy.settlement is Settlement.TRUST
            funds = 0 if trusts else get_bit(Reason.INSUFFICIENT_FUNDS)
        expected = f"nothing but {ALWAYS_BINDING | funds:#x} to bind on a path round it"
        require_rows(past == ALWAYS_BINDING | funds, expected, past)


def check_it_compiles_afresh_every_time(policy: Policy, compile_rules: Any) -> None:
    """It compiles afresh every time."""
    first, second = compile_rules(policy), compile_rules(policy)
    require(not differ(first, second), "the same rules each time it is compiled", "others")
    is_shared = np.shares_memory(first.binding, second.binding)
    require(not is_shared, "rules of its own each time", "the same columns handed out twice")


def check_it_says_of_itself_what_it_does(policy: Policy) -> None:
    """It says of itself what it does."""
    gateway, chain = compile_gateway_rules(policy), compile_chain_rules(policy)
    deciding = gateway if policy.has_gateways else chain
    binds = bool((deciding.binding & get_bit(Reason.BAD_SIGNATURE)).any())
    require_equal("checks_signatures, by what binds", policy.checks_signatures, binds)
    is_bound = policy.checks in set(list(Checks)[-3:])
    require_equal(f"is_bound, by its checks {policy.checks}", policy.is_bound, is_bound)
    anchors = policy.log in {Log.ANCHORED, Log.FEDERATED, Log.BOTH}
    require_equal(f"anchors, by its log {policy.log}", policy.anchors, anchors)
    share = policy.mediation_ppm
    require(0 <= share <= PPM, f"mediation_ppm in 0..{PPM}", share)


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
