"""Sets of rules that sequences of operations run under, by name."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np

from sim.core.reasons import EVERY_CHECK, Reason, get_bit
from sim.core.records import Effect, Kind, Posture
from sim.ledger.rules import (
    ACROSS,
    INSIDE,
    N_SITUATIONS,
    Judges,
    Reputation,
    Rules,
    Settlement,
    Slashing,
    Source,
    Weighting,
    create_rules,
)
from sim.ledger.rules import get_situation as situate
from tests.ledger_world import create_strict_rules

LAG_US = 2_000_000
GATEWAY = get_bit(
    Reason.BAD_SIGNATURE,
    Reason.NONCE_REPLAYED,
    Reason.CAPABILITY_EXPIRED,
    Reason.CAPABILITY_DENIED,
    Reason.SCOPE_DENIED,
    Reason.APPROVAL_MISSING,
    Reason.RATE_LIMITED,
)
DELICATE = 1 << Effect.WRITE | 1 << Effect.DESTRUCTIVE
LAST_BIT = max(Reason) + 1
LAST_KIND = max(Kind)


def create_gateway_rules(_: Random) -> Rules:
    """A gateway inside; across, an honest owner checks what it keeps for its clients."""
    rules = create_rules(
        approval_effects=1 << Effect.DESTRUCTIVE, rate_cap_ppm=20_000_000, rate_refill_ppm=500_000
    )
    for caller in Posture:
        rules.binding[situate(INSIDE, caller, Posture.HONEST, 1)] |= GATEWAY
        row = situate(ACROSS, caller, Posture.HONEST, 1)
        rules.binding[row] |= GATEWAY
        rules.source[row] = Source.CLIENT
    return rules


def create_any_rules(rng: Random) -> Rules:
    """Every number at random, another mask and source in every situation."""
    rules = create_rules(
        revocation_lag_us=rng.choice([0, LAG_US]),
        fee_min=rng.choice([0, 2]),
        killed_kinds=rng.getrandbits(LAST_KIND + 1) & rng.getrandbits(LAST_KIND + 1),
        approval_effects=rng.getrandbits(3),
        stake_min=rng.choice([0, 100]),
        reputation_ppm_min=rng.choice([0, 500_000]),
        **draw_stake_numbers(rng),
        **draw_market_numbers(rng),
    )
    checks = np.array([rng.getrandbits(LAST_BIT) for _ in range(N_SITUATIONS)])
    rules.binding[:] |= checks & EVERY_CHECK
    rules.source[:] = [rng.choice(list(Source)) for _ in range(N_SITUATIONS)]
    return rules


def create_rate_rules(rng: Random) -> Rules:
    """A small bucket, so that it is often empty."""
    numbers = {"rate_cap_ppm": 2_000_000, "rate_refill_ppm": rng.choice([0, 150_000])}
    return create_strict_rules(**numbers)


def draw_stake_numbers(rng: Random) -> dict[str, int]:
    """Short times, so that entries mature and evidence ages within a sequence."""
    return {
        "evidence_age_blocks": rng.choice([3, 8, 30]),
        "unbonding_blocks": rng.choice([0, 6, 20]),
        "slash_rate_ppm": rng.choice([0, 50_000, 333_333]),
        "slash_floor": rng.choice([0, 7]),
        "slash_victim_ppm": rng.choice([0, 300_000]),
        "slash_reporter_ppm": rng.choice([0, 100_000, 333_333]),
        "slash_treasury_ppm": rng.choice([0, 366_667]),
        "reporter_cap": rng.choice([1, 10**6]),
        "liveness_window_blocks": rng.choice([1, 4, 8]),
        "liveness_signed_min_ppm": rng.choice([0, 300_000, 500_000, 1_000_000]),
        "jail_blocks": rng.choice([1, 5]),
    }


def draw_market_numbers(rng: Random) -> dict[str, int]:
    """Short windows, small bonds, and every way to settle, judge, rate and punish."""
    return {
        "settlement": rng.choice(list(Settlement)),
        "judges": rng.choice(list(Judges)),
        "slash_rule": rng.choice(list(Slashing)),
        "slash_fixed": rng.choice([0, 30, 1_000]),
        "slash_harm_ppm": rng.choice([0, 300_000, 1_000_000, 2_500_000]),
        "offences_max": rng.choice([1, 2]),
        "fraud_jail_blocks": rng.choice([1, 4]),
        "reputation_rule": rng.choice(list(Reputation)),
        "forgetting_ppm": rng.choice([900_000, 1_000_000]),
        "prior_weight": rng.choice([1, 2]),
        "newcomer_ppm": rng.choice([0, 500_000]),
        "rating_weight": rng.choice(list(Weighting)),
        "weight_reference": rng.choice([0, 7, 100]),
        "rater_ppm_min": rng.choice([0, 500_000]),
        "newcomer_price_max": rng.choice([0, 5]),
        "offer_us": rng.choice([1_500_000, 6_000_000]),
        "window_us": rng.choice([0, 1_000_000, 3_000_000]),
        "verdict_us": rng.choice([500_000, 2_000_000]),
        "bond_min": rng.choice([0, 4]),
        "bond_fee_ppm": rng.choice([0, 333_333, 500_000, 1_000_000]),
        "escrow_fee_ppm": rng.choice([0, 20_000, 400_000]),
        "committee": rng.choice([1, 2, 3, 3]),
        "claws_back": rng.choice([0, 1]),
    }


def create_market(**fixed: int) -> Callable[[Random], Rules]:
    """Everything binds; what is not fixed is drawn."""

    def create_rules_of_market(rng: Random) -> Rules:
        return create_strict_rules(**draw_stake_numbers(rng) | draw_market_numbers(rng) | fixed)

    return create_rules_of_market


def create_stake_rules(rng: Random) -> Rules:
    """Everything binds, and what stake and evidence go by is short and small."""
    return create_strict_rules(**draw_stake_numbers(rng))


RULES: dict[str, Callable[[Random], Rules]] = {
    "all_bind": lambda _: create_strict_rules(),
    "none_binds": lambda _: create_rules(),
    "gateway": create_gateway_rules,
    "token_with_lag": lambda _: create_strict_rules(Source.TOKEN, revocation_lag_us=LAG_US),
    "client_scopes": lambda _: create_strict_rules(Source.CLIENT),
    "claims": lambda _: create_strict_rules(Source.CLAIM),
    "rate_limit": create_rate_rules,
    "approvals": lambda _: create_strict_rules(approval_effects=DELICATE),
    "killed_kinds": lambda rng: create_strict_rules(killed_kinds=rng.getrandbits(LAST_KIND + 1)),
    "floors": lambda _: create_strict_rules(fee_min=2, stake_min=100, reputation_ppm_min=500_000),
    "stakes": create_stake_rules,
    "any": create_any_rules,
    "escrow_committee": create_market(settlement=Settlement.ESCROW, judges=Judges.COMMITTEE),
    "prepaid_arbiter": create_market(settlement=Settlement.PREPAID, judges=Judges.ARBITER),
    "escrow_arbiter": create_market(settlement=Settlement.ESCROW, judges=Judges.ARBITER),
    "trust_operator": create_market(settlement=Settlement.TRUST, judges=Judges.OPERATOR),
} | {
    f"slash_{rule.name.lower()}": create_market(slash_rule=rule, judges=Judges.COMMITTEE)
    for rule in Slashing
}
MARKETS = tuple(RULES)[12:]  # in which trade is most of what happens
