"""A committee convicts an innocent.

Covered: one dispute about a sound signal that carries no proof, decided in time by the judges of
a scenario under the levers of a policy. Not covered: how often sound signals are disputed, judges
that are barred, disputes that run out of time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.core.errors import InputError, Position
from sim.core.identity import compute_entity
from sim.core.units import PPM
from sim.experiment.events.base import Event
from sim.model.verdict import Dispute, WrongfulConviction
from sim.policies.base import Judges
from sim.policies.registry import compile_chain_rules, compile_clearing_rules
from sim.stats.closed_forms import compute_outvoted_chance

if TYPE_CHECKING:
    from sim.ledger.rules import Rules
    from sim.policies.base import Policy
    from sim.scenario.load import LoadedScenario
    from sim.scenario.schema import Scenario


def prepare_conviction(loaded: LoadedScenario, policy: Policy) -> Event[Dispute]:
    """A wrongful conviction in one dispute.

    Errors: InputError as in `find_chances`.
    """
    chances_ppm = find_chances(loaded, policy)
    process = WrongfulConviction(compile_trade_rules(policy), chances_ppm)
    n_seats, n_judges = process.n_seats, len(chances_ppm)
    return Event(
        process,
        process.n_levels,
        compute_outvoted_chance([chance / PPM for chance in chances_ppm], n_seats),
        f"an innocent seller is convicted in a dispute by {n_seats} of {n_judges} judges",
        "so do the judges see it, without any draw",
        "votes against the innocent",
        "transactions",
        "disputes",
        [],
        {"judges": n_judges, "seats": n_seats},
    )


def compile_trade_rules(policy: Policy) -> Rules:
    """Rules of the ledger that signals are traded on under a policy."""
    has_own_ledger = policy.has_gateways and not policy.has_chain
    return (compile_clearing_rules if has_own_ledger else compile_chain_rules)(policy)


def find_chances(loaded: LoadedScenario, policy: Policy) -> tuple[int, ...]:
    """Chance in ppm of each judge to convict an innocent, in the order of their seats.

    Errors: InputError for a policy without a committee, a scenario without judges, or judges of a
            kind whose chance to vote wrong is not known.
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
