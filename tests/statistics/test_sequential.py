"""When to stop, and how many replications it takes."""

from __future__ import annotations

import numpy as np
import pytest

from sim.stats.intervals import Interval, Method, compute_mean_interval
from sim.stats.power import compute_paired_n
from sim.stats.sequential import (
    compute_anytime_factor,
    compute_anytime_interval,
    compute_anytime_tuning,
    is_narrow_enough,
)


def test_an_interval_stopped_by_its_width_covers_nearly_as_often_as_it_says() -> None:
    """Exponential at rel = 10 %: .949 was measured; 400 samples, three standard errors."""
    draws = np.random.default_rng(6)  # noqa: TID251 (samples for the statistics alone)
    covered = 0
    for row in draws.exponential(1.0, (400, 900)):
        for n in range(30, 900, 10):
            interval = compute_mean_interval(row[:n])
            assert interval is not None
            if is_narrow_enough(interval, rel=0.1):
                break
        assert interval.low is not None
        assert interval.high is not None
        covered += interval.low <= 1.0 <= interval.high
    assert covered / 400 == pytest.approx(0.949, abs=3 * (0.05 * 0.95 / 400) ** 0.5)


class TestAnytime:
    def test_it_gives_its_vectors(self) -> None:
        assert compute_anytime_tuning(0.05, 200) == pytest.approx(0.0439090, abs=5e-8)
        assert compute_anytime_factor(100, 0.05, 200) == pytest.approx(0.3069915, abs=5e-8)

    def test_it_is_wider_than_t_by_half_or_more(self) -> None:
        values = np.random.default_rng(2).normal(0, 1, 200)  # noqa: TID251 (no replication)
        anytime, once = compute_anytime_interval(values), compute_mean_interval(values)
        assert anytime is not None
        assert once is not None
        assert anytime.method is Method.ANYTIME
        widths = [i.high - i.low for i in (anytime, once) if i.high and i.low is not None]
        assert 1.5 < widths[0] / widths[1] < 1.7

    def test_it_needs_two_values(self) -> None:
        assert compute_anytime_interval([]) is None
        assert compute_anytime_interval([3.0]) == Interval(3.0, None, None, 1, Method.NO_INTERVAL)

    def test_looking_all_the_time_fools_t_and_not_the_sequence(self) -> None:
        """A true mean of 0, looked at every 10 from 30 to 2 000: 41 % and 3.1 % were measured."""
        draws = np.random.default_rng(4)  # noqa: TID251 (samples for the statistics alone)
        samples = draws.normal(0.0, 1.0, (600, 2_000))
        looks = np.arange(30, 2_001, 10)
        totals, squares = samples.cumsum(1)[:, looks - 1], (samples**2).cumsum(1)[:, looks - 1]
        spread = np.sqrt((squares - totals**2 / looks) / (looks - 1))
        factors = np.array([compute_anytime_factor(int(n), 0.05, 200) for n in looks])
        distance = np.abs(totals / looks)
        fooled = (distance > 1.96 * spread / np.sqrt(looks)).any(axis=1).mean()
        assert fooled == pytest.approx(0.41, abs=0.07)
        assert (distance > spread * factors).any(axis=1).mean() <= 0.05


class TestPower:
    @pytest.mark.parametrize(
        ("alpha", "expected"),
        [
            (0.05, [199, 90, 34, 15]),
            (0.01, [296, 134, 51, 22]),
            (0.05 / 1_500, [632, 286, 109, 48]),
        ],
    )
    def test_it_gives_its_vectors(self, alpha: float, expected: list[int]) -> None:
        assert [compute_paired_n(d, alpha) for d in (0.2, 0.3, 0.5, 0.8)] == expected

    def test_the_two_sided_solver_is_the_trap_it_is_said_to_be(self) -> None:
        from statsmodels.stats.power import TTestPower  # noqa: PLC0415 - slow to import

        n = TTestPower().solve_power(0.2, alpha=0.05 / 1_500, power=0.8)
        assert n != pytest.approx(compute_paired_n(0.2, 0.05 / 1_500), rel=0.1)

    def test_a_sign_does_not_matter_and_nothing_cannot_be_shown(self) -> None:
        assert compute_paired_n(-0.5) == 34
        with pytest.raises(ValueError, match="effect"):
            compute_paired_n(0.0)
        with pytest.raises(ValueError, match="more than 1000"):
            compute_paired_n(1e-4, n_most=1_000)
