"""What outcomes of ordering add up: how often it was wrong, slow, wasteful or unfair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.units import US_PER_S
from sim.metrics.base import Chunk, Facts, NullReason, Value, create_pair, is_call, is_pending

if TYPE_CHECKING:
    from sim.core.records import Records
    from sim.metrics.base import Sums
    from sim.trace.ordering import Ordering

CENSORED_AFTER_S = 5  # a call that is not final by then counts as kept out


def count_conflicts(chunk: Chunk) -> Sums:
    """Pairs of honest validators with different blocks at one height."""
    honest = _get_honest_commits(chunk)
    pairs = 0
    for height in _find_forked_heights(honest):
        _, counts = np.unique(honest["block"][honest["height"] == height], return_counts=True)
        total = int(counts.sum())
        pairs += (total * total - int((counts * counts).sum())) // 2
    return np.array([float(pairs)])


def count_conflicting_transactions(chunk: Chunk) -> Sums:
    """Transactions that an honest validator took for final in a block another one never got."""
    honest = _get_honest_commits(chunk)
    total = 0
    for height in _find_forked_heights(honest):
        here = honest[honest["height"] == height]
        _, first = np.unique(here["block"], return_index=True)
        total += int(here["n_transactions"][np.sort(first)[1:]].sum())
    return np.array([float(total)])


def _get_honest_commits(chunk: Chunk) -> Records:
    commits = chunk.ordering.commits
    honest: Records = commits[commits["honest"] == 1]
    return honest


def _find_forked_heights(honest: Records) -> list[int]:
    """Heights at which honest validators committed more than one block."""
    pairs = np.unique(np.stack([honest["height"], honest["block"]]), axis=1)
    heights, counts = np.unique(pairs[0], return_counts=True)
    return [int(height) for height in heights[counts > 1]]


def count_wasted_views(chunk: Chunk) -> Sums:
    """Views whose block is never committed, views up to the last committed one."""
    committed = np.flatnonzero(chunk.ordering.views["committed_us"] >= 0)
    if not len(committed):
        return create_pair(0.0, 0.0)
    n_views = int(committed[-1]) + 1
    return create_pair(float(n_views - len(committed)), float(n_views))


def get_block_latencies_s(chunk: Chunk) -> Sums:
    """Seconds from the proposal of each committed block to its first commit."""
    views = chunk.ordering.views
    views = views[views["committed_us"] >= 0]
    latencies: Sums = (views["committed_us"] - views["proposed_us"]) / US_PER_S
    return latencies


def get_heal_s(chunk: Chunk) -> Sums:
    """Seconds from the end of the last fault until the honest are together again and go on.

    Empty if no fault ends before the horizon, infinite if it never comes to that.
    """
    heal_us = get_heal_us(chunk.ordering, chunk.horizon_us)
    if heal_us < 0:
        return np.zeros(0)
    healed_us = find_healed_us(chunk.ordering, heal_us)
    return np.array([np.inf if healed_us < 0 else (healed_us - heal_us) / US_PER_S])


def get_heal_views(chunk: Chunk) -> Sums:
    """Views that were proposed in that time."""
    heal_us = get_heal_us(chunk.ordering, chunk.horizon_us)
    if heal_us < 0:
        return np.zeros(0)
    healed_us = find_healed_us(chunk.ordering, heal_us)
    if healed_us < 0:
        return np.array([np.inf])
    views = chunk.ordering.views
    begun = views["view"][(views["proposed_us"] >= 0) & (views["proposed_us"] <= healed_us)]
    before = views["view"][(views["proposed_us"] >= 0) & (views["proposed_us"] <= heal_us)]
    return np.array([float(begun.max(initial=0) - before.max(initial=0))])


def get_heal_us(ordering: Ordering, horizon_us: int) -> int:
    """When the last fault that ends before the horizon ends; -1 without one."""
    ends = [fault.until_us for fault in ordering.faults if 0 <= fault.until_us < horizon_us]
    return max(ends, default=-1)


def find_healed_us(ordering: Ordering, heal_us: int) -> int:
    """First time after it at which all honest validators stand at one height, a new one; or -1."""
    honest = ordering.commits[ordering.commits["honest"] == 1]
    n_honest = ordering.n_validators - ordering.n_byzantine
    heights: dict[int, int] = {}
    highest_before = 0
    columns = (honest[name].tolist() for name in ("committed_us", "node", "height"))
    for at_us, node, height in zip(*columns, strict=True):
        heights[node] = height
        if at_us <= heal_us:
            highest_before = max(highest_before, height)
        elif height > highest_before and list(heights.values()) == [height] * n_honest:
            return int(at_us)
    return -1


def finish_only(parts: list[Sums], facts: Facts) -> Value:
    """The one value of a replication; null without one, or where it never came to that."""
    values = np.concatenate(parts) if parts else np.zeros(0)
    if not len(values):
        return Value(0.0, 0.0, 0, NullReason.NO_DENOMINATOR)
    if np.isinf(values[0]):
        return Value(0.0, 0.0, 1, NullReason.BEYOND_HORIZON)
    return Value(float(values[0]), 1.0, 1)


def count_censored(chunk: Chunk) -> Sums:
    """Calls of left-out agents that were not final in time, such calls that could have been."""
    waited_us, known = _get_waits_us(chunk)
    targeted = known & (chunk.truths["censored"] == 1)
    late = targeted & (waited_us > CENSORED_AFTER_S * US_PER_S)
    return create_pair(float(np.count_nonzero(late)), float(np.count_nonzero(targeted)))


def sum_waits_us(chunk: Chunk) -> Sums:
    """Waits of left-out agents and how many, waits of the others and how many.

    What is still pending counts with the wait so far.
    """
    waited_us, known = _get_waits_us(chunk)
    targeted = chunk.truths["censored"] == 1
    out, others = waited_us[known & targeted], waited_us[known & ~targeted]
    return np.array([out.sum(), len(out), others.sum(), len(others)], dtype=np.float64)


def finish_delay_s(parts: list[Sums], facts: Facts) -> Value:
    """Mean wait of left-out agents less that of the others; null where there are none of a kind."""
    out_us, n_out, others_us, n_others = np.sum(parts, axis=0)
    if not n_out or not n_others:
        return Value(0.0, 0.0, 0, NullReason.NO_DENOMINATOR)
    return Value(float(out_us / n_out - others_us / n_others) / US_PER_S, 1.0, 1)


def count_slashed(chunk: Chunk) -> Sums:
    """Validators that lost stake, validators that an honest one had proof against."""
    penalties = chunk.ordering.penalties
    return create_pair(float(penalties.n_slashed), float(penalties.n_accused))


def sum_slashed_wrongly(chunk: Chunk) -> Sums:
    """Stake taken from validators that had done nothing, stake taken from all."""
    penalties = chunk.ordering.penalties
    return create_pair(float(penalties.slashed_wrongly), float(penalties.slashed))


def count_jailed(chunk: Chunk) -> Sums:
    """Times a validator was jailed for its absence."""
    return np.array([float(chunk.ordering.penalties.n_jailed)])


def _get_waits_us(chunk: Chunk) -> tuple[Sums, Sums]:
    """How long each call waited, and which calls came early enough for the question."""
    submitted_us = chunk.receipts["submitted_us"]
    final_us = np.where(is_pending(chunk), chunk.horizon_us, chunk.truths["final_us"])
    in_time = submitted_us <= chunk.horizon_us - CENSORED_AFTER_S * US_PER_S
    known = is_call(chunk) & in_time & (chunk.truths["mediated"] == 1)
    return final_us - submitted_us, known
