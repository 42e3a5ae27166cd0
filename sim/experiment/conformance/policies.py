"""The battery of policies: what their levers compile to."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.core.reasons import ALWAYS_BINDING, EVERY_CHECK, Reason, get_bit
from sim.core.units import PPM
from sim.experiment.conformance.base import require
from sim.ledger.rules import N_SITUATIONS, Source
from sim.policies.base import Checks, Log, Policy, Settlement
from sim.policies.registry import (
    compile_chain_rules,
    compile_clearing_rules,
    compile_gateway_rules,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sim.experiment.conformance.base import Check, Plugin
    from sim.ledger.rules import Rules

COMPILERS: dict[str, Callable[[Policy], Rules]] = {
    "gateway": compile_gateway_rules,
    "clearing": compile_clearing_rules,
    "chain": compile_chain_rules,
}


def _compile(plugin: Plugin) -> Iterator[tuple[str, Rules]]:
    for ledger, compile_rules in COMPILERS.items():
        yield ledger, compile_rules(plugin.itself)


def differ(first: Rules, second: Rules) -> bool:
    """Whether two sets of rules say anything different."""
    columns: Any = zip(first, second, strict=True)
    return any(not np.array_equal(a, b) for a, b in columns)


def check_it_is_a_setting_of_whole_numbers(plugin: Plugin) -> None:
    """A `Policy` under its own name, whose numbers are whole."""
    require(isinstance(plugin.itself, Policy), f"it is a {type(plugin.itself).__name__}")
    named = plugin.itself.name
    require(named == plugin.name, f"it calls itself {named!r}")
    for field in fields(Policy):
        value = getattr(plugin.itself, field.name)
        require(not isinstance(value, float), f"{field.name} is the float {value}")


def check_it_compiles_to_plain_integers(plugin: Plugin) -> None:
    """Rules are int64 columns, a row for each situation, and whole numbers."""
    for ledger, rules in _compile(plugin):
        for column in (rules.binding, rules.source):
            require(column.dtype == np.int64, f"{ledger} rules have a column of {column.dtype}")
            require(column.shape == (N_SITUATIONS,), f"{ledger} rules have another shape")
        for name, number in zip(rules._fields[2:], rules[2:], strict=True):
            require(type(number) is int, f"{name} of the {ledger} rules is {number!r}")
        known = set(rules.source.tolist()) <= {int(source) for source in Source}
        require(known, f"{ledger} rules name a source of capabilities that does not exist")


def check_what_keeps_the_state_meaningful_always_binds(plugin: Plugin) -> None:
    """Form and a kind's own conditions bind under every policy, and nothing unknown does."""
    for ledger, rules in _compile(plugin):
        always = (rules.binding & ALWAYS_BINDING == ALWAYS_BINDING).all()
        require(always, f"the {ledger} rules leave out what keeps the state meaningful")
        require((rules.binding & ~EVERY_CHECK == 0).all(), f"{ledger} rules bind an unknown check")


def check_only_the_oracle_reads_the_truth(plugin: Plugin) -> None:
    """No policy knows whether somebody asked for a call, but the bound that is defined by it."""
    for ledger, rules in _compile(plugin):
        reads = bool((rules.binding & get_bit(Reason.ILLEGITIMATE)).any())
        may = plugin.itself.checks is Checks.ORACLE and ledger == "chain"
        require(reads == may, f"the {ledger} rules {'' if reads else 'do not '}read the truth")


def check_a_path_round_it_is_not_checked(plugin: Plugin) -> None:
    """A call that goes round the enforcement point meets no check; a bound has no way round."""
    policy = plugin.itself
    for ledger, rules in _compile(plugin):
        past, through = rules.binding[0::2], rules.binding[1::2]
        if policy.is_bound and ledger != "clearing":
            require(np.array_equal(past, through), f"there is a way round the {ledger} of a bound")
            continue
        is_escrowed = ledger != "gateway" and policy.settlement is not Settlement.TRUST
        # money in escrow is refused wherever it is not there
        funds = get_bit(Reason.INSUFFICIENT_FUNDS) if is_escrowed else 0
        free = (past == ALWAYS_BINDING | funds).all()
        require(free, f"the {ledger} rules check a path that goes round them")


def check_it_compiles_afresh_every_time(plugin: Plugin) -> None:
    """Two compilations are equal and share nothing."""
    pairs = zip(_compile(plugin), _compile(plugin), strict=True)
    for (ledger, first), (_, second) in pairs:
        require(not differ(first, second), f"{ledger} rules come out differently a second time")
        shares = np.shares_memory(first.binding, second.binding)
        require(not shares, f"two compilations share their {ledger} rules")


def check_it_says_of_itself_what_it_does(plugin: Plugin) -> None:
    """Its properties agree with its rules: signatures, bounds, anchors, mediation."""
    policy = plugin.itself
    compile_deciding = compile_gateway_rules if policy.has_gateways else compile_chain_rules
    binds = bool((compile_deciding(policy).binding & get_bit(Reason.BAD_SIGNATURE)).any())
    require(binds == policy.checks_signatures, "it checks signatures otherwise than it says")
    is_bound = policy.checks in set(list(Checks)[-3:])
    require(policy.is_bound == is_bound, "it is a bound otherwise than it says")
    anchors = policy.log in {Log.ANCHORED, Log.FEDERATED, Log.BOTH}
    require(policy.anchors == anchors, "it anchors its log otherwise than it says")
    is_share = 0 <= policy.mediation_ppm <= PPM
    require(is_share, f"mediation_ppm is {policy.mediation_ppm}, not within 0..{PPM}")


POLICY_CHECKS: tuple[Check, ...] = (
    check_it_is_a_setting_of_whole_numbers,
    check_it_compiles_to_plain_integers,
    check_what_keeps_the_state_meaningful_always_binds,
    check_only_the_oracle_reads_the_truth,
    check_a_path_round_it_is_not_checked,
    check_it_compiles_afresh_every_time,
    check_it_says_of_itself_what_it_does,
)
