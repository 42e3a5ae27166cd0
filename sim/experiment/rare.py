"""`sim rare`: how rarely a committee convicts an innocent, down to chances nobody can wait for.

Covered: one dispute about a sound signal that carries no proof, decided in time by the judges of
a scenario under the levers of a policy, through the ledger's own rules. Not covered: how often
sound signals are disputed, judges that are barred, disputes that run out of time, and every other
breach; a whole replication cannot be copied half way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sim.core.errors import InputError, Position
from sim.core.identity import compute_entity
from sim.core.units import PPM
from sim.model.verdict import Dispute, WrongfulConviction
from sim.policies.base import Judges
from sim.policies.registry import compile_chain_rules, compile_clearing_rules
from sim.scenario.policies import create_policies
from sim.stats.closed_forms import compute_outvoted_chance
from sim.stats.splitting import Rarity, compute_crude_replications, estimate_chance

if TYPE_CHECKING:
    from sim.policies.base import Policy
    from sim.scenario.load import LoadedScenario
    from sim.scenario.schema import Scenario


class RareOptions(NamedTuple):
    """Under which policy, and how much work."""

    policy: str
    trials: int = 1_000  # copies at each level of each run
    runs: int = 30
    seed: int | None = None  # the scenario's if None


class RareResult(NamedTuple):
    """How rarely an innocent is convicted in one dispute."""

    loaded: LoadedScenario
    policy: str
    n_judges: int
    n_seats: int
    seed: int
    exact: float
    rarity: Rarity[Dispute]

    @property
    def crude(self) -> int | None:
        """Replications plain Monte Carlo would need; None where nothing was reached."""
        interval = self.rarity.interval
        return None if interval is None else compute_crude_replications(interval.mean)


def run_rare(loaded: LoadedScenario, options: RareOptions) -> RareResult:
    """Estimate the chance by splitting, and say what it is exactly.

    Errors: InputError for a policy without a committee, a scenario without judges, or judges of a
    kind whose chance to vote wrong is not known.
    """
    policy = create_policies(loaded, [options.policy])[options.policy]
    chances_ppm = find_chances(loaded, policy)
    has_own_ledger = policy.has_gateways and not policy.has_chain
    rules = (compile_clearing_rules if has_own_ledger else compile_chain_rules)(policy)
    process = WrongfulConviction(rules, chances_ppm)
    seed = loaded.scenario.seed if options.seed is None else options.seed
    rarity = estimate_chance(
        process, process.n_levels, options.trials, options.runs, seed, loaded.stream
    )
    exact = compute_outvoted_chance([chance / PPM for chance in chances_ppm], process.n_seats)
    n_judges = len(chances_ppm)
    return RareResult(loaded, options.policy, n_judges, process.n_seats, seed, exact, rarity)


def find_chances(loaded: LoadedScenario, policy: Policy) -> tuple[int, ...]:
    """Chance in ppm of each judge to convict an innocent, in the order of their seats.

    Errors: InputError as in `run_rare`.
    """
    where = Position(str(loaded.path))
    if policy.judges is not Judges.COMMITTEE:
        problem = f"has no committee: disputes are decided by {policy.judges.value}"
        raise InputError(where, policy.name, problem)
    scenario = loaded.scenario
    seats = [
        (compute_entity(group.name, index), _compute_chance(scenario, group, where))
        for group in scenario.agents
        if "judge" in _get_strategy(group) or _get_strategy(group) == "rubber_stamp"
        for index in range(group.count)
    ]
    if not seats:
        raise InputError(where, "agents", "nobody judges: name a group with strategy honest_judge")
    return tuple(chance for _, chance in sorted(seats))


def _get_strategy(group: object) -> str:
    return str(getattr(group, "strategy"))  # noqa: B009 - set by the created models


def _compute_chance(scenario: Scenario, group: object, where: Position) -> int:
    """Chance in ppm that a judge of a group votes against a sound signal."""
    error_ppm = scenario.market.judge_error
    match _get_strategy(group):
        case "honest_judge":
            return error_ppm
        case "byzantine_judge":
            return PPM - error_ppm
        case "rubber_stamp":
            lazy_ppm = int(getattr(group, "lazy"))  # noqa: B009 - set by the created models
            return error_ppm * (PPM - lazy_ppm) // PPM
    problem = f"how often a {_get_strategy(group)} votes wrong is not known"
    raise InputError(where, "agents", problem)
