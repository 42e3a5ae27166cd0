"""Choosing the best arm: published formulas by number, and how often the choice is right."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from sim.stats.ranking import (
    Selection,
    compute_kn_factor,
    compute_kn_width,
    compute_ocba,
    compute_pareto_ranks,
    compute_selection_chance,
    select_best,
)


class TestRace:
    def test_the_factor_and_the_width_give_their_vectors(self) -> None:
        factor = compute_kn_factor(4)
        assert factor == pytest.approx(10.16424, abs=5e-6)
        assert compute_kn_width(factor, 4.0, 1.0, 10) == pytest.approx(1.53285, abs=5e-6)
        assert compute_kn_width(factor, 4.0, 1.0, 41) == 0.0

    def test_arms_far_behind_are_dropped_after_the_first_stage(self) -> None:
        noise = np.random.default_rng(1).normal(0.0, 1.0, (3, 40))  # noqa: TID251 (no replication)
        selection = select_best(noise + np.array([[0.0], [90.0], [50.0]]), 0.5)
        assert selection == Selection((1,), 10, 30)

    def test_equal_arms_are_left_together(self) -> None:
        noise = np.random.default_rng(1).normal(0.0, 1.0, 30)  # noqa: TID251 (no replication)
        assert select_best([noise, noise, noise - 9.0], 0.5) == Selection((0, 1), 30, 70)

    @pytest.mark.parametrize(("rho", "most_runs"), [(0.0, 135), (0.8, 50)])
    def test_the_choice_is_right_as_often_as_it_says(self, rho: float, most_runs: int) -> None:
        """Least favourable means, the best half a spread ahead; bar: three standard errors."""
        draws = np.random.default_rng(9)  # noqa: TID251 (samples for the statistics alone)
        n_races, right, runs = 300, 0, 0
        for _ in range(n_races):
            shared = draws.normal(0.0, 1.0, (1, 400))
            own = draws.normal(0.0, 1.0, (4, 400))
            samples = rho**0.5 * shared + (1.0 - rho) ** 0.5 * own
            samples[0] += 0.5
            selection = select_best(samples, 0.5)
            right += selection.survivors == (0,)
            runs += selection.n_total
        assert right / n_races >= 0.95 - 3.0 * (0.95 * 0.05 / n_races) ** 0.5
        assert runs / n_races < most_runs

    @pytest.mark.parametrize(
        ("samples", "indifference"),
        [
            (np.zeros((1, 30)), 1.0),
            (np.zeros((2, 9)), 1.0),
            (np.full((2, 30), np.nan), 1.0),
            (np.zeros((2, 30)), 0.0),
        ],
    )
    def test_what_cannot_race_is_refused(self, samples: object, indifference: float) -> None:
        with pytest.raises(ValueError, match=r"expected|not finite"):
            select_best(samples, indifference)  # type: ignore[arg-type]


class TestChance:
    def test_of_two_arms_it_is_a_one_sided_t_test(self) -> None:
        a, b = np.array([4.0, 7.0, 5.0, 9.0, 6.0]), np.array([3.0, 8.0, 4.0, 6.0, 5.5])
        p = scipy.stats.ttest_rel(a, b, alternative="greater").pvalue
        assert compute_selection_chance([a, b]) == pytest.approx(1.0 - p)

    def test_a_tolerance_raises_it_and_more_arms_lower_it(self) -> None:
        a, b = np.array([4.0, 7.0, 5.0, 9.0, 6.0]), np.array([3.0, 8.0, 4.0, 6.0, 5.5])
        chance = compute_selection_chance([a, b])
        assert compute_selection_chance([a, b], 1.0) > chance
        assert compute_selection_chance([a, b, b[::-1]]) < chance

    def test_an_arm_always_equally_far_behind_costs_nothing(self) -> None:
        a = np.array([4.0, 7.0, 5.0])
        assert compute_selection_chance([a, a - 1.0, a]) == 1.0


class TestBudget:
    @pytest.mark.parametrize(
        ("spreads", "allotted"),
        [
            ((1.0, 1.0, 1.0, 1.0), (432.4, 417.0, 104.3, 46.3)),
            ((1.0, 1.0, 2.0, 2.0), (318.0, 279.0, 279.0, 124.0)),
        ],
    )
    def test_it_gives_its_vectors(
        self, spreads: tuple[float, ...], allotted: tuple[float, ...]
    ) -> None:
        found = compute_ocba([-1.0, -2.0, -3.0, -4.0], spreads, 1_000)
        assert found == pytest.approx(allotted, abs=0.05)

    @pytest.mark.parametrize(
        ("means", "spreads"), [([1.0, 1.0], [1.0, 1.0]), ([1.0, 2.0], [0.0, 1.0]), ([1.0], [1.0])]
    )
    def test_without_one_best_arm_it_is_refused(
        self, means: list[float], spreads: list[float]
    ) -> None:
        with pytest.raises(ValueError, match="expected"):
            compute_ocba(means, spreads, 100)


def test_pareto_ranks_peel_off_who_is_beaten_nowhere() -> None:
    rows = [[1, 1], [2, 0], [0, 2], [0, 0], [1, 1], [-1, -1]]
    assert compute_pareto_ranks(rows).tolist() == [1, 1, 1, 2, 1, 3]
    with pytest.raises(ValueError, match="finite"):
        compute_pareto_ranks([[1.0, np.nan]])
