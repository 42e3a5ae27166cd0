"""The `sweep` of a scenario file: which keys take which values, and how they are combined."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sim.scenario.literals import PositiveCount, Text, Written
from sim.scenario.strict import Strict

DesignName = Literal["grid", "latin_hypercube", "sobol", "morris"]


class Spread(Strict):
    """A range of numbers, shares or durations, both ends included."""

    low: Written = Field(alias="from")
    high: Written = Field(alias="to")
    scale: Literal["linear", "log"] = "linear"


class Sweep(Strict):
    """A design over values of this file. It changes nothing of the world itself."""

    design: DesignName = Field("grid", description="How values are combined.")
    points: PositiveCount | None = Field(
        None,
        description="grid: values of each range. latin_hypercube: points. sobol: base sample N, "
        "a power of two. morris: trajectories.",
    )
    factors: dict[Text, Annotated[tuple[Written, ...], Field(min_length=1)] | Spread] = Field(
        description="By dotted path, such as agents.snoop.count or policies.chain.fee."
    )
