"""What `sim compare` may choose of a finished run: its baseline, and what it is ranked by."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sim.core.errors import InputError, Position, find_nearest
from sim.experiment.comparison import compute_contrasts
from sim.metrics.outcomes import get_outcomes

if TYPE_CHECKING:
    from sim.experiment.run import RunResult


def choose_baseline(result: RunResult, baseline: str) -> RunResult:
    """The same run compared with another policy; with its own for an empty name.

    Errors: InputError for a policy it does not have, with the nearest name.
    """
    if not baseline or baseline == result.baseline:
        return result
    if baseline not in result.policies:
        nearest = find_nearest(baseline, result.policies)
        raise InputError(Position("--baseline"), baseline, "no such policy in the result", nearest)
    primary = result.loaded.scenario.primary
    contrasts = compute_contrasts(result.values, baseline, primary)
    return replace(result, baseline=baseline, contrasts=contrasts)


def choose_metric(result: RunResult) -> str:
    """First primary outcome of which small or large values are better.

    Errors: InputError if there is none.
    """
    for name in result.loaded.scenario.primary:
        if get_outcomes()[name].direction:
            return name
    raise InputError(Position("--metric"), "", "no primary outcome has a direction; name one")
