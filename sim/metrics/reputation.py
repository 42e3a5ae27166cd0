"""What outcomes of reputation add up: whether scores tell cheats, how soon, and at whose cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.market import Role
from sim.core.units import PPM, US_PER_S
from sim.metrics.base import NullReason, Value, compute_quantile
from sim.metrics.market import Kept, count, create_value, is_offender, look_up

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.records import Ints, Records
    from sim.metrics.base import Flags, Sums

NEUTRAL_PPM = PPM // 2  # where nobody has rated a seller, its plain mean rating stands here


def count_pairs(kept: Kept) -> Value:
    """Pairs of a clean seller and a cheat in which the clean one scores higher; all such pairs.

    Scores and frauds as they were when scores were last published; ties count half.
    """
    scores = _get_last_scores(kept)
    return _compare(scores["score_ppm"], scores)


def count_pairs_by_mean(kept: Kept) -> Value:
    """The same pairs by the plain mean of ratings, where unrated sellers stand in the middle."""
    scores = _get_last_scores(kept)
    means = [_get_mean_rating(kept, row["trader"], row["time_us"]) for row in scores]
    return _compare(np.array(means, dtype=np.float64), scores)


def _get_last_scores(kept: Kept) -> Records:
    scores = kept.market.scores
    last: Records = scores[scores["time_us"] == scores["time_us"].max(initial=-1)]
    return last


def _get_mean_rating(kept: Kept, seller: int, time_us: int) -> float:
    """Plain mean of what buyers up to then said of a seller."""
    sales = kept.market.sales
    rated = (sales["seller"] == seller) & (sales["value"] >= 0) & (sales["bought_us"] <= time_us)
    return float(sales["value"][rated].mean()) if rated.any() else float(NEUTRAL_PPM)


def _compare(points: Ints | Sums, scores: Records) -> Value:
    cheats = scores["n_frauds"] > 0
    clean, guilty = points[~cheats, None], points[cheats]
    higher = count(clean > guilty) + count(clean == guilty) / 2
    return create_value(higher, clean.size * guilty.size)


def sum_squared_errors(kept: Kept) -> Value:
    """Squared distance of the score a buyer knew from what came (1 sound, 0 not), such sales."""
    sales = kept.market.sales[kept.market.sales["known"] == 1]
    errors = sales["score_ppm"] / PPM - (1 - sales["fraudulent"])
    return create_value(float((errors * errors).sum()), len(sales))


def count_sound(kept: Kept) -> Value:
    """Sound signals among the sales by sellers of known score, such sales."""
    sales = kept.market.sales[kept.market.sales["known"] == 1]
    return create_value(count(sales["fraudulent"] == 0), len(sales))


def _find_demotion(kept: Kept, offender: int, since_us: int) -> Records:
    """First scores of an offender below the limit, at or after its first fraud; one row or none."""
    scores = kept.market.scores
    low = (scores["trader"] == offender) & (scores["score_ppm"] < kept.market.demotion_ppm)
    low &= scores["time_us"] >= since_us
    found = scores[low]
    first: Records = found[np.argsort(found["time_us"], kind="stable")[:1]]
    return first


def _get_offenders(kept: Kept) -> Records:
    offenders: Records = kept.market.traders[is_offender(kept.market.traders)]
    return offenders


def find_demotion_s(kept: Kept) -> Value:
    """Median over offenders of the seconds from their first fraud to a score below the limit.

    Who never gets there, or takes another name before, never was demoted. All offenders are
    seen, so one is enough.
    """
    took_s = []
    for row in _get_offenders(kept):
        demoted = _find_demotion(kept, row["trader"], row["first_fraud_us"])
        took_us = demoted["time_us"][0] - row["first_fraud_us"] if len(demoted) else np.inf
        took_s.append(took_us / US_PER_S)
    if not took_s:
        return create_value(0.0, 0.0)
    return compute_quantile(np.array(took_s), 0.5, 1)


def count_frauds_before_demotion(kept: Kept) -> Value:
    """Fraudulent signals that offenders sold until they were demoted, offenders.

    Of those that never were, all that they sold.
    """
    offenders, n_frauds = _get_offenders(kept), 0
    for row in offenders:
        demoted = _find_demotion(kept, row["trader"], row["first_fraud_us"])
        n_frauds += int(demoted["n_frauds"][0] if len(demoted) else row["n_frauds"])
    return create_value(n_frauds, len(offenders))


def sum_newcomers(kept: Kept) -> Value:
    """Sales of honest newcomers in their first time, what an incumbent sold in the same spans."""
    traders = kept.market.traders
    honest = traders[_is_honest_seller(traders) & ~is_offender(traders)]
    newcomers = honest[honest["joined_us"] > 0]
    newcomers = newcomers[newcomers["joined_us"] + kept.market.parity_us <= kept.horizon_us]
    incumbents = honest["trader"][honest["joined_us"] <= 0]
    if not len(incumbents):
        return create_value(0.0, 0.0)
    sales = kept.market.sales
    by_incumbent = np.isin(sales["seller"], incumbents)
    n_new, n_old = 0.0, 0.0
    for row in newcomers:
        in_span = sales["bought_us"] >= row["joined_us"]
        in_span &= sales["bought_us"] < row["joined_us"] + kept.market.parity_us
        n_new += count(in_span & (sales["seller"] == row["trader"]))
        n_old += count(in_span & by_incumbent)
    return create_value(n_new, n_old / len(incumbents), len(newcomers))


def _is_honest_seller(traders: Records) -> Flags:
    flags: Flags = (traders["role"] == int(Role.SELLER)) & (traders["is_adversary"] == 0)
    return flags


def compute_inflation(kept: Kept) -> Value:
    """How far scores of adversaries lie above what they sold, less the same of honest sellers.

    From 0 to 1, at the last scores; what a seller sold is the share of sound signals among
    those of its own that were sold. Null unless sellers of both kinds sold and have a score.
    """
    scores = _get_last_scores(kept)
    qualities = np.array([_get_quality(kept, seller) for seller in scores["trader"]])
    is_adversary = look_up(kept.market.traders, "trader", "is_adversary", scores["trader"])
    excess = scores["score_ppm"] / PPM - qualities
    has_sold = qualities >= 0
    ring, honest = excess[has_sold & (is_adversary == 1)], excess[has_sold & (is_adversary == 0)]
    if not len(ring) or not len(honest):
        return Value(0.0, 0.0, 0, NullReason.NO_DENOMINATOR)
    return Value(float(ring.mean() - honest.mean()), 1.0, len(ring) + len(honest))


def _get_quality(kept: Kept, seller: int) -> float:
    """Share of sound signals among those a seller sold; -1 if it sold none."""
    signals = kept.market.signals
    sold = signals[(signals["seller"] == seller) & (signals["n_sales"] > 0)]
    sound: NDArray[np.bool_] = sold["fraudulent"] == 0
    return float(sound.mean()) if len(sold) else -1.0
