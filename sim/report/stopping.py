"""Why a run ended after so many replications, in a sentence or two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.experiment.stopping import REPLICATIONS_FIRST, REPLICATIONS_STEP

if TYPE_CHECKING:
    from sim.experiment.stopping import Stop


def write_stopping(stop: Stop) -> str:
    """The rule, where it led, and what is still wide if that is as far as it may go."""
    rule = (
        f"Stopping rule: {REPLICATIONS_FIRST} replications, then {REPLICATIONS_STEP} more until "
        f"half of each primary outcome's interval is at most {_write_width(stop)}, "
        f"or n = {stop.n_max}."
    )
    if not stop.wide:
        return f"{rule} Met at n = {stop.n}."
    shown = ", ".join(stop.wide[:3])
    more = f" and {len(stop.wide) - 3} more" if len(stop.wide) > 3 else ""
    return f"{rule} Not met at n = {stop.n}; still wider: {shown}{more}."


def _write_width(stop: Stop) -> str:
    parts = []
    if stop.until.rel:
        parts.append(f"{stop.until.rel:.3g} of its mean")
    if stop.until.abs:
        parts.append(f"{stop.until.abs:.3g} in its unit")
    return " or ".join(parts)
