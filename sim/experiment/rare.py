"""`sim rare`: how rarely something breaks, down to chances nobody can wait for.

Each event is a small world of its own that can be copied half way, which a whole replication
cannot; every step of it that a ledger decides goes through the ledger's own rules. What an event
covers and what it does not is said in its module in `events`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sim.core.errors import InputError, Position, find_nearest
from sim.experiment.events.breach import prepare_breach
from sim.experiment.events.conviction import prepare_conviction
from sim.experiment.events.ruin import prepare_ruin
from sim.scenario.policies import create_policies
from sim.stats.splitting import Rarity, compute_crude_replications, estimate_chance

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.experiment.events.base import Event
    from sim.policies.base import Policy
    from sim.scenario.load import LoadedScenario

EVENTS: dict[str, Callable[[LoadedScenario, Policy], Event[Any]]] = {
    "conviction": prepare_conviction,
    "breach": prepare_breach,
    "ruin": prepare_ruin,
}


class RareOptions(NamedTuple):
    """Which event under which policy, and how much work."""

    policy: str
    trials: int = 1_000  # copies at each level of each run
    runs: int = 30
    seed: int | None = None  # the scenario's if None
    event: str = "conviction"


class RareResult(NamedTuple):
    """How rarely an event comes about."""

    loaded: LoadedScenario
    options: RareOptions
    event: Event[Any]
    seed: int
    rarity: Rarity[Any] | None  # None: the chance is 0 or 1 by construction

    @property
    def crude(self) -> int | None:
        """Replications plain Monte Carlo would need; None where nothing was reached."""
        interval = self.rarity and self.rarity.interval
        return None if interval is None else compute_crude_replications(interval.mean)


def run_rare(loaded: LoadedScenario, options: RareOptions) -> RareResult:
    """Say what the chance is exactly and estimate it by splitting, unless it is 0 or 1.

    Errors: InputError for an unknown event or policy, or a scenario or policy without what the
            event needs.
    """
    if options.event not in EVENTS:
        problem = f"unknown event {options.event!r}"
        nearest = find_nearest(options.event, EVENTS)
        raise InputError(Position("--event"), "", problem, nearest)
    policy = create_policies(loaded, [options.policy])[options.policy]
    event = EVENTS[options.event](loaded, policy)
    seed = loaded.scenario.seed if options.seed is None else options.seed
    if event.exact in (0.0, 1.0):
        return RareResult(loaded, options, event, seed, None)
    stream = loaded.stream
    rarity = estimate_chance(
        event.process, event.n_levels, options.trials, options.runs, seed, stream
    )
    return RareResult(loaded, options, event, seed, rarity)
