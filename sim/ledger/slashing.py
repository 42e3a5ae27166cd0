"""Punishment: what a proven offence costs, from which stake it is drawn, and who gets it.

`slash_account` is the one writer of punishment, reached from verified evidence alone. Silence
costs no stake: see `liveness`.
"""

from __future__ import annotations

from typing import NamedTuple

from sim.core.arithmetic import mul_ppm, muldiv
from sim.core.compiled import njit
from sim.core.records import Record, Status
from sim.core.units import PPM
from sim.ledger.penalties import (
    compute_escalated_rate,
    compute_fixed_penalty,
    compute_harm_penalty,
    compute_share_penalty,
    is_last_offence,
)
from sim.ledger.reputation import convict_account
from sim.ledger.rules import Rules, Slashing
from sim.ledger.state import BURN, N_ACCOUNTS, N_EVIDENCE, N_UNBONDING, TREASURY, State

_JAILED, _TOMBSTONED = int(Status.JAILED), int(Status.TOMBSTONED)
_CORRELATED = int(Slashing.CORRELATED)
_FROZEN = int(Status.FROZEN)
_NONE, _FIXED = int(Slashing.NONE), int(Slashing.FIXED)
_PROPORTIONAL, _HARM = int(Slashing.PROPORTIONAL), int(Slashing.HARM)
_ESCALATING, _ETHEREUM = int(Slashing.ESCALATING), int(Slashing.ETHEREUM)
_COSMOS = int(Slashing.COSMOS)
OFFENCE_PPM = 10 * PPM  # evidence against an account's reputation, in ppm of one full report
FRAUD = 100  # kind of statement of evidence that came out of a dispute: no message has it


class Split(NamedTuple):
    """Where a slashed amount goes; the four parts make the whole of it."""

    reporter: int
    victim: int
    treasury: int
    burned: int


@njit
def compute_slash_rate(rate_ppm: int, share_ppm: int) -> int:
    """Share of the stake that an offence costs, when this share of all stake offended with it.

    Return: ppm, 0..1_000_000: the rate, or three times the share if that is more.
    Source: consensus-specs, bellatrix, `process_slashings` and its proportional multiplier of 3.
    """
    return min(PPM, max(rate_ppm, 3 * share_ppm))


@njit
def compute_slash(base: int, slashable: int, rate_ppm: int, floor: int) -> int:
    """Amount to take for an offence, rounded down.

    Units:  base units, 0..SUPPLY_MAX: base was at risk when the offence was done, slashable
            still is; rate_ppm in 0..1_000_000.
    Return: 0..slashable; at least the floor where there is as much.
    Source: a share of stake as in Cosmos SDK, `x/slashing`; the floor is an assumption.
    """
    return min(slashable, max(floor, mul_ppm(base, rate_ppm)))


