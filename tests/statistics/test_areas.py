from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from sim.core.draws import Draws
from sim.core.purposes import Purpose
from sim.core.records import Ints
from sim.stats.areas import Placements, compute_area, compute_lead, compute_placements


def draw(case: int, n: int, limit: int, ordinal: int = 0) -> Ints:
    return Draws(case, "areas", 0).get_below(Purpose.ARRIVAL, ordinal, np.arange(n), limit)


def place(suspect: Ints, innocent: Ints) -> Placements:
    placed = compute_placements(suspect, innocent)
    assert placed is not None
    return placed


@pytest.mark.parametrize("case", range(20))
def test_an_area_is_the_share_of_pairs_in_order_ties_one_half(case: int) -> None:
    drawn = draw(case, 11, 5)
    placed = place(drawn[:7], drawn[7:])
    pairs = [(b > a) + (a == b) / 2 for a, b in product(drawn[:7].tolist(), drawn[7:].tolist())]
    assert compute_area(placed) == pytest.approx(sum(pairs) / len(pairs))
    assert placed.innocent.mean() == pytest.approx(placed.suspect.mean())


def test_without_one_of_the_kinds_there_is_no_area() -> None:
    some, none = np.array([1]), np.array([], dtype=np.int64)
    assert compute_area(compute_placements(some, none)) is None
    assert compute_area(compute_placements(none, some)) is None


def test_order_beyond_what_a_float_can_tell_apart_counts() -> None:
    assert compute_area(place(np.array([2**62]), np.array([2**62 + 1]))) == 1.0


def test_a_lead_by_hand() -> None:
    # suspect 1, 3 and innocent 2, 4: three of four pairs in order; reversed, one of four
    treatment = place(np.array([1, 3]), np.array([2, 4]))
    baseline = place(np.array([3, 4]), np.array([1, 2]))
    lead = compute_lead(treatment, baseline)
    assert lead is not None
    assert lead.difference == 0.75
    # placements differ by (1, .5) and by (.5, 1): variance .125 / 2 twice
    assert lead.margin == pytest.approx(1.96 * 0.125**0.5, rel=1e-4)


def test_nobody_leads_himself_and_one_user_has_no_variance() -> None:
    placed = place(np.array([1, 3]), np.array([2, 4]))
    assert compute_lead(placed, placed) == (0.0, 0.0)
    alone = place(np.array([1]), np.array([2, 4]))
    assert compute_lead(alone, alone) is None


def test_areas_over_different_users_are_not_compared() -> None:
    with pytest.raises(ValueError, match="the same users"):
        compute_lead(place(np.array([1]), np.array([2, 4])), place(np.arange(3), np.arange(2)))


def test_the_interval_of_no_lead_holds_zero_as_often_as_it_says() -> None:
    """Two noisy views of one truth, equally good: 95 % of 600 intervals, within four errors."""
    held, n_cases = 0, 600
    for case in range(n_cases):
        truth, first, second = (draw(case, 120, 1_000, ordinal) for ordinal in (1, 2, 3))
        truth[60:] += 300
        views = [place((truth + noise)[:60], (truth + noise)[60:]) for noise in (first, second)]
        lead = compute_lead(*views)
        assert lead is not None
        held += abs(lead.difference) <= lead.margin
    assert abs(held / n_cases - 0.95) <= 4 * (0.95 * 0.05 / n_cases) ** 0.5
