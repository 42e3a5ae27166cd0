"""An honest seller loses its stake to wrongful convictions, below what a seller must have.

Covered: every signal that one seller offers within the horizon is sound and is disputed, as a
griefer would, and a committee decides in time; what a conviction costs is the ledger's to say, by
the policy's rule of slashing and the stakes there are. Not covered: offers that a convict may not
make while it is barred (so the chance is an upper bound where convicts are barred for long), stake
that is bonded anew, others' frauds of the same time, which some rules of slashing look at, and
slashing by harm, which depends on who bought.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from scipy.stats import binom

from sim.core.draws import Draws
from sim.core.errors import InputError, Position
from sim.core.units import PPM
from sim.experiment.events.base import Event
from sim.experiment.events.conviction import compile_trade_rules, find_chances
from sim.model.verdict import Dispute, Ruin, Stakes
from sim.model.world import create_world
from sim.policies.base import Policy, Slashing
from sim.stats.closed_forms import compute_outvoted_chance

if TYPE_CHECKING:
    from sim.ledger.rules import Rules
    from sim.scenario.load import LoadedScenario

NOT_COVERED = (
    "not covered: offers a barred seller does not make (an upper bound, then), stake bonded anew, "
    "others' frauds of the same time"
)


class Seller(NamedTuple):
    """One of a group of honest sellers."""

    group: str
    n_offers: int  # within the horizon, on average, at least 1
    stakes: Stakes


def prepare_ruin(loaded: LoadedScenario, policy: Policy) -> Event[Dispute]:
    """The ruin of a seller of the group that is likeliest to come to it.

    Errors: InputError as in `find_chances`, for a scenario without honest sellers, or a policy that
            slashes by harm.
    """
    chances_ppm = find_chances(loaded, policy)
    if policy.slashing is Slashing.HARM:
        problem = "slashes by harm, which depends on who bought: not covered"
        raise InputError(Position(str(loaded.path)), policy.name, problem)
    rules = compile_trade_rules(policy)
    events = [create_event(rules, chances_ppm, seller) for seller in list_sellers(loaded, policy)]
    return max(events, key=lambda event: event.exact)


def list_sellers(loaded: LoadedScenario, policy: Policy) -> list[Seller]:
    """Honest sellers, one of each group, and the stakes on their ledger.

    Errors: InputError if there are none.
    """
    scenario = loaded.scenario
    groups: list[Any] = list(scenario.agents)
    groups = [group for group in groups if group.strategy == "honest_seller"]
    if not groups:
        problem = "nobody sells: name a group with strategy honest_seller"
        raise InputError(Position(str(loaded.path)), "agents", problem)
    total = sum(holder.stake for holder in create_world(loaded).holders if not holder.is_spare)
    if policy.has_chain and policy.has_validators:
        total += scenario.chain.validators * scenario.chain.validator_stake
    return [
        Seller(
            group.name,
            max(1, scenario.horizon // group.act_every),
            Stakes(group.stake, total - group.stake),
        )
        for group in groups
    ]


def create_event(rules: Rules, chances_ppm: tuple[int, ...], seller: Seller) -> Event[Dispute]:
    """The ruin of one seller: so many convictions of its offers."""
    n_ruinous = count_ruinous_convictions(rules, seller)
    process = Ruin(rules, chances_ppm, seller.n_offers, seller.stakes, n_ruinous)
    conviction = compute_outvoted_chance([chance / PPM for chance in chances_ppm], process.n_seats)
    exact = float(binom.sf(n_ruinous - 1, seller.n_offers, conviction))
    stake, n = seller.stakes.seller, seller.n_offers
    return Event(
        process,
        process.n_levels,
        exact,
        f"an honest {seller.group} with a stake of {stake} falls below {rules.stake_min} by "
        f"wrongful convictions, all of its {n} offers disputed",
        explain(rules, seller, conviction) if exact in (0.0, 1.0) else "",
        f"votes, {process.n_convicting} to each of {n_ruinous} convictions",
        "transactions",
        f"sellers with {n} offers each",
        [f"chances in between: conviction in a dispute {conviction:.4g}", NOT_COVERED],
        {
            "group": seller.group,
            "stake": stake,
            "stake_min": rules.stake_min,
            "disputes": n,
            "convictions": n_ruinous,
            "conviction_chance": conviction,
            "judges": len(chances_ppm),
            "seats": process.n_seats,
        },
    )


def count_ruinous_convictions(rules: Rules, seller: Seller) -> int:
    """Convictions in a row after which the ledger's account is below the floor.

    Return: from 0, or one more than there are offers if they do not suffice.
    """
    sure = Ruin(rules, (PPM,) * rules.committee, seller.n_offers, seller.stakes, 1)
    state, draws = sure.create(), Draws(0, "", 0)
    while not sure.is_over(state):
        state = sure.advance(state, draws)
    return sure.count_convictions(state) + (not sure.is_ruined(state))


def explain(rules: Rules, seller: Seller, conviction: float) -> str:
    """Why there is nothing to estimate, if there is not."""
    if rules.stake_min == 0:
        return "the policy demands no stake of a seller"
    if seller.stakes.seller < rules.stake_min:
        return "its stake is below what the policy demands before any dispute"
    if conviction in (0.0, 1.0):
        return "so do the judges see it, without any draw"
    return f"{seller.n_offers} convictions in a row leave it enough"
