"""Every check of one transaction in the order of the codes: what was required, what was there.

The verdicts come from the same compiled judgement as the transition's; only the words are here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sim.core.reasons import Reason
from sim.core.records import Kind, Status
from sim.core.units import PPM
from sim.ledger.checks import Judgement, compute_tokens, judge_call
from sim.ledger.state import N_APPROVALS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.core.records import Ints, Record
    from sim.ledger.rules import Rules
    from sim.ledger.state import State


class Check(NamedTuple):
    """One check of one call."""

    reason: Reason
    binds: bool  # under this policy, for this caller, owner and path
    fails: bool  # by the truth
    seen: bool  # to fail, by the enforcement point
    required: str
    held: str


def judge(state: State, rules: Rules, tx: Record, arguments: Ints) -> Judgement:
    """Judgement of a call against a state."""
    account = state.accounts[tx["sender"]]
    operation = state.operations[tx["target"]]
    client_mask = 0
    if 0 <= account["org"] < len(state.client_scopes) > operation["org"]:
        client_mask = int(state.client_scopes[operation["org"], account["org"]])
    judgement: Judgement = judge_call(
        state.accounts,
        account,
        state.grants,
        state.pool,
        state.approvals,
        int(state.counters[N_APPROVALS]),
        operation,
        client_mask,
        rules,
        int(rules.source[tx["situation"]]),
        tx,
        arguments,
    )
    return judgement


def explain_call(
    state: State,
    rules: Rules,
    tx: Record,
    arguments: Ints,
    name_mask: Callable[[int], str] = hex,
) -> list[Check]:
    """All checks of a call, in the order in which the first that fails and binds decides.

    Units:  `name_mask` turns a capability mask into words.
    """
    judgement = judge(state, rules, tx, arguments)
    binding = int(rules.binding[tx["situation"]])
    words = _describe(state, rules, tx, judgement, name_mask)
    return [
        Check(
            reason,
            bool(binding >> reason & 1),
            bool(int(judgement.violations) >> reason & 1),
            bool(int(judgement.seen) >> reason & 1),
            *words[reason],
        )
        for reason in Reason
        if reason in words
    ]


def _describe(
    state: State, rules: Rules, tx: Record, judgement: Judgement, name_mask: Callable[[int], str]
) -> dict[Reason, tuple[str, str]]:
    """For each check: what it requires, and what there was."""
    account = state.accounts[tx["sender"]]
    operation = state.operations[tx["target"]]
    required, held = name_mask(int(judgement.required)), name_mask(int(judgement.effective))
    n_arguments = int(tx["arguments_to"] - tx["arguments_from"])
    needs_approval = rules.approval_effects >> int(operation["effect"]) & 1
    tokens_ppm = int(compute_tokens(account, rules, int(tx["now_us"])))
    tokens = f"{tokens_ppm // PPM}.{tokens_ppm % PPM // 10_000:02d} tokens"
    has_limit = rules.rate_cap_ppm > 0
    return {
        Reason.BAD_SIGNATURE: (f"key {account['key_version']}", f"key {tx['key_version']}"),
        Reason.WRONG_CHAIN: (f"chain {rules.chain_id}", f"chain {tx['chain_id']}"),
        Reason.EXPIRED: (f"height {tx['height']} or later", _format_until(tx)),
        Reason.NONCE_REPLAYED: (f"nonce {account['nonce']}", f"nonce {tx['nonce']}"),
        Reason.NONCE_GAP: (f"nonce {account['nonce']}", f"nonce {tx['nonce']}"),
        Reason.FEE_TOO_LOW: (f"{rules.fee_min} base units", f"{tx['fee']} base units"),
        Reason.CANNOT_PAY_FEE: (f"{tx['fee']} base units", f"{account['balance']} base units"),
        Reason.SENDER_NOT_ACTIVE: ("active", Status(int(account["status"])).name.lower()),
        Reason.KILL_SWITCH: (
            f"{Kind(int(tx['kind'])).name} switched on",
            "off" if rules.killed_kinds >> int(tx["kind"]) & 1 else "on",
        ),
        Reason.CAPABILITY_EXPIRED: (required, held),
        Reason.CAPABILITY_DENIED: (required, held),
        Reason.SCOPE_DENIED: (
            "each checked argument named by the task",
            f"{n_arguments} checked argument{'' if n_arguments == 1 else 's'}",
        ),
        Reason.APPROVAL_MISSING: (
            "a human's approval" if needs_approval else "no approval",
            "an approval" if tx["parent"] >= 0 else "none",
        ),
        Reason.RATE_LIMITED: (
            "1 token" if has_limit else "no limit",
            tokens if has_limit else "-",
        ),
        Reason.INSUFFICIENT_STAKE: (f"{rules.stake_min}", f"{account['stake']}"),
        Reason.INSUFFICIENT_REPUTATION: (
            f"{rules.reputation_ppm_min} ppm",
            f"{account['reputation_ppm']} ppm",
        ),
        Reason.ILLEGITIMATE: ("seen by the bound `oracle` alone", "-"),
        Reason.INSUFFICIENT_FUNDS: (f"{tx['amount']}", f"{account['balance']}"),
    }


def _format_until(tx: Record) -> str:
    until = int(tx["valid_until_height"])
    return "no expiry" if until >= 2**62 else f"valid until {until}"
