"""Small made-up networks of ratings for the tests of reputation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from sim.experiment.conformance.ratings import Row, create_ratings, create_view, permute_view
from sim.importers.ratings import RatingNetwork

__all__ = ["Row", "create_network", "create_ratings", "create_view", "permute_view"]


def create_network(
    edges: Iterable[tuple[str, str, int]], extra: Sequence[str] = ()
) -> RatingNetwork:
    """A recorded network of whole ratings, one second apart, in the order given."""
    rows = list(edges)
    users = sorted({name for source, target, _ in rows for name in (source, target)} | set(extra))
    index = {name: number for number, name in enumerate(users)}
    columns = np.array(
        [(index[source], index[target], rating * 10**6) for source, target, rating in rows],
        dtype=np.int64,
    )
    time_us = np.arange(len(rows), dtype=np.int64) * 10**6
    return RatingNetwork("made.csv", tuple(users), *columns.T.copy(), time_us)
