"""What is sold in a scenario, and the people and habits of its market."""

from __future__ import annotations

from pydantic import Field

from sim.scenario.literals import Amount, PositiveDuration, Seats, Share
from sim.scenario.strict import Strict


class SignalType(Strict):
    """A kind of signal that is sold, and what comes of acting on it: the same for all policies."""

    worth: Amount = Field(0, description="Value won by a buyer who acts on a sound one.")
    harm: Amount = Field(0, description="Value lost by a buyer who acts on a fraudulent one.")
    detection: Share = Field(
        800_000, description="Chance that the buyer of a fraudulent one finds out."
    )
    false_alarm: Share = Field(0, description="Chance that it takes a sound one for fraudulent.")
    detection_time: PositiveDuration = Field(
        5_000_000, description="Mean time from the sale until it does."
    )
    verifiable: bool = Field(
        False, description="It carries a proof: signed source data, which a dispute can check."
    )


class Market(Strict):
    """The people and habits of the market: the same under every policy."""

    choices: Seats = Field(4, description="Sellers that a buyer compares before it buys.")
    judgement: PositiveDuration = Field(
        3_000_000, description="Mean time of a judge to look into a dispute."
    )
    judge_error: Share = Field(50_000, description="Chance that a judge sees it wrong.")
    recovery: Share = Field(
        300_000, description="Chance that a seller's honest operator upholds a true complaint."
    )
    third_party_failure: Share = Field(
        0, description="Chance that whoever keeps the escrow runs away with it, some time."
    )
    demotion: Share = Field(400_000, description="Score below which an account counts as demoted.")
    parity: PositiveDuration = Field(
        30_000_000, description="How long after joining an account counts as a newcomer."
    )
