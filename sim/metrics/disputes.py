"""What outcomes of disputes add up: who is found out, who is hurt, who is repaid, and how soon."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.market import SignalState, Verdict
from sim.core.units import US_PER_S
from sim.metrics.base import (
    OBSERVATIONS_MIN,
    Chunk,
    Facts,
    Value,
    compute_quantile,
    create_pair,
    finish_pair,
)
from sim.metrics.market import (
    Kept,
    count,
    create_amount,
    create_keep,
    create_value,
    get_fraud_loss,
    get_wealth_gains,
    is_offender,
    look_up,
    merge,
)
from sim.metrics.ordering import count_slashed, sum_slashed_wrongly

if TYPE_CHECKING:
    from sim.core.records import Records
    from sim.metrics.base import Flags, Sums

_keep_offences = create_keep("signals", "disputes")


def count_attributions(kept: Kept) -> Value:
    """Flags on fraudulent signals that name who is really behind, flags on fraudulent signals.

    A puppet, or a name taken after the first was ruined, is the wrong name.
    """
    accused = kept.market.disputes["accused"][kept.market.disputes["fraudulent"] == 1]
    controller = look_up(kept.market.traders, "trader", "controller", accused, -2)
    return create_value(count(controller == accused), len(accused))


def count_falsely_accused(kept: Kept) -> Value:
    """Clean traders convicted at least once of a fraud that was none, clean traders."""
    clean = kept.market.traders[~is_offender(kept.market.traders)]
    return create_value(count(clean["n_wrong"] > 0), len(clean))


def sum_wrongful(chunk: Chunk) -> Sums:
    """Stake taken for what was no offence, stake taken: from validators and from sellers."""
    disputes = chunk.market.disputes
    wrongful = disputes["slashed"][disputes["fraudulent"] == 0].sum()
    market = create_pair(float(wrongful), float(disputes["slashed"].sum()))
    return sum_slashed_wrongly(chunk) + market


def keep_offences(chunk: Chunk) -> Sums:
    """Validators slashed and provably guilty, then the rows of signals and disputes."""
    return np.concatenate([count_slashed(chunk), _keep_offences(chunk)])


def finish_recall(parts: list[Sums], facts: Facts) -> Value:
    """Offences slashed, provable offences: of validators, and of sellers that can be slashed."""
    pairs = [part[:2] for part in parts]
    kept = merge([part[2:] for part in parts])
    if kept is not None and facts.slashes:
        pairs.append(_count_offences(kept))
    return finish_pair(pairs, facts)


def _count_offences(kept: Kept) -> Sums:
    """Fraudulent signals whose seller lost stake for it, those sold whose window is over."""
    signals, disputes = kept.market.signals, kept.market.disputes
    provable = (signals["fraudulent"] == 1) & (signals["n_sales"] > 0)
    provable &= signals["closes_us"] <= kept.horizon_us
    slashed = np.isin(signals["signal"], disputes["signal"][disputes["slashed"] > 0])
    return create_pair(count(provable & slashed), count(provable))


def sum_restored(kept: Kept) -> Value:
    """Slashed for fraud and paid to buyers, loss of clean buyers on fraud.

    The loss is that of `fraud_loss_rate`: prices paid and harm, and no refund is taken off.
    """
    disputes = kept.market.disputes
    restored = disputes["restored"][disputes["fraudulent"] == 1].sum()
    n_frauds = int(count(kept.market.sales["fraudulent"] == 1))
    return create_value(float(restored), get_fraud_loss(kept), n_frauds)


def _get_attackers(traders: Records) -> Records:
    """Every identity of every controller with an adversary among them."""
    controllers = traders["controller"][traders["is_adversary"] == 1]
    attackers: Records = traders[np.isin(traders["controller"], controllers)]
    return attackers


def sum_return(kept: Kept) -> Value:
    """What attackers won over all their identities, what they brought in."""
    attackers = _get_attackers(kept.market.traders)
    capital = attackers["wealth_start"].sum() + attackers["capital_added"].sum()
    n_controllers = len(np.unique(attackers["controller"]))
    return create_value(float(get_wealth_gains(attackers).sum()), float(capital), n_controllers)


def sum_payoff(kept: Kept) -> Value:
    """What attackers won over all their identities; null without an attacker."""
    attackers = _get_attackers(kept.market.traders)
    if not len(attackers):
        return create_value(0.0, 0.0)
    return create_amount(float(get_wealth_gains(attackers).sum()))


def get_stake_of_attackers(traders: Records) -> int:
    """What attackers start with, over all their identities, in base units."""
    return int(_get_attackers(traders)["wealth_start"].sum())


def count_correct(kept: Kept) -> Value:
    """Disputes decided as the signal deserves, disputes decided."""
    disputes = kept.market.disputes
    fraudulent = disputes["fraudulent"] == 1
    upheld = disputes["verdict"] == int(Verdict.UPHELD)
    rejected = disputes["verdict"] == int(Verdict.REJECTED)
    right = (upheld & fraudulent) | (rejected & ~fraudulent)
    return create_value(count(right), count(upheld | rejected))


def count_unchallenged(kept: Kept) -> Value:
    """Fraudulent signals sold that closed as if sound, those that are closed or found out."""
    signals = kept.market.signals
    frauds = signals[(signals["fraudulent"] == 1) & (signals["n_sales"] > 0)]
    closed = frauds["state"] == int(SignalState.CLOSED)
    return create_value(count(closed), count(closed | _is_found_out(frauds)))


def _is_found_out(signals: Records) -> Flags:
    flags: Flags = signals["state"] == int(SignalState.FRAUDULENT)
    return flags


def _get_resolution_s(kept: Kept) -> Sums:
    """Seconds from opening to the end of every dispute; infinite while open."""
    disputes = kept.market.disputes
    took_s = (disputes["decided_us"] - disputes["opened_us"]) / US_PER_S
    return np.where(disputes["verdict"] == int(Verdict.OPEN), np.inf, took_s)


def find_resolution_p50_s(kept: Kept) -> Value:
    """Seconds that half of the disputes did not exceed."""
    return compute_quantile(_get_resolution_s(kept), 0.5, OBSERVATIONS_MIN[0.5])


def find_resolution_p95_s(kept: Kept) -> Value:
    """Seconds that 95 in 100 disputes did not exceed."""
    return compute_quantile(_get_resolution_s(kept), 0.95, OBSERVATIONS_MIN[0.95])


def sum_locked(kept: Kept) -> Value:
    """Bonds of disputes times the seconds they were locked, prices of all sales."""
    disputes, volume = kept.market.disputes, kept.market.sales["price"].sum()
    is_open = disputes["verdict"] == int(Verdict.OPEN)
    until_us = np.where(is_open, kept.horizon_us, disputes["decided_us"])
    locked = (disputes["bond"] * (until_us - disputes["opened_us"])).sum() / US_PER_S
    return create_value(float(locked), float(volume), len(disputes))


def count_examined(kept: Kept) -> Value:
    """Signals sold that somebody examined, signals sold."""
    signals = kept.market.signals
    sold = signals["n_sales"] > 0
    return create_value(count(sold & (signals["n_examined"] > 0)), count(sold))
