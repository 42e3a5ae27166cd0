"""How outcomes are listed: as shares, ratios, amounts and quantiles, and where they apply."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.metrics.base import (
    OBSERVATIONS_MIN,
    Facts,
    Form,
    Outcome,
    Value,
    create_finish_quantile,
    create_finish_where,
    finish_count,
    finish_pair,
)
from sim.metrics.market import create_finish, create_keep
from sim.metrics.ordering import finish_only

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.metrics.base import Chunk, Sums
    from sim.metrics.market import Kept

    Update = Callable[[Chunk], Sums]
    Finish = Callable[[list[Sums], Facts], Value]
    Applies = Callable[[Facts], bool]


def keeps_log(facts: Facts) -> bool:
    """Whether it has a log at all: a bound has none."""
    return not facts.is_bound


def checks_signatures(facts: Facts) -> bool:
    """Whether it declares that forgeries are refused."""
    return facts.checks_signatures


def requires_approval(facts: Facts) -> bool:
    """Whether some calls need a human."""
    return facts.requires_approval


def anchors(facts: Facts) -> bool:
    """Whether its log is committed to elsewhere."""
    return facts.anchors


def has_validators(facts: Facts) -> bool:
    """Whether validators that can fail order anything for it."""
    return facts.has_validators


def slashes(facts: Facts) -> bool:
    """Whether sellers can lose stake."""
    return facts.slashes


def slashes_anybody(facts: Facts) -> bool:
    """Whether sellers or validators can lose stake."""
    return facts.slashes or facts.has_validators


def shares_scores(facts: Facts) -> bool:
    """Whether ratings of one buyer reach the others."""
    return facts.shares_scores


def settles_disputes(facts: Facts) -> bool:
    """Whether a signal can be disputed."""
    return facts.settles_disputes


def always(facts: Facts) -> bool:
    """Whatever the policy."""
    return True


def create_rate(
    metric: str,
    name: str,
    meaning: str,
    update: Update,
    *,
    direction: str = "down",
    applies: Applies = always,
) -> Outcome:
    """A share in 0..1: sum of numerators over sum of denominators."""
    finish = create_finish_where(applies, finish_pair)
    return Outcome(metric, name, "share", direction, Form.RATE, meaning, update, finish)


def create_ratio(
    metric: str,
    name: str,
    unit: str,
    meaning: str,
    update: Update,
    applies: Applies = always,
) -> Outcome:
    """A ratio without an upper limit, smaller is better."""
    finish = create_finish_where(applies, finish_pair)
    return Outcome(metric, name, unit, "down", Form.RATIO, meaning, update, finish)


def create_amount(
    metric: str, name: str, unit: str, meaning: str, update: Update, applies: Applies = always
) -> Outcome:
    """An amount of each replication, smaller is better."""
    finish = create_finish_where(applies, finish_count)
    return Outcome(metric, name, unit, "down", Form.MEAN, meaning, update, finish)


def create_only(
    metric: str,
    name: str,
    unit: str,
    meaning: str,
    update: Update,
    finish: Finish = finish_only,
) -> Outcome:
    """One value of each replication, of its validators; smaller is better."""
    finish = create_finish_where(has_validators, finish)
    return Outcome(metric, name, unit, "down", Form.QUANTILE, meaning, update, finish)


def create_quantile(
    metric: str,
    name: str,
    meaning: str,
    update: Update,
    share: float,
    applies: Applies = always,
) -> Outcome:
    """Seconds that a share of observations does not exceed; needs 5 beyond it on average."""
    finish = create_finish_quantile(share, OBSERVATIONS_MIN[share])
    finish = create_finish_where(applies, finish)
    return Outcome(metric, name, "s", "down", Form.QUANTILE, meaning, update, finish)


def create_market(
    metric: str,
    name: str,
    unit: str,
    direction: str,
    form: Form,
    meaning: str,
    tables: tuple[str, ...],
    compute: Callable[[Kept], Value],
    applies: Applies = always,
) -> Outcome:
    """An outcome over all rows of some tables of a market; without a market it does not apply."""
    finish = create_finish_where(applies, create_finish(compute))
    return Outcome(metric, name, unit, direction, form, meaning, create_keep(*tables), finish)
