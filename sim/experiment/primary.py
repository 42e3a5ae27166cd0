"""The outcomes a scenario names before it runs: whether there are such."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.core.errors import InputError, find_nearest
from sim.metrics.outcomes import get_outcomes
from sim.scenario.notes import find_position

if TYPE_CHECKING:
    from sim.scenario.load import LoadedScenario


def check_primary(loaded: LoadedScenario) -> None:
    """Refuse a primary outcome that does not exist, or is named twice.

    Errors: InputError with its position, and the nearest name.
    """
    known = get_outcomes()
    for index, name in enumerate(loaded.scenario.primary):
        where = find_position(loaded.tree, ("primary", index))
        if name in loaded.scenario.primary[:index]:
            raise InputError(where, f"primary[{index}]", f"outcome {name!r} is named twice")
        if name not in known:
            problem = f"unknown outcome {name!r}"
            raise InputError(where, f"primary[{index}]", problem, find_nearest(name, known))
