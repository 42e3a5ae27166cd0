"""How many replications a comparison needs."""

from __future__ import annotations


def compute_paired_n(
    effect: float, alpha: float = 0.05, power: float = 0.8, n_most: int = 10_000_000
) -> int:
    """Replications at which a paired t test shows a difference with the power asked for.

    It is solved one-sided at half of alpha: the two-sided solver has no value in its far tail at
    small alpha, and returns a wrong number of replications without a word.

    Units:  effect is the mean difference over the standard deviation of the differences, of
            either sign but not 0; alpha, two-sided, and power in (0, 1).
    Return: the least n from 2 whose power suffices, which is checked on both sides.
    Errors: ValueError if a number is out of range, or n_most would not do.
    Source: Cohen 1988, Statistical Power Analysis, by `statsmodels.stats.power.TTestPower`.
    """
    from statsmodels.stats.power import TTestPower  # noqa: PLC0415 - slow to import

    if not (0.0 < alpha < 1.0 and 0.0 < power < 1.0) or effect == 0.0:
        raise ValueError("expected alpha and power in (0, 1) and an effect other than 0")
    test = TTestPower()

    def get_power(n: int) -> float:
        return float(test.power(abs(effect), n, alpha / 2.0, alternative="larger"))

    low, high = 1, 2
    while get_power(high) < power:
        low, high = high, 2 * high
        if high > n_most:
            raise ValueError(f"an effect of {effect} needs more than {n_most} replications")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if get_power(middle) < power else (low, middle)
    return high
