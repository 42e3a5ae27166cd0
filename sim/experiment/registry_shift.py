"""How far one hostile record moves an agent's score in an open registry: published, and here.

The published figures are of a registry whose records are not part of any file at hand; the order
of the rules is what carries over to another network, not the percentages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.policies.reputation.base import Ratings, count_by
from sim.policies.reputation.erc8004 import summarise_records
from sim.policies.reputation.registry import load_reputation_rules

if TYPE_CHECKING:
    from sim.core.records import Ints
    from sim.policies.reputation.base import View

RECORDS_MIN = 3  # live records of an agent that is counted
HOSTILE_VALUE = 2**127 - 1  # largest value a record can hold
HELD_VALUE = 2**62  # the same to a rule that clamps
PPM_DECIMALS = 4  # a score of 0..100 in parts per million of 100
DEPLOYED = "erc8004_mean"

# Share of agents whose score one appended record moves by at least half, in percent. Source: Joya
# Biswas, ERC-8004 reputation study, 2026, aggregation rules R0 to R5, registry on Base.
PUBLISHED_PERCENT = {
    DEPLOYED: 100.0,
    "per tag": 100.0,  # needs the tags of the records
    "erc8004_clamped": 20.23,
    "erc8004_median": 15.06,
    "erc8004_one_per_rater": 25.14,
    "trimmed mean": 28.17,  # no rule of ours
}


class Shift(NamedTuple):
    """One rule's figure: as published, and on the network given where it can be computed."""

    rule: str
    published_percent: float
    agents: int | None  # with enough records, and known to the rule
    moved_percent: float | None


def compute_shifts(view: View) -> list[Shift]:
    """Figures of every published rule, recomputed on a network read as records.

    Definition: over agents with at least three live records, append one record with the value
    2**127 - 1 by a rater of its own; count those with |after - before| / |before| >= 1/2, where
    a score of 0 before counts as moved.
    """
    shifts = []
    for name, published in PUBLISHED_PERCENT.items():
        moved = find_moved(view, name)
        percent = 100 * float(moved.mean()) if moved is not None and len(moved) else None
        shifts.append(Shift(name, published, None if moved is None else len(moved), percent))
    return shifts


def find_moved(view: View, name: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]] | None:
    """Whether each agent that counts is moved by half; None for a rule that is not ours."""
    rules = load_reputation_rules()
    if name not in rules:
        return None
    agents = np.flatnonzero(count_by(view.ratings.ratee, view.n_accounts) >= RECORDS_MIN)
    if name == DEPLOYED:
        order = np.argsort(view.ratings.ratee, kind="stable")
        ends = np.searchsorted(view.ratings.ratee[order], agents, side="right")
        starts = np.searchsorted(view.ratings.ratee[order], agents, side="left")
        values = view.ratings.value[order].tolist()
        groups = [values[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
        return np.array([_is_moved_deployed(group) for group in groups], dtype=np.bool_)
    rule = rules[name]()
    before = rule.compute(view)
    after = rule.compute(append_records(view, agents))
    agents = agents[before.known[agents]]
    change = np.abs(after.raw[agents] - before.raw[agents])
    moved: np.ndarray[tuple[int], np.dtype[np.bool_]] = 2 * change >= np.abs(before.raw[agents])
    return moved


def append_records(view: View, agents: Ints) -> View:
    """The network with one more record about each of some agents, by a rater new to all."""
    n_new = len(agents)
    stranger = np.full(n_new, view.n_accounts, dtype=np.int64)
    last = int(view.ratings.height.max(initial=0))
    added = Ratings(
        stranger,
        agents,
        np.full(n_new, HELD_VALUE, dtype=np.int64),
        np.full(n_new, 1_000_000, dtype=np.int64),
        np.full(n_new, last + 1, dtype=np.int64),
    )
    columns = [np.concatenate(pair) for pair in zip(view.ratings, added, strict=True)]
    before_ppm = np.append(view.before_ppm, view.newcomer_ppm)
    return view._replace(
        ratings=Ratings(*columns), n_accounts=view.n_accounts + 1, before_ppm=before_ppm
    )


def _is_moved_deployed(values: list[int]) -> bool:
    """In whole numbers of any size: no int64 holds the hostile value."""
    records = [(value, PPM_DECIMALS) for value in values]
    _, before, _ = summarise_records(records)
    _, after, _ = summarise_records([*records, (HOSTILE_VALUE, PPM_DECIMALS)])
    return 2 * abs(after - before) >= abs(before)
