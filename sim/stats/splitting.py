"""Chances too small to wait for: fixed-effort multilevel splitting.

A path is followed level by level. At each level a fixed number of copies starts from the states
in which the level was first reached; the share that reaches the next one is a factor of the
chance. What can be copied and how far it has come is for a `Process` to say.
Source: Garvels 2000, The Splitting Method in Rare Event Simulation; the product of the shares is
unbiased.
"""

from __future__ import annotations

from math import ceil, prod
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

import numpy as np

from sim.core.draws import Draws
from sim.core.purposes import Purpose
from sim.stats.intervals import Interval, compute_clopper_pearson, compute_mean_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

S = TypeVar("S")

HITS_MIN = 10  # copies a run should bring through each level
RUNS_MIN = 2  # of which a spread can be taken
PRECISION, Z_95 = 0.1, 1.96  # what crude Monte Carlo is compared at: +-10 % at 95 %


class Process(Protocol[S]):
    """Something that goes on step by step, can be copied, and has come so far or not."""

    def create(self) -> S:
        """A state at the beginning."""

    def copy(self, state: S) -> S:
        """The same state, to go on from by itself."""

    def advance(self, state: S, draws: Draws) -> S:
        """One step on. What it draws is named by what it is for, as everywhere."""

    def get_level(self, state: S) -> int:
        """How far it has come, from 0; a step leads up by one at most, and never two."""

    def is_over(self, state: S) -> bool:
        """Whether nothing more can happen."""


class Run(NamedTuple):
    """One run through all levels."""

    hits: tuple[int, ...]  # copies that reached each level, up to the first that none reached
    n_steps: int

    def compute_chance(self, trials: int) -> float:
        """Product of the shares; a 0 is no estimate by itself, only in a mean over runs."""
        return prod(hit / trials for hit in self.hits)


class Rarity(NamedTuple, Generic[S]):
    """The chance of a rare event over independent runs."""

    runs: tuple[Run, ...]
    levels: int
    trials: int  # copies at each level of each run
    interval: Interval | None  # of the mean over runs; None if no run reached the last level
    bound: float | None  # one-sided 95 % upper bound instead, taking copies for independent
    shares: tuple[float, ...]  # that reached each level from the one before, over all runs

    @property
    def is_starved(self) -> bool:
        """Whether so few copies pass a level that runs of nothing make the interval too narrow."""
        return min(self.shares) * self.trials < HITS_MIN

    @property
    def n_steps(self) -> int:
        """Steps of all runs."""
        return sum(run.n_steps for run in self.runs)


def estimate_chance(
    process: Process[S], levels: int, trials: int, n_runs: int, seed: int, stream: str
) -> Rarity[S]:
    """Chance that a process reaches its last level before it is over.

    Units:  levels from 1, trials from 1 at each of them, n_runs from 2; seed as everywhere.
    Return: the mean over runs with its t interval, whose lower limit is at least 0. If no run
            reached the last level, no interval but a bound above 0.
    Errors: ValueError if a number is out of range.
    """
    if levels < 1 or trials < 1 or n_runs < RUNS_MIN:
        raise ValueError(f"expected levels and trials from 1, runs from {RUNS_MIN}")
    runs = tuple(split(process, levels, trials, seed, stream, run) for run in range(n_runs))
    chances = [run.compute_chance(trials) for run in runs]
    hits = [
        sum(run.hits[level] for run in runs if level < len(run.hits)) for level in range(levels)
    ]
    tried = [trials * sum(1 for run in runs if level < len(run.hits)) for level in range(levels)]
    shares = tuple(hit / n if n else 0.0 for hit, n in zip(hits, tried, strict=True))
    if not any(chances):
        return Rarity(runs, levels, trials, None, compute_bound(hits, tried), shares)
    interval = compute_mean_interval(chances)
    if interval is not None and interval.low is not None:
        interval = interval._replace(low=max(0.0, interval.low))
    return Rarity(runs, levels, trials, interval, None, shares)


def split(process: Process[S], levels: int, trials: int, seed: int, stream: str, run: int) -> Run:
    """One run: from level to level with a fixed number of copies, until none comes further.

    Draws after a split carry the level and the branch in their key, so that copies part.
    """
    entries, hits, n_steps = [process.create()], [], 0
    for level in range(1, levels + 1):
        chooser = Draws(seed, f"{stream} split {level}", run)
        chosen = chooser.get_below(Purpose.SPLIT, np.arange(trials), level, len(entries))
        reached = []
        for branch, entry in enumerate(chosen):
            draws = Draws(seed, f"{stream} split {level} {branch}", run)
            state = process.copy(entries[entry])
            while process.get_level(state) < level and not process.is_over(state):
                state = process.advance(state, draws)
                n_steps += 1
            if process.get_level(state) >= level:
                reached.append(state)
        hits.append(len(reached))
        if not reached:
            break
        entries = reached
    return Run(tuple(hits), n_steps)


def compute_bound(hits: Sequence[int], tried: Sequence[int], level: float = 0.95) -> float:
    """One-sided upper bound on a product of shares: each bounded at its part of the error.

    Copies of one level are taken for independent, which they are only given where they began; a
    level that was never tried is bounded by 1.
    Source: Clopper and Pearson 1934; Bonferroni over levels.
    """
    part = (1.0 - level) / len(hits)
    uppers = [
        compute_clopper_pearson(hit, n, 1.0 - 2.0 * part).high if n else 1.0
        for hit, n in zip(hits, tried, strict=True)
    ]
    return prod(1.0 if upper is None else upper for upper in uppers)


def compute_crude_replications(chance: float) -> int:
    """Replications that plain Monte Carlo needs for +-10 % at 95 %; the chance in (0, 1].

    Source: the normal interval of a proportion, (1.96 / 0.1)^2 (1 - p) / p.
    """
    if not 0.0 < chance <= 1.0:
        raise ValueError(f"expected a chance in (0, 1], found {chance}")
    return ceil((Z_95 / PRECISION) ** 2 * (1.0 - chance) / chance)
