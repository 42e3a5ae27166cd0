"""What an offence would cost under the schemes that are in use: pure rules, nothing is written.

Simple shares and multiples, then those of Ethereum, of the Cosmos SDK and of EigenLayer, each in
the integers of its own specification. `slashing` takes what such a rule says; who lost how much
under which scheme is a question of the policy.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from sim.core.arithmetic import mul_ppm, muldiv
from sim.core.compiled import njit
from sim.core.units import PPM

DOUBLINGS_MAX = 20  # 2**20 > PPM: a rate that is not 0 has reached the whole by then

GWEI = 10**9  # of one ether; Ethereum counts effective balances in whole ether
SCORE_BIAS = 4  # added to the score for an epoch that was missed
SCORE_RECOVERY = 16  # taken off for every epoch in which no leak is on
LEAK_DELAY_EPOCHS = 4  # a leak is on when nothing was final for longer
LEAK_DIVISOR = SCORE_BIAS * 2**24  # since Bellatrix


class Fork(IntEnum):
    """Versions of Ethereum whose penalties differ; Capella and Deneb are as Bellatrix."""

    PHASE0 = 0
    ALTAIR = 1
    BELLATRIX = 2
    ELECTRA = 3


_ELECTRA = int(Fork.ELECTRA)
_INITIAL_DIVISORS = (128, 64, 32, 4_096)  # by fork
_REPORT_DIVISORS = (512, 512, 512, 4_096)
_MULTIPLIERS = (1, 2, 3, 3)


class Reward(NamedTuple):
    """What a report of an offence earns, and the block that carries it; newly issued."""

    reporter: int
    proposer: int


class Allocation(NamedTuple):
    """An operator's magnitude and what one operator set may slash of it, after a slash."""

    magnitude: int
    allocated: int
    lost: int  # of the stake, in base units


# simple schemes


@njit
def compute_fixed_penalty(slashable: int, amount: int) -> int:
    """The same amount for every offence, as far as there is as much.

    Units:  base units, 0..SUPPLY_MAX.
    Return: 0..slashable.
    Source: an assumption; it ruins the small and leaves the large unmoved.
    """
    return min(slashable, amount)


@njit
def compute_share_penalty(base: int, slashable: int, rate_ppm: int) -> int:
    """Share of the stake that was at risk, rounded down.

    Units:  base units, 0..SUPPLY_MAX: base was at risk when the offence was done, slashable
            still is; rate_ppm in 0..1_000_000.
    Return: 0..slashable.
    Source: an assumption; splitting the stake over accounts changes nothing.
    """
    return min(slashable, mul_ppm(base, rate_ppm))


