"""Schedules of faults: what one is, and how a number becomes one.

A schedule says everything that a run of the random search depends on. Its options and plans are
drawn; how it goes wrong in detail, which message is lost, is drawn under the same name by the
faults themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from sim.consensus.quorum import get_fault_limit
from sim.consensus.rules import RULES
from sim.core.draws import Draws, draw_below
from sim.core.identity import compute_entity
from sim.core.purposes import Purpose
from sim.faults.registry import load_faults
from sim.model.faulting import Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sim.faults.base import Fault

T = TypeVar("T")

FAULTS = load_faults()
BYZANTINE = (
    "amnesia",
    "silent_leader",
    "equivocating_leader",
    "double_vote",
    "vote_withholding",
    "inflated_view",
    "invalid_certificate",
    "lunatic_proposal",
    "censoring_leader",
    "twins",
)
REST = tuple(name for name in FAULTS if name not in BYZANTINE)  # of networks and crashes
REGIONS = ("us-east-1", "eu-north-1", "ap-southeast-2")
DICE = compute_entity("search", 0)


class Schedule(NamedTuple):
    """One run of the random search.

    Units: times in microseconds. `silent`: Byzantine validators that say nothing once healed.
    """

    seed: int
    number: int
    protocol: str
    n_validators: int
    link_us: int
    leader_wait_us: int
    timeout_us: int
    timeout_max_us: int
    interval_us: int
    heal_us: int
    plans: tuple[Plan, ...]
    silent: tuple[int, ...] = ()
    first_leaders: tuple[int, ...] = ()

    def get_byzantine(self) -> list[int]:
        """Validators that are Byzantine at some time."""
        return sorted({v for plan in self.plans if plan.name in BYZANTINE for v in plan.validators})

    def get_twinned(self) -> list[int]:
        """Validators whose key a second node runs."""
        return sorted({v for plan in self.plans if plan.name == "twins" for v in plan.validators})

    def get_regions(self) -> list[str]:
        """Where validators stand."""
        return [REGIONS[validator % len(REGIONS)] for validator in range(self.n_validators)]


class Dice:
    """What is drawn for one schedule, one number after another."""

    def __init__(self, seed: int, number: int) -> None:
        draws = Draws(seed, "search", number)
        self.key0, self.key1 = draws.key0, draws.key1
        self.n_thrown = 0

    def below(self, n: int) -> int:
        """0..n - 1."""
        self.n_thrown += 1
        return draw_below(self.key0, self.key1, Purpose.ARGUMENT, DICE, self.n_thrown, n)

    def between(self, low: int, high: int) -> int:
        """`low`..`high`."""
        return low + self.below(high - low + 1)

    def choose(self, among: Sequence[T]) -> T:
        """One of them."""
        return among[self.below(len(among))]

    def sample(self, n_wanted: int, among: Sequence[int]) -> tuple[int, ...]:
        """So many of them, in order."""
        left = list(among)
        return tuple(sorted([left.pop(self.below(len(left))) for _ in range(n_wanted)]))


def draw_schedule(seed: int, number: int, n_beyond: int = 0) -> Schedule:
    """The schedule of a number.

    With `n_beyond` validators more Byzantine than any protocol bears they conspire: all of them
    run twice, and the network falls apart.
    """
    dice = Dice(seed, number)
    protocol = dice.choose(sorted(RULES))
    n_validators = dice.choose((4, 4, 5, 7))
    link_us = dice.between(1, 20) * 1_000
    # a view that begins by a time-out takes five link delays, one of basic HotStuff eight
    timeout_us = dice.between(12 if protocol == "hotstuff_basic" else 7, 24) * link_us
    heal_us = dice.between(8, 30) * timeout_us
    limit = get_fault_limit(n_validators)
    n_byzantine = limit + n_beyond if n_beyond else dice.below(limit + 1)
    liars = dice.sample(n_byzantine, range(n_validators))
    if n_beyond:
        plans = [Plan("twins", FAULTS["twins"](), (liar,), until_us=heal_us) for liar in liars]
        plans.append(draw_trouble(dice, "partition", n_validators, liars, timeout_us, heal_us))
    else:
        plans = [plan for liar in liars for plan in draw_lies(dice, liar, heal_us)]
    twins = [plan.validators[0] for plan in plans if plan.name == "twins"]
    for _ in range(dice.below(5)):
        name = dice.choose(REST)
        plans.append(draw_trouble(dice, name, n_validators, twins, timeout_us, heal_us))
    is_silent = protocol != "hotstuff_3" and not n_beyond and dice.below(2)
    return Schedule(
        seed,
        number,
        protocol,
        n_validators,
        link_us,
        2 * link_us,
        timeout_us,
        timeout_us << dice.below(5),
        dice.choose((1_000, link_us)),
        heal_us,
        tuple(plans),
        liars if is_silent else (),
    )


def draw_lies(dice: Dice, liar: int, heal_us: int) -> list[Plan]:
    """One or two ways in which a validator is Byzantine."""
    names = {dice.choose(BYZANTINE) for _ in range(dice.between(1, 2))}
    return [
        draw_time(dice, Plan(name, create_lie(name), (liar,)), heal_us) for name in sorted(names)
    ]


def create_lie(name: str) -> Fault:
    """A Byzantine fault with its usual knobs."""
    return FAULTS[name](target="worker") if name == "censoring_leader" else FAULTS[name]()


def draw_trouble(
    dice: Dice,
    name: str,
    n_validators: int,
    twins: Sequence[int],
    timeout_us: int,
    heal_us: int,
) -> Plan:
    """A fault of the network or a crash, with its knobs and the validators it is at."""
    knobs: dict[str, Callable[[], dict[str, object]]] = {
        "message_loss": lambda: {"share_ppm": dice.below(300_001)},
        "duplication": lambda: {
            "share_ppm": dice.below(500_001),
            "replay_us": dice.between(1, 4) * timeout_us,
        },
        "reordering": lambda: {"spread_us": dice.between(1, 12) * timeout_us // 4},
        "delay": lambda: {
            "share_ppm": dice.below(300_001),
            "extra_us": dice.between(2, 6) * timeout_us // 2,
        },
        "clog": lambda: {
            "apart_us": dice.between(1, 4) * timeout_us // 4,
            "held_us": dice.between(1, 6) * timeout_us,
        },
        "partition": lambda: {"groups": draw_groups(dice, n_validators, twins)},
        "region_outage": lambda: {"region": dice.choose(REGIONS)},
    }
    fault = FAULTS[name](**knobs[name]()) if name in knobs else FAULTS[name]()
    n_hit = n_validators if dice.below(2) else dice.between(1, n_validators)
    if name == "crash":
        n_hit = dice.between(1, max(1, n_validators // 2))
    return draw_time(dice, Plan(name, fault, dice.sample(n_hit, range(n_validators))), heal_us)


def draw_groups(dice: Dice, n_validators: int, twins: Sequence[int]) -> str:
    """Who hears whom: halves, a minority and the rest, or any groups; a twin goes anywhere."""
    names = [str(validator) for validator in range(n_validators)]
    names += [f"{validator}b" for validator in twins]
    n_groups = dice.between(2, 3)
    groups: list[list[str]] = [[] for _ in range(n_groups)]
    minority = set(dice.sample(get_fault_limit(n_validators), range(len(names))))
    is_minority = dice.below(3) == 0
    for place, name in enumerate(names):
        group = int(place in minority) if is_minority else dice.below(n_groups)
        groups[group].append(name)
    return " | ".join([" ".join(group) for group in groups if group])


def draw_time(dice: Dice, plan: Plan, heal_us: int) -> Plan:
    """When it happens: once, for long, or again and again; never after the healing."""
    from_us = dice.below(heal_us // 2)
    if dice.below(3) == 0:
        every_us, lasting_us = dice.between(1, heal_us // 3), dice.between(1, heal_us // 4)
        return plan._replace(
            from_us=from_us, until_us=heal_us, every_us=every_us, lasting_us=lasting_us
        )
    until_us = heal_us if dice.below(2) else dice.between(from_us + 1, heal_us)
    return plan._replace(from_us=from_us, until_us=until_us)
