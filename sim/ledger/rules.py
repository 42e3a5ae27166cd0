"""What a policy compiles to: plain numbers and masks. Holds no policy names."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from sim.core.reasons import ALWAYS_BINDING
from sim.core.records import Ints, Posture
from sim.core.units import PPM

N_SITUATIONS = 2 * len(Posture) * len(Posture) * 2
DEPTH_MAX = 8  # links in a chain of grants
INSIDE, ACROSS = 0, 1
LIVENESS_WINDOW_MAX = 126  # places in the ring of a validator
COMMITTEE_MAX = 31  # seats in one dispute


class Source(IntEnum):
    """Whose word an enforcement point takes for what a caller holds."""

    TRUTH = 0  # the ledger's own records
    CLAIM = 1  # what the caller's side says
    CLIENT = 2  # what the owner keeps for that client org
    TOKEN = 3  # an attenuated token checked offline: true, but revocations arrive late


class Reputation(IntEnum):
    """What a rating does to the score of the rated, inside the transition."""

    NONE = 0  # it is kept, and changes nothing
    BETA = 1  # counts of good and bad, with forgetting
    NOVAI = 2  # steps on a bounded scale
    EPOCH = 3  # it is kept; scores are written at the end of an epoch


class Settlement(IntEnum):
    """When the price of a signal reaches its seller."""

    ESCROW = 0  # once the dispute window is over
    PREPAID = 1  # at once
    TRUST = 2  # when the buyer pays its invoice, if it does


class Judges(IntEnum):
    """Who decides a dispute."""

    COMMITTEE = 0  # some of the seats, drawn
    ARBITER = 1  # a third party, who keeps the escrow as well
    OPERATOR = 2  # the org that registered the seller
    NOBODY = 3


class Slashing(IntEnum):
    """What a proven offence costs."""

    CORRELATED = 0  # a share of stake, more if others offended lately
    NONE = 1
    FIXED = 2
    PROPORTIONAL = 3  # a share of stake
    HARM = 4  # a multiple of the recorded harm
    ESCALATING = 5  # a share of stake that doubles with each fraud, and a tombstone at last
    ETHEREUM = 6
    COSMOS = 7  # a share of stake, once


class Weighting(IntEnum):
    """What a rating weighs."""

    EQUAL = 0
    VALUE = 1  # by the price of the sale
    STAKE = 2  # by what the rater has at stake


class Rules(NamedTuple):
    """The numbers a transition runs under.

    The defaults of stake, evidence and liveness are assumptions but for the window and the share
    of it to sign, which are those of Cosmos SDK, `x/slashing`, and its 5 % for a double sign.

    Shapes: `binding` and `source` are int64 (N_SITUATIONS,), one entry for each
            (boundary, caller posture, owner posture, mediated).
    """

    binding: Ints  # checks that bind: mask over reason codes
    source: Ints  # Source
    revocation_lag_us: int = 0
    chain_id: int = 1
    fee_min: int = 0
    killed_kinds: int = 0  # mask over Kind
    approval_effects: int = 0  # mask over Effect: calls that need a human's approval
    rate_cap_ppm: int = 0  # token bucket, in millionths of a call; 0: no limit
    rate_refill_ppm: int = 0  # a second
    stake_min: int = 0
    reputation_ppm_min: int = 0
    evidence_age_blocks: int = 1_000  # older offences are not punished
    unbonding_blocks: int = 2_000  # longer than evidence may be old, or stake outruns it
    slash_rate_ppm: int = 50_000  # share of the stake that a lone offence costs
    slash_floor: int = 1_000  # base units, where there is as much
    slash_victim_ppm: int = 500_000  # shares of a slash; what they leave is burned
    slash_reporter_ppm: int = 100_000
    slash_treasury_ppm: int = 0
    reporter_cap: int = 1_000_000  # base units
    liveness_window_blocks: int = 100  # 1..LIVENESS_WINDOW_MAX
    liveness_signed_min_ppm: int = 500_000
    jail_blocks: int = 100
    reputation_rule: int = 0  # Reputation
    newcomer_ppm: int = 500_000  # score of an account that nobody rated yet
    forgetting_ppm: int = 990_000  # share of old evidence that a new rating leaves
    prior_weight: int = 2  # ratings that the prior of a Beta score counts as
    rating_weight: int = 0  # Weighting
    weight_reference: int = 10_000  # base units: a price or stake that weighs as one rating
    rater_ppm_min: int = 200_000  # a rater with a lower score is heard and weighs nothing
    newcomer_price_max: int = 0  # base units an account without ratings may ask; 0: no limit
    settlement: int = 0  # Settlement
    judges: int = 0  # Judges
    offer_us: int = 60_000_000  # how long a signal is for sale
    window_us: int = 60_000_000  # from a sale to the end of its dispute window
    verdict_us: int = 60_000_000  # from a challenge to the end of the vote
    bond_min: int = 0  # base units, of a PUBLISH and of a CHALLENGE
    bond_fee_ppm: int = 500_000  # share of the loser's bond that goes to the judges
    escrow_fee_ppm: int = 0  # share of a price paid out of escrow
    committee: int = 3  # seats that decide a dispute, 1..COMMITTEE_MAX
    claws_back: int = 0  # 1: a seller found fraudulent pays back what it was paid, if it can
    slash_rule: int = 0  # Slashing
    slash_fixed: int = 1_000  # base units
    slash_harm_ppm: int = 1_000_000  # of the recorded harm, under HARM
    offences_max: int = 3  # frauds under ESCALATING up to the tombstone
    fraud_jail_blocks: int = 500


def get_situation(boundary: int, caller: int, owner: int, mediated: int) -> int:
    """Row of `Rules.binding` for one call."""
    return ((boundary * len(Posture) + caller) * len(Posture) + owner) * 2 + mediated


def get_caller_postures(situations: Ints) -> Ints:
    """Posture of the caller's side in each situation."""
    return situations // 2 // len(Posture) % len(Posture)


def create_rules(**numbers: int) -> Rules:
    """Rules under which only what keeps the state meaningful binds.

    Errors: ValueError if the shares of a slash make more than the whole of it, another share is
            none, the window of liveness does not fit its ring, or a committee has too many seats.
    """
    rules = Rules(
        binding=np.full(N_SITUATIONS, ALWAYS_BINDING, dtype=np.int64),
        source=np.zeros(N_SITUATIONS, dtype=np.int64),
        **numbers,
    )
    shares_ppm = rules.slash_victim_ppm, rules.slash_reporter_ppm, rules.slash_treasury_ppm
    if min(shares_ppm) < 0 or sum(shares_ppm) > PPM:
        raise ValueError(f"shares of a slash must be in 0..{PPM} together, got {shares_ppm}")
    if not 1 <= rules.liveness_window_blocks <= LIVENESS_WINDOW_MAX:
        raise ValueError(f"a liveness window has 1..{LIVENESS_WINDOW_MAX} blocks")
    for name in ("bond_fee_ppm", "escrow_fee_ppm", "forgetting_ppm", "newcomer_ppm"):
        if not 0 <= getattr(rules, name) <= PPM:
            raise ValueError(f"{name} must be in 0..{PPM}, got {getattr(rules, name)}")
    if not 1 <= rules.committee <= COMMITTEE_MAX:
        raise ValueError(f"a committee has 1..{COMMITTEE_MAX} seats")
    return rules
