"""What a rating, or a conviction, does to the score of an account inside the transition.

Holds the rules that need nothing but the rated account's own record: Beta with forgetting, and the
bounded steps of NOVAI. Rules that read the whole graph of ratings run at the end of an epoch and
live elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.core.arithmetic import mul_ppm
from sim.core.compiled import njit
from sim.core.units import PPM
from sim.ledger.rules import Reputation

if TYPE_CHECKING:
    from sim.core.records import Ints, Record, Records
    from sim.ledger.rules import Rules

WEIGHT_MAX_PPM = 4 * PPM  # of one rating
EVIDENCE_MAX_PPM = 4_000_000 * PPM  # of one kind in one account; times PPM it still fits 63 bits
GOOD_PPM_MIN = 500_000  # from here on a rating says that the job was delivered: an assumption
NOVAI_STEP_PPM = 10_000  # one point of a scale of 100
NOVAI_DELIVERED, NOVAI_FAILED, NOVAI_BREACH = 1, -3, -5  # points

_BETA, _NOVAI = int(Reputation.BETA), int(Reputation.NOVAI)


@njit
def pow_ppm(factor_ppm: int, exponent: int) -> int:
    """A factor below one to a whole power, rounded down after each product.

    Units:  factor_ppm in 0..1_000_000, exponent from 0 up.
    Return: 0..1_000_000, by square and multiply from the least significant bit.
    """
    power = PPM
    while exponent > 0:
        if exponent & 1:
            power = mul_ppm(power, factor_ppm)
        factor_ppm = mul_ppm(factor_ppm, factor_ppm)
        exponent >>= 1
    return power


@njit
def compute_beta_score(positive: int, negative: int, prior_weight: int, prior_ppm: int) -> int:
    """Expected share of good deals after the evidence, rounded down.

    Units:  positive, negative in millionths of a rating, 0..EVIDENCE_MAX_PPM; prior_weight in
            ratings, 1..1_000_000, which keeps the product below 2**63; prior_ppm in 0..1_000_000.
    Return: 0..1_000_000; prior_ppm where there is no evidence.
    Source: Josang and Ismail 2002, The Beta Reputation System, with a prior other than 1/2.
    """
    counted = positive + prior_weight * prior_ppm
    return counted * PPM // (positive + negative + prior_weight * PPM)


@njit
def decay_and_add(
    positive: int, negative: int, value_ppm: int, weight_ppm: int, forgetting_ppm: int
) -> tuple[int, int]:
    """Evidence after one more rating: what stands fades, and the rating is split by its value.

    Units:  positive, negative in 0..EVIDENCE_MAX_PPM, value_ppm and forgetting_ppm in
            0..1_000_000, weight_ppm in 0..WEIGHT_MAX_PPM.
    Return: positive, negative, each at most EVIDENCE_MAX_PPM. What rounding leaves of the weight
            counts as negative, so that it never flatters.
    """
    good = mul_ppm(weight_ppm, value_ppm)
    positive = mul_ppm(positive, forgetting_ppm) + good
    negative = mul_ppm(negative, forgetting_ppm) + weight_ppm - good
    return min(positive, EVIDENCE_MAX_PPM), min(negative, EVIDENCE_MAX_PPM)


@njit
def compute_novai_score(score_ppm: int, points: int) -> int:
    """Score after some points of a scale of 100, held inside the scale.

    Units:  score_ppm in 0..1_000_000; points of either sign, at most 2**15 in size.
    Source: NOVAI-node, reputation: an int16 is added and the sum clamped to 0..100.
    """
    return min(max(score_ppm + points * NOVAI_STEP_PPM, 0), PPM)


@njit
def rate_account(rules: Rules, account: Record, value_ppm: int, weight_ppm: int) -> None:
    """Let one rating change the evidence and the score of the rated account.

    Units:  value_ppm is held to 0..1_000_000, weight_ppm to 0..WEIGHT_MAX_PPM; a rating without
            weight changes nothing.
    Errors: none. Under `NONE` and `EPOCH` nothing changes here.
    """
    value_ppm = min(max(value_ppm, 0), PPM)
    weight_ppm = min(max(weight_ppm, 0), WEIGHT_MAX_PPM)
    if weight_ppm == 0:
        return
    if rules.reputation_rule == _BETA:
        positive, negative = decay_and_add(
            account["positive"], account["negative"], value_ppm, weight_ppm, rules.forgetting_ppm
        )
        _set_beta(rules, account, positive, negative)
    elif rules.reputation_rule == _NOVAI:
        if value_ppm >= GOOD_PPM_MIN:
            _add_novai(account, NOVAI_DELIVERED)
        else:
            _add_novai(account, NOVAI_FAILED)


@njit
def convict_account(rules: Rules, account: Record, weight_ppm: int) -> None:
    """Let a proven fraud change the evidence and the score of the convicted account.

    Units:  weight_ppm is held to 0..EVIDENCE_MAX_PPM; `slashing.OFFENCE_PPM`, ten bad ratings, is
            what the design asks for. NOVAI has no weights: a failed job and a breach, 8 points.
    Errors: none. Under `NONE` and `EPOCH` nothing changes here.
    """
    if rules.reputation_rule == _BETA:
        weight_ppm = min(max(weight_ppm, 0), EVIDENCE_MAX_PPM)
        negative = min(account["negative"] + weight_ppm, EVIDENCE_MAX_PPM)
        _set_beta(rules, account, account["positive"], negative)
    elif rules.reputation_rule == _NOVAI:
        _add_novai(account, NOVAI_FAILED + NOVAI_BREACH)


@njit
def rate_accounts(
    rules: Rules, accounts: Records, ratee: Ints, value_ppm: Ints, weight_ppm: Ints
) -> None:
    """Let ratings change their ratees one after another, as the transition would.

    Shapes: accounts ACCOUNT (n_accounts,); the others int64 (n,), in order of time.
    Units:  ratee in 0..n_accounts - 1, which the caller holds: compiled code does not look.
    """
    for index in range(len(ratee)):
        account = accounts[ratee[index]]
        rate_account(rules, account, value_ppm[index], weight_ppm[index])


@njit
def _set_beta(rules: Rules, account: Record, positive: int, negative: int) -> None:
    account["positive"] = positive
    account["negative"] = negative
    account["reputation_ppm"] = compute_beta_score(
        positive, negative, rules.prior_weight, rules.newcomer_ppm
    )


@njit
def _add_novai(account: Record, points: int) -> None:
    """Take a step; the evidence only counts events, in millionths of one."""
    if points > 0:
        account["positive"] = min(account["positive"] + PPM, EVIDENCE_MAX_PPM)
    else:
        account["negative"] = min(account["negative"] + PPM, EVIDENCE_MAX_PPM)
    account["reputation_ppm"] = compute_novai_score(account["reputation_ppm"], points)
