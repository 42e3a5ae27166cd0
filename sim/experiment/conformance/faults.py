"""What every fault must keep to, at one of four validators, under every protocol."""

from __future__ import annotations

import inspect
import re
from dataclasses import MISSING, fields, is_dataclass
from functools import cache, partial
from typing import Any

from sim.consensus.rules import RULES
from sim.experiment.conformance.base import Check, require
from sim.experiment.conformance.committees import (
    SECOND_US,
    create_episode,
    create_site,
    get_lag,
    is_live,
)
from sim.faults.base import Class, Fault
from sim.model.committee import Committee
from sim.model.faulting import Episode

# knobs that may lack a default, since no value would do for every scenario
EXAMPLES = {"target": "buyers", "groups": "0 1 2 | 3", "region": "north"}
FROM_US, UNTIL_US, ENDED_US = SECOND_US // 2, 2 * SECOND_US, 5 * SECOND_US
HEAL_US = SECOND_US // 2  # for what is still on its way when a fault ends
NODE = 2


def create_fault(kind: Any) -> Fault:
    """One with what it cannot be made without."""
    required = [field.name for field in fields(kind) if field.default is MISSING]
    fault: Fault = kind(**{name: EXAMPLES[name] for name in required})
    return fault


def create_schedule(kind: Any) -> list[Episode]:
    """It goes wrong for a while, and ends."""
    return [create_episode(kind.__name__, create_fault(kind), (NODE,), FROM_US, UNTIL_US)]


@cache
def run(kind: Any, protocol: str, seed: int = 1) -> Committee:
    """One of four validators goes wrong for a while; safety is watched all along."""
    committee = create_site(create_schedule(kind), protocol, seed=seed).committee
    committee.start()
    committee.run(ENDED_US)
    return committee


def check_it_is_frozen_and_remembers_nothing(kind: Any) -> None:
    """It is frozen and remembers nothing."""
    require(is_dataclass(kind))
    require(kind.__dataclass_params__.frozen)
    require(not hasattr(create_fault(kind), "__dict__"))
    require(create_fault(kind) == create_fault(kind))


def check_it_says_what_it_makes_of_a_validator(kind: Any) -> None:
    """It says what it makes of a validator."""
    require(kind.kind in Class)
    require("kind" not in {field.name for field in fields(kind)})


def check_its_docstring_says_what_it_does(kind: Any) -> None:
    """Its docstring says what it does."""
    lines = inspect.cleandoc(kind.__doc__ or "").splitlines()
    require(lines[0].endswith("."))
    require(not any(line.startswith(kind.__name__ + "(") for line in lines))
    sources = [line for line in lines if line.startswith("Source")]
    require(all(re.match(r"Source: \S", line) for line in sources))


def check_every_knob_is_a_plain_value_with_its_unit(kind: Any) -> None:
    """Every knob is a plain value with its unit."""
    for field in fields(kind):
        require(field.type in {"int", "str", "bool"})
        if field.type == "int":
            require(re.search(r"_(us|ppm|views?|validators)$", field.name))
        require(field.default is not MISSING or field.name in EXAMPLES)


def check_once_it_ends_nothing_of_it_is_left(kind: Any) -> None:
    """Once it ends nothing of it is left."""
    site = create_site(create_schedule(kind))
    committee = site.committee
    was_down = list(committee.is_down)
    committee.start()
    committee.run(UNTIL_US + 1)
    require(committee.network.disturbances == [])
    require(committee.behaviours == [[] for _ in committee.replicas])
    require(committee.is_down == was_down)
    require(site.n_stops == [int(is_down) for is_down in was_down])
    require(not any(site.censored.values()))


def check_two_of_it_at_once_end_apart(kind: Any) -> None:
    """Two of it at once end apart."""
    fault = create_fault(kind)
    site = create_site(
        [
            create_episode(kind.__name__, fault, (NODE,), 1_000, 300_000),
            create_episode(kind.__name__, fault, (NODE,), 100_000, 500_000),
        ]
    )
    site.committee.start()
    site.committee.run(600_000)
    require(site.committee.network.disturbances == [])
    require(site.committee.behaviours == [[] for _ in site.committee.replicas])
    require(site.committee.is_down[:4] == [False] * 4)


def check_without_a_node_to_be_at_it_does_no_harm(kind: Any) -> None:
    """Without a node to be at it does no harm."""
    committee = create_site(
        [create_episode(kind.__name__, create_fault(kind), (), 0, 1_000)]
    ).committee
    committee.start()
    committee.run(SECOND_US)
    require(is_live(committee, SECOND_US // 2))


def check_it_is_safe(kind: Any, protocol: str) -> None:
    """It is safe."""
    committee = run(kind, protocol)
    require(committee.watch.n_commits > 0)
    require(committee.watch.n_conflicts == 0)


def check_nobody_is_convicted_who_follows_the_rules(kind: Any, protocol: str) -> None:
    """Nobody is convicted who follows the rules."""
    committee = run(kind, protocol)
    accused = {evidence.accused for _, evidence, _ in committee.evidence}
    is_liar = kind.kind is Class.BYZANTINE
    require(accused <= ({NODE} if is_liar else set()))


def check_once_it_ends_commits_go_on(kind: Any, protocol: str) -> None:
    """Once it ends commits go on."""
    committee = run(kind, protocol)
    require(is_live(committee, UNTIL_US + HEAL_US, n_min=10))
    require(get_lag(committee) <= 1)
    late = [x.block.proposer for x in committee.commits if x.committed_us > ENDED_US - SECOND_US]
    require(set(late) == {0, 1, 2, 3})


def check_the_same_seed_gives_the_same_run(kind: Any, protocol: str) -> None:
    """The same seed gives the same run."""
    again = create_site(create_schedule(kind), protocol).committee
    again.start()
    again.run(ENDED_US)
    committee = run(kind, protocol)
    require(again.commits == committee.commits)
    require(again.evidence == committee.evidence)
    require(again.network.n_sent == committee.network.n_sent)


CHECKS: tuple[Check, ...] = (
    check_it_is_frozen_and_remembers_nothing,
    check_it_says_what_it_makes_of_a_validator,
    check_its_docstring_says_what_it_does,
    check_every_knob_is_a_plain_value_with_its_unit,
    check_once_it_ends_nothing_of_it_is_left,
    check_two_of_it_at_once_end_apart,
    check_without_a_node_to_be_at_it_does_no_harm,
    *(
        partial(check, protocol=protocol)
        for protocol in RULES
        for check in (
            check_it_is_safe,
            check_nobody_is_convicted_who_follows_the_rules,
            check_once_it_ends_commits_go_on,
            check_the_same_seed_gives_the_same_run,
        )
    ),
)
