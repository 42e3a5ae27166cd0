"""The search for the attacker that hurts most: optuna proposes, a caller scores.

Generic: what a score is, and how it is measured, is the caller's. Trials come one after another,
because each proposal learns from all scores before it; so a seed and a budget give the same
search wherever and with however many workers it runs.
"""

from __future__ import annotations

import warnings
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.core.errors import StorageError
from sim.experiment.attack_factors import count_points
from sim.scenario.settings import Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sim.experiment.attack_factors import Factor

Score = float | None  # larger hurts more; None: the outcome had no number
Settings = tuple[Setting, ...]


class Sampler(StrEnum):
    """Who proposes the next attacker."""

    TPE = "TPE"
    RANDOM = "random"
    EVERY = "every point"


class Trial(NamedTuple):
    """One attacker that was tried; number -1 is the scenario's own."""

    sampler: str
    number: int
    settings: Settings
    score: Score


class Search(NamedTuple):
    """Every trial of one sampler, in order."""

    sampler: Sampler
    trials: list[Trial]

    @property
    def best(self) -> Trial:
        """The trial with the largest score, the first of equals."""
        scored = [trial for trial in self.trials if trial.score is not None]
        return max(scored, key=lambda trial: trial.score or 0.0, default=self.trials[0])


def choose_samplers(factors: Sequence[Factor], n_trials: int) -> tuple[Sampler, ...]:
    """Every point where the budget holds all of them; else TPE, and random to compare with."""
    if count_points(factors) <= n_trials:
        return (Sampler.EVERY,)
    return (Sampler.TPE, Sampler.RANDOM)


def search(
    sampler: Sampler,
    factors: Sequence[Factor],
    seed: int,
    n_trials: int,
    score: Callable[[Settings], Score],
    on_trial: Callable[[Trial], None] = lambda _: None,
) -> Search:
    """Try so many attackers, the scenario's own first and beside the budget.

    Units:  seed in 0..2**62; n_trials from 1.
    Errors: StorageError if optuna is not installed; whatever `score` raises.
    Source: Bergstra et al. 2011, Algorithms for Hyper-Parameter Optimization (TPE).
    """
    optuna = load_optuna()
    trials: list[Trial] = []

    def note(number: int, settings: Settings) -> Score:
        value = score(settings)
        trials.append(Trial(sampler, number, settings, value))
        on_trial(trials[-1])
        return value

    def objective(trial: Any) -> float:
        settings = tuple(Setting(f.path, f.format(_propose(trial, f))) for f in factors)
        value = note(trial.number, settings)
        if value is None:
            raise optuna.TrialPruned
        return value

    note(-1, ())
    study = optuna.create_study(
        sampler=_create_sampler(optuna, sampler, seed), direction="maximize"
    )
    study.optimize(objective, n_trials=n_trials, n_jobs=1)
    return Search(sampler, trials)


def load_optuna() -> Any:
    """The search library, told to be quiet.

    Errors: StorageError if it is not installed.
    """
    try:
        import optuna  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        problem = "is needed for a search and not installed: pip install 'ambit-sim[search]'"
        raise StorageError("optuna", problem) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _propose(trial: Any, factor: Factor) -> int | str:
    if factor.choices:
        return str(trial.suggest_categorical(factor.path, list(factor.choices)))
    return int(trial.suggest_int(factor.path, factor.low, factor.high))


def _create_sampler(optuna: Any, sampler: Sampler, seed: int) -> Any:
    seed %= 2**32  # what the library's generators take
    match sampler:
        case Sampler.TPE:
            return optuna.samplers.TPESampler(seed=seed)
        case Sampler.RANDOM:
            return optuna.samplers.RandomSampler(seed=seed)
    with warnings.catch_warnings():  # it is called experimental; what it does is enumerate
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.BruteForceSampler(seed=seed)
