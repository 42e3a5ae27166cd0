"""The levers of a policy as a scenario file sets them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sim.policies.base import (
    Check,
    Inbound,
    Judges,
    Protocol,
    Scope,
    Settlement,
    Slashing,
    Weighting,
)
from sim.scenario.literals import (
    Duration,
    Fee,
    Name,
    PositiveCount,
    PositiveDuration,
    Price,
    Seats,
    Share,
)
from sim.scenario.strict import Strict


class PolicyEntry(Strict):
    """A policy to compare: a preset, and the levers that differ from it."""

    name: Name = Field(description="What tables and figures call it.")
    preset: Name = Field(description="Where levers that are left out come from.")
    scope: Scope | None = Field(None, description="How narrow grants are.")
    mediation: Share | None = Field(
        None, description="Share of paths to a resource that pass the enforcement point."
    )
    inbound: Inbound | None = Field(
        None, description="Whose word an owner takes when the caller's org does not check."
    )
    approval: tuple[Literal["read", "write", "destructive"], ...] | None = Field(
        None, description="Effects that need a human's approval."
    )
    rate_per_minute: PositiveCount | None = Field(
        None, description="Calls an account may make; no limit if left out."
    )
    anchor_every: PositiveCount | None = Field(None, description="Blocks.")
    revocation_lag: Duration | None = Field(
        None, description="How long until who verifies signed capabilities hears of a revocation."
    )
    commit_delay: Duration | None = Field(
        None, description="An irreversible effect waits this long and can be called off."
    )
    fee: Fee | None = Field(None, description="Base units a transaction.")
    protocol: Protocol | None = Field(
        None, description="How validators agree; `sequencer` is an ideal that never fails."
    )
    unbound: tuple[Check, ...] | None = Field(
        None, description="Checks of the preset that do not bind here."
    )
    settlement: Settlement | None = Field(
        None, description="When the price of a signal reaches its seller."
    )
    window: PositiveDuration | None = Field(
        None, description="From a sale to the end of its dispute window."
    )
    offer: PositiveDuration | None = Field(None, description="How long a signal is for sale.")
    escrow_fee: Share | None = Field(None, description="Of a price that is paid out of escrow.")
    judges: Judges | None = Field(None, description="Who decides a complaint about a signal.")
    committee: Seats | None = Field(None, description="Seats in a dispute.")
    verdict: PositiveDuration | None = Field(None, description="How long they may take.")
    bond: Price | None = Field(
        None, description="Base units at risk of who publishes and of who challenges."
    )
    audit: Share | None = Field(None, description="Of the signals, those that an auditor checks.")
    slashing: Slashing | None = Field(None, description="What a proven fraud costs.")
    slash_rate: Share | None = Field(None, description="Of the stake.")
    slash_fixed: Price | None = Field(None, description="Base units, under `slashing: fixed`.")
    slash_harm: Share | None = Field(
        None, description="Of the harm on record, under `slashing: harm`."
    )
    stake_min: Price | None = Field(None, description="Base units a caller or seller has bonded.")
    reputation: Name | None = Field(
        None, description="Rule that turns ratings into scores for all to see."
    )
    rating_weight: Weighting | None = Field(None, description="What a rating weighs.")
    epoch: PositiveDuration | None = Field(
        None, description="Between two computations of scores that need all ratings."
    )
    reputation_min: Share | None = Field(None, description="Score a caller or seller must have.")
    newcomer: Share | None = Field(None, description="Score of who was never rated.")
    newcomer_price_max: Price | None = Field(
        None, description="Base units that such a seller may ask; no limit if left out."
    )
