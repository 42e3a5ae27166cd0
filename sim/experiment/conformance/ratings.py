"""Small networks of ratings, which a rule of reputation can be tried on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from sim.core.units import PPM
from sim.policies.reputation.base import Ratings, View

Row = Sequence[int]  # rater, ratee, value, weight_ppm (one by default)


def create_ratings(rows: Iterable[Row]) -> Ratings:
    """Ratings in the order given, one block apart."""
    full = [(*row, PPM)[:4] for row in rows]
    table = np.array(full, dtype=np.int64).reshape(-1, 4)
    columns: Any = [*(table[:, column].copy() for column in range(4)), np.arange(len(table))]
    return Ratings(*columns)


def create_view(
    rows: Iterable[Row],
    n_accounts: int,
    pretrusted: Sequence[int] = (),
    before_ppm: Sequence[int] | None = None,
    newcomer_ppm: int = 500_000,
) -> View:
    """What a rule sees; without `before_ppm`, everybody was a newcomer."""
    before = [newcomer_ppm] * n_accounts if before_ppm is None else before_ppm
    return View(
        create_ratings(rows),
        n_accounts,
        np.array(before, dtype=np.int64),
        np.array(pretrusted, dtype=np.int64),
        newcomer_ppm,
    )


def permute_view(view: View, new_index: np.ndarray[tuple[int], np.dtype[np.int64]]) -> View:
    """The same network with account i called new_index[i]."""
    before_ppm = np.empty_like(view.before_ppm)
    before_ppm[new_index] = view.before_ppm
    ratings = view.ratings._replace(
        rater=new_index[view.ratings.rater], ratee=new_index[view.ratings.ratee]
    )
    pretrusted = np.sort(new_index[view.pretrusted])
    return view._replace(ratings=ratings, before_ppm=before_ppm, pretrusted=pretrusted)
