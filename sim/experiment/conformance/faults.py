"""What every fault must keep to, at one of four validators, under every protocol."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from functools import cache, partial
from typing import Any

from sim.consensus.rules import RULES
from sim.experiment.conformance.base import Check, require, require_equal, show
from sim.experiment.conformance.committees import (
    SECOND_US,
    create_episode,
    create_site,
    get_honest,
    get_lag,
    is_live,
)
from sim.experiment.conformance.forms import require_docstring, require_frozen
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


def describe_commits(committee: Committee, from_us: int) -> str:
    """How many commits each honest validator made after a time."""
    nodes = [record.node for record in committee.commits if record.committed_us >= from_us]
    return ", ".join(f"{nodes.count(node)} of validator {node}" for node in get_honest(committee))


def check_it_is_frozen_and_remembers_nothing(kind: Any) -> None:
    """It is frozen and remembers nothing."""
    require_frozen(kind, create_fault)
    require(create_fault(kind) == create_fault(kind), "two of it to be equal", "a difference")


def check_it_says_what_it_makes_of_a_validator(kind: Any) -> None:
    """It says what it makes of a validator."""
    require(kind.kind in Class, "its `kind` to be one of `Class`", kind.kind)
    is_knob = "kind" in {field.name for field in fields(kind)}
    require(not is_knob, "`kind: ClassVar[Class]`", "a knob of that name")


def check_its_docstring_says_what_it_does(kind: Any) -> None:
    """Its docstring says what it does."""
    require_docstring(kind, needs_source=False)


def check_every_knob_is_a_plain_value_with_its_unit(kind: Any) -> None:
    """Every knob is a plain value with its unit."""
    for field in fields(kind):
        name = field.name
        require(field.type in {"int", "str", "bool"}, f"{name} to be int, str or bool", field.type)
        if field.type == "int":
            has_unit = re.search(r"_(us|ppm|views?|validators)$", name)
            require(has_unit, "a knob that ends with its unit (_us, _ppm, _views ...)", name)
        can_be_made = field.default is not MISSING or name in EXAMPLES
        require(can_be_made, f"a default of {name}", "none")


def require_undisturbed(committee: Committee) -> None:
    """Hold a committee to links and validators as they were before anything went wrong.

    Errors: ConformanceError.
    """
    require_equal("disturbances of links once it ended", committee.network.disturbances, [])
    changed = [node for node, behaviours in enumerate(committee.behaviours) if behaviours]
    require_equal("validators that still behave otherwise once it ended", changed, [])


def check_once_it_ends_nothing_of_it_is_left(kind: Any) -> None:
    """Once it ends nothing of it is left."""
    site = create_site(create_schedule(kind))
    committee = site.committee
    was_down = list(committee.is_down)
    committee.start()
    committee.run(UNTIL_US + 1)
    require_undisturbed(committee)
    require_equal("who is down, as before it", committee.is_down, was_down)
    require_equal("stops of validators, as before it", site.n_stops, [int(x) for x in was_down])
    require(not any(site.censored.values()), "nobody to be censored any more", site.censored)


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
    require_undisturbed(site.committee)
    require_equal("who is down once both ended", site.committee.is_down[:4], [False] * 4)


def check_without_a_node_to_be_at_it_does_no_harm(kind: Any) -> None:
    """Without a node to be at it does no harm."""
    committee = create_site(
        [create_episode(kind.__name__, create_fault(kind), (), 0, 1_000)]
    ).committee
    committee.start()
    committee.run(SECOND_US)
    expected = "three commits or more of every validator in the last half second"
    require(
        is_live(committee, SECOND_US // 2), expected, describe_commits(committee, SECOND_US // 2)
    )


def check_it_is_safe(kind: Any, protocol: str) -> None:
    """It is safe."""
    committee = run(kind, protocol)
    require(committee.watch.n_commits > 0, "commits", "none")
    require_equal("pairs of commits that conflict", committee.watch.n_conflicts, 0)


def check_nobody_is_convicted_who_follows_the_rules(kind: Any, protocol: str) -> None:
    """Nobody is convicted who follows the rules."""
    committee = run(kind, protocol)
    accused = {evidence.accused for _, evidence, _ in committee.evidence}
    is_liar = kind.kind is Class.BYZANTINE
    allowed = {NODE} if is_liar else set()
    expected = f"nobody but {show(allowed)} to be accused by evidence, for a kind {kind.kind}"
    require(accused <= allowed, expected, accused)


def check_once_it_ends_commits_go_on(kind: Any, protocol: str) -> None:
    """Once it ends commits go on."""
    committee = run(kind, protocol)
    healed_us = UNTIL_US + HEAL_US
    expected = f"ten commits or more of every honest validator after {healed_us} us"
    is_healed = is_live(committee, healed_us, n_min=10)
    require(is_healed, expected, describe_commits(committee, healed_us))
    lag = get_lag(committee)
    require(lag <= 1, "no honest validator more than one block behind", f"one {lag} behind")
    late = [x.block.proposer for x in committee.commits if x.committed_us > ENDED_US - SECOND_US]
    require_equal("proposers of what commits in the last second", set(late), {0, 1, 2, 3})


def check_the_same_seed_gives_the_same_run(kind: Any, protocol: str) -> None:
    """The same seed gives the same run."""
    again = create_site(create_schedule(kind), protocol).committee
    again.start()
    again.run(ENDED_US)
    committee = run(kind, protocol)
    require(again.commits == committee.commits, "the same commits", "others")
    require(again.evidence == committee.evidence, "the same evidence", "other evidence")
    require_equal("messages sent", again.network.n_sent, committee.network.n_sent)


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