@njit
def compute_harm_penalty(harm: int, slashable: int, multiple_ppm: int) -> int:
    """Multiple of the recorded harm, rounded down, as far as there is as much.

    Units:  harm and slashable in base units, 0..SUPPLY_MAX; multiple_ppm in 0..10_000_000,
            above 1_000_000 if an offence costs more than it did harm.
    Return: 0..slashable; a product past it is never formed.
    Source: an assumption, after Becker 1968, Crime and Punishment: the multiple that deters is
            one over the chance of being caught.
    """
    whole, rest = harm // PPM, harm % PPM
    if multiple_ppm == 0:
        return 0
    if whole > slashable // multiple_ppm:
        return slashable
    return min(slashable, whole * multiple_ppm + rest * multiple_ppm // PPM)


@njit
def compute_escalated_rate(rate_ppm: int, n_earlier: int) -> int:
    """Share that an offence costs whose offender was convicted so many times before.

    Units:  rate_ppm in 0..1_000_000, what a first offence costs; n_earlier from 0.
    Return: ppm, 0..1_000_000: doubled for each conviction, at most the whole.
    Source: an assumption: who offends once by mistake is ruined by no single offence.
    """
    return min(PPM, rate_ppm << min(n_earlier, DOUBLINGS_MAX))


@njit
def is_last_offence(n_earlier: int, offences_max: int) -> bool:
    """Whether an offence is one too many to stay: after so many an account is out for good."""
    return n_earlier + 1 >= offences_max


# Ethereum


@njit
def compute_initial_penalty(fork: int, effective: int) -> int:
    """What an offender loses at once.

    Units:  Gwei, 0..SUPPLY_MAX; fork is a `Fork`.
    Return: Gwei, 0..effective.
    Source: consensus-specs, phase0 to electra, `slash_validator`.
    """
    return effective // _INITIAL_DIVISORS[fork]


@njit
def compute_report_reward(fork: int, effective: int) -> Reward:
    """What the report of an offence earns; one eighth goes to the proposer, rounded down.

    Units:  Gwei, 0..SUPPLY_MAX: the offender's effective balance; fork is a `Fork`.
    Return: two parts of Gwei, issued and not taken from the offender.
    Source: consensus-specs, phase0 to electra, `slash_validator`, whistleblower and proposer.
    """
    reward = effective // _REPORT_DIVISORS[fork]
    return Reward(reward - reward // 8, reward // 8)


@njit
def compute_correlation_penalty(fork: int, effective: int, slashed: int, total: int) -> int:
    """What an offender loses half way through the window, the more the more stake offended.

    Before Electra the penalty is whole ether and floors to 0 for a lone offender.

    Units:  Gwei, 0..SUPPLY_MAX: effective and slashed at most total, which counts as one ether
            if it is less; slashed is what was slashed within the window; fork is a `Fork`.
    Return: Gwei, 0..total; what exceeds the balance is not taken.
    Source: consensus-specs, phase0 to electra, `process_slashings`.
    """
    total = max(total, GWEI)
    multiplier = _MULTIPLIERS[fork]
    adjusted = total if slashed > total // multiplier else multiplier * slashed
    units = effective // GWEI
    if fork == _ELECTRA:
        return adjusted // (total // GWEI) * units
    return muldiv(units, adjusted, total) * GWEI


@njit
def is_leaking(finality_delay_epochs: int) -> bool:
    """Whether absence costs stake: nothing was final for more than four epochs.

    Source: consensus-specs, phase0, `is_in_inactivity_leak`.
    """
    return finality_delay_epochs > LEAK_DELAY_EPOCHS


@njit
def compute_inactivity_score(score: int, has_missed: bool, in_leak: bool) -> int:
    """Score of a validator after one more epoch.

    Units:  from 0; it rises by 4 an epoch, so 2**26 is past the life of any chain.
    Return: never below 0.
    Source: consensus-specs, altair, `process_inactivity_updates`.
    """
    score = score + SCORE_BIAS if has_missed else score - min(1, score)
    return score if in_leak else score - min(SCORE_RECOVERY, score)


@njit
def compute_leak_penalty(effective: int, score: int) -> int:
    """What an epoch costs that was missed, by the score with that epoch in it, rounded down.

    Units:  effective in Gwei, 0..SUPPLY_MAX; score in 0..2**26.
    Return: Gwei, 0..effective.
    Source: consensus-specs, altair, `get_inactivity_penalty_deltas`, with bellatrix's quotient.
    """
    return muldiv(effective, score, LEAK_DIVISOR)


# Cosmos SDK


@njit
def compute_downtime_slash(power: int, slashable: int, rate_ppm: int) -> int:
    """What being jailed for absence costs; `liveness` says who is absent.

    Units:  base units, 0..SUPPLY_MAX: power when the window was missed, slashable still there;
            rate_ppm in 0..1_000_000, 10_000 by default.
    Return: 0..slashable.
    Source: Cosmos SDK, `x/slashing`, `HandleValidatorSignature`.
    """
    return compute_share_penalty(power, slashable, rate_ppm)


@njit
def compute_double_sign_slash(
    power: int, slashable: int, rate_ppm: int, is_tombstoned: bool
) -> int:
    """What a proven double signature costs; once tombstoned, later evidence costs nothing.

    So all that was done before the first conviction has one price.

    Units:  base units, 0..SUPPLY_MAX: power at the height of the offence, slashable still
            there; rate_ppm in 0..1_000_000, 50_000 by default.
    Return: 0..slashable.
    Source: Cosmos SDK, `x/evidence`, `handleEquivocationEvidence`.
    """
    return 0 if is_tombstoned else compute_share_penalty(power, slashable, rate_ppm)


@njit
def is_evidence_too_old(age_blocks: int, age_us: int, blocks_max: int, us_max: int) -> bool:
    """Whether evidence comes too late: only if it is too old by blocks and by time.

    Units:  blocks and microseconds from 0; 100_000 blocks and 48 hours by default.
    Source: CometBFT, `evidence`, `verify`: either clock may run fast without harm.
    """
    return age_blocks > blocks_max and age_us > us_max


# EigenLayer


@njit
def compute_allocation_slash(
    magnitude: int, allocated: int, stake: int, share_ppm: int
) -> Allocation:
    """Slash by one operator set of a share of what it was allocated; others keep their tokens.

    Units:  allocated at most magnitude, 0..SUPPLY_MAX; stake in base units, 0..SUPPLY_MAX;
            share_ppm in 0..1_000_000.
    Return: both magnitudes after the slash, and the stake that is lost, rounded down.
    Source: EigenLayer, slashing release, `AllocationManager.slashOperator`.
    """
    if magnitude == 0:
        return Allocation(0, 0, 0)
    cut = mul_ppm(allocated, share_ppm)
    return Allocation(magnitude - cut, allocated - cut, muldiv(stake, cut, magnitude))