@njit
def compute_ethereum_slash(base: int, share_ppm: int) -> int:
    """Initial and correlation penalty of a share of all stake convicted lately, both at once.

    The exact penalties, in Gwei and fork by fork, are in `penalties`; here amounts are base units,
    of which no account need have a billion.

    Return: base units, 0..base.
    Source: consensus-specs, electra: one 4096th at once, and three times the share later.
    """
    return min(base, base // 4_096 + mul_ppm(base, min(PPM, 3 * share_ppm)))


@njit
def compute_split(rules: Rules, amount: int, harm: int) -> Split:
    """Parts of a slashed amount, each rounded down; whatever they leave is burned.

    Units:  base units, 0..SUPPLY_MAX; harm is what the offence is recorded to have cost its
            victim, 0 where there is none.
    Source: an assumption: a capped reward and a mostly burned slash leave nothing to gain from
            reporting oneself; restitution never exceeds the harm.
    """
    reporter = min(mul_ppm(amount, rules.slash_reporter_ppm), rules.reporter_cap)
    victim = min(mul_ppm(amount, rules.slash_victim_ppm), harm)
    treasury = mul_ppm(amount, rules.slash_treasury_ppm)
    return Split(reporter, victim, treasury, amount - reporter - victim - treasury)


@njit
def get_stake_at(state: State, account: int, height: int) -> int:
    """Stake of an account that was bonded at a height and is still there.

    What began to unbond at or after that height was bonded then. Stake bonded since counts too.
    """
    held = state.accounts[account]["stake"]
    for slot in range(state.counters[N_UNBONDING]):
        entry = state.unbonding[slot]
        if entry["account"] == account and entry["created_height"] >= height:
            held += entry["amount"]
    return held


@njit
def get_total_stake_at(state: State, height: int) -> int:
    """Stake of all accounts that was bonded at a height and is still there.

    What was slashed since is missing, so a share of it is never too small. The sum stays within
    the supply.
    """
    total = 0
    for account in range(state.counters[N_ACCOUNTS]):
        total += state.accounts[account]["stake"]
    for slot in range(state.counters[N_UNBONDING]):
        entry = state.unbonding[slot]
        if entry["created_height"] >= height:
            total += entry["amount"]
    return total


@njit
def compute_correlated_share(state: State, base: int, total: int, after_height: int) -> int:
    """Share of all stake whose owners were convicted lately, this offence among them.

    Units:  base is the stake at risk for this offence, total that of all accounts.
    Return: ppm, 0..1_000_000; of no stake at all, 0.
    """
    if total == 0:
        return 0
    convicted = min(base, total)
    for slot in range(state.counters[N_EVIDENCE]):
        evidence = state.evidence[slot]
        if evidence["height"] > after_height:
            convicted += min(evidence["base"], total - convicted)  # never past the whole
    return muldiv(convicted, PPM, total)


@njit
def find_next_to_draw(state: State, offender: int, offence_height: int) -> int:
    """Slot of the slashable entry that matures first, or -1; of equals, the lowest slot."""
    first = -1
    for slot in range(state.counters[N_UNBONDING]):
        entry = state.unbonding[slot]
        if (
            entry["account"] == offender
            and entry["amount"] > 0
            and entry["created_height"] >= offence_height
            and (first < 0 or entry["matures_height"] < state.unbonding[first]["matures_height"])
        ):
            first = slot
    return first


@njit
def draw_stake(state: State, offender: int, offence_height: int, amount: int) -> None:
    """Take an amount from what leaves first: entries in order of maturity, then bonded stake.

    Units:  amount at most what `get_stake_at` the height gives.
    """
    account, rest = state.accounts[offender], amount
    while rest > 0:
        slot = find_next_to_draw(state, offender, offence_height)
        if slot < 0:
            account["stake"] -= rest
            break
        entry = state.unbonding[slot]
        drawn = min(rest, entry["amount"])
        entry["amount"] -= drawn
        account["unbonding"] -= drawn
        rest -= drawn


@njit
def credit_slash(state: State, account: int, amount: int) -> None:
    """A part of a slash to one account's balance."""
    if amount > 0:
        state.accounts[account]["balance"] += amount
        state.dirty[account >> 6] = 1


@njit
def compute_penalty(
    state: State, rules: Rules, evidence: Record, base: int, offences: int, harm: int
) -> int:
    """What a conviction costs under the rule in force.

    Units:  base units; base is the stake at risk, harm what is on record, offences the frauds
            the account was convicted of before.
    Return: 0..base.
    """
    rule = rules.slash_rule
    if evidence["statement"] != FRAUD and rule in (_NONE, _HARM):
        rule = _CORRELATED  # nobody is harmed by a contradiction alone, and it is never free
    if rule == _NONE:
        return 0
    if rule == _FIXED:
        return compute_fixed_penalty(base, rules.slash_fixed)
    if rule in (_PROPORTIONAL, _COSMOS):
        return compute_share_penalty(base, base, rules.slash_rate_ppm)
    if rule == _HARM:
        return compute_harm_penalty(harm, base, rules.slash_harm_ppm)
    if rule == _ESCALATING:
        return mul_ppm(base, compute_escalated_rate(rules.slash_rate_ppm, offences))
    total = get_total_stake_at(state, evidence["offence_height"])
    after_height = evidence["height"] - rules.evidence_age_blocks
    share_ppm = compute_correlated_share(state, base, total, after_height)
    if rule == _ETHEREUM:
        return compute_ethereum_slash(base, share_ppm)
    rate_ppm = compute_slash_rate(rules.slash_rate_ppm, share_ppm)
    return compute_slash(base, base, rate_ppm, rules.slash_floor)


@njit
def slash_account(state: State, rules: Rules, evidence: Record, harm: int, victim: int) -> int:
    """Punish an offender for evidence that is verified and not in the table yet.

    An account that is tombstoned already lost stake for an equivocation and is out for good:
    further proofs against it are kept and cost nothing, as in Cosmos SDK, `x/evidence`. All that
    it did before it was first convicted therefore has one price.

    Units:  harm in base units, to be made good to the victim's account; 0 for an equivocation.
    Return: base units, 0..the slashable stake; written into the evidence with its base.
    Source: Cosmos SDK, `x/evidence`, `handleEquivocationEvidence`, for the stake at the height
            of the offence and the tombstone.
    """
    offender = evidence["offender"]
    account = state.accounts[offender]
    evidence["base"], evidence["amount"] = 0, 0
    if account["status"] == _TOMBSTONED:
        return 0
    height = evidence["offence_height"]
    base = get_stake_at(state, offender, height)
    amount = compute_penalty(state, rules, evidence, base, account["offences"], harm)
    draw_stake(state, offender, height, amount)
    split = compute_split(rules, amount, harm)
    credit_slash(state, evidence["reporter"], split.reporter)
    credit_slash(state, victim, split.victim)
    credit_slash(state, TREASURY, split.treasury)
    credit_slash(state, BURN, split.burned)
    bar_account(rules, account, evidence)
    state.dirty[offender >> 6] = 1
    evidence["base"], evidence["amount"] = base, amount
    return amount


@njit
def bar_account(rules: Rules, account: Record, evidence: Record) -> None:
    """Keep a convict out: for good after an equivocation, for a while after a fraud.

    A conviction never lifts what has no end: an account that is frozen, or jailed by governance,
    would otherwise buy its way out with a fraud.

    Source: Cosmos SDK, `x/slashing`, for the tombstone; how long a fraud bars is an assumption.
    """
    is_final = evidence["statement"] != FRAUD or rules.slash_rule == _COSMOS
    if evidence["statement"] == FRAUD:
        is_last = is_last_offence(account["offences"], rules.offences_max)
        account["offences"] += 1
        if rules.slash_rule == _ESCALATING and is_last:
            is_final = True
    else:
        convict_account(rules, account, OFFENCE_PPM)  # of a fraud, whoever decided it does so
    has_no_end = account["status"] == _JAILED and account["jailed_until_height"] == 0
    if is_final:
        account["status"] = _TOMBSTONED
    elif account["status"] != _FROZEN and not has_no_end:
        until_height = evidence["height"] + rules.fraud_jail_blocks
        account["status"] = _JAILED
        account["jailed_until_height"] = max(account["jailed_until_height"], until_height)
