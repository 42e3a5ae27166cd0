"""What a rare event brings with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from sim.stats.splitting import Process

S = TypeVar("S")


class Event(NamedTuple, Generic[S]):
    """A rare event in one world under one policy, ready to be estimated."""

    process: Process[S]
    n_levels: int
    exact: float  # 0 and 1 hold by construction: there is nothing to estimate
    headline: str  # what happens, in a sentence
    because: str  # why the chance is 0 or 1, if it is
    levels: str  # what a level is
    steps: str  # what a step is
    unit: str  # what plain Monte Carlo would repeat
    lines: list[str]  # what stands in between, and what is not covered
    facts: dict[str, Any]  # its numbers, for a document
