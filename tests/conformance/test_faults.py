"""The battery every fault inherits, those of installed packages among them."""

from __future__ import annotations

import inspect
import re
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any

import pytest

from sim.faults.base import Class, Fault
from sim.faults.registry import load_faults
from sim.model.committee import Committee
from sim.model.faulting import Episode
from tests.committees import (
    PROTOCOLS,
    SECOND_US,
    create_episode,
    create_site,
    get_lag,
    is_live,
)

FAULTS = load_faults()
KNOBS: dict[str, dict[str, Any]] = {  # of faults that cannot be made without any
    "censoring_leader": {"target": "buyers"},
    "partition": {"groups": "0 1 2 | 3"},
    "region_outage": {"region": "north"},
}
FROM_US, UNTIL_US, ENDED_US = SECOND_US // 2, 2 * SECOND_US, 5 * SECOND_US
HEAL_US = SECOND_US // 2  # for what is still on its way when a fault ends
NODE = 2


def create_fault(name: str) -> Fault:
    return FAULTS[name](**KNOBS.get(name, {}))


def create_schedule(name: str) -> list[Episode]:
    return [create_episode(name, create_fault(name), (NODE,), FROM_US, UNTIL_US)]


@cache
def run(name: str, protocol: str, seed: int = 1) -> Committee:
    """One of four validators goes wrong for a while; safety is watched all along."""
    committee = create_site(create_schedule(name), protocol, seed=seed).committee
    committee.start()
    committee.run(ENDED_US)
    return committee


@pytest.mark.parametrize("name", FAULTS)
class TestFault:
    def test_it_is_frozen_and_remembers_nothing(self, name: str) -> None:
        kind = FAULTS[name]
        assert is_dataclass(kind)
        assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
        assert not hasattr(create_fault(name), "__dict__")
        assert create_fault(name) == create_fault(name)

    def test_it_says_what_it_makes_of_a_validator(self, name: str) -> None:
        assert FAULTS[name].kind in Class
        assert "kind" not in {field.name for field in fields(FAULTS[name])}  # type: ignore[arg-type]

    def test_its_docstring_says_what_it_does(self, name: str) -> None:
        lines = inspect.cleandoc(FAULTS[name].__doc__ or "").splitlines()
        assert lines[0].endswith(".")
        assert not any(line.startswith(FAULTS[name].__name__ + "(") for line in lines)
        sources = [line for line in lines if line.startswith("Source")]
        assert all(re.match(r"Source: \S", line) for line in sources)

    def test_every_knob_is_a_plain_value_with_its_unit(self, name: str) -> None:
        for field in fields(FAULTS[name]):  # type: ignore[arg-type]
            assert field.type in {"int", "str", "bool"}
            if field.type == "int":
                assert re.search(r"_(us|ppm|views?|validators)$", field.name), field.name
            assert field.default is not MISSING or field.name in KNOBS[name]

    def test_only_the_knobs_it_needs_are_asked_for(self, name: str) -> None:
        required = {
            field.name
            for field in fields(FAULTS[name])  # type: ignore[arg-type]
            if field.default is MISSING
        }
        assert required == set(KNOBS.get(name, {}))

    def test_once_it_ends_nothing_of_it_is_left(self, name: str) -> None:
        site = create_site(create_schedule(name))
        committee = site.committee
        was_down = list(committee.is_down)
        committee.start()
        committee.run(UNTIL_US + 1)
        assert committee.network.disturbances == []
        assert committee.behaviours == [[] for _ in committee.replicas]
        assert committee.is_down == was_down
        assert site.n_stops == [int(is_down) for is_down in was_down]
        assert not any(site.censored.values())

    def test_two_of_it_at_once_end_apart(self, name: str) -> None:
        fault = create_fault(name)
        site = create_site(
            [
                create_episode(name, fault, (NODE,), 1_000, 300_000),
                create_episode(name, fault, (NODE,), 100_000, 500_000),
            ]
        )
        site.committee.start()
        site.committee.run(600_000)
        assert site.committee.network.disturbances == []
        assert site.committee.behaviours == [[] for _ in site.committee.replicas]
        assert site.committee.is_down[:4] == [False] * 4

    def test_without_a_node_to_be_at_it_does_no_harm(self, name: str) -> None:
        committee = create_site([create_episode(name, create_fault(name), (), 0, 1_000)]).committee
        committee.start()
        committee.run(SECOND_US)
        assert is_live(committee, SECOND_US // 2)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", FAULTS)
class TestFaultAtOneOfFour:
    """An invariant that breaks raises: to run to the end is to be safe."""

    def test_it_is_safe(self, name: str, protocol: str) -> None:
        committee = run(name, protocol)
        assert committee.watch.n_commits > 0
        assert committee.watch.n_conflicts == 0

    def test_nobody_is_convicted_who_follows_the_rules(self, name: str, protocol: str) -> None:
        committee = run(name, protocol)
        accused = {evidence.accused for _, evidence, _ in committee.evidence}
        is_liar = FAULTS[name].kind is Class.BYZANTINE
        assert accused <= ({NODE} if is_liar else set())

    def test_once_it_ends_commits_go_on(self, name: str, protocol: str) -> None:
        committee = run(name, protocol)
        assert is_live(committee, UNTIL_US + HEAL_US, n_min=10)
        assert get_lag(committee) <= 1
        late = [
            x.block.proposer for x in committee.commits if x.committed_us > ENDED_US - SECOND_US
        ]
        assert set(late) == {0, 1, 2, 3}

    def test_the_same_seed_gives_the_same_run(self, name: str, protocol: str) -> None:
        again = create_site(create_schedule(name), protocol).committee
        again.start()
        again.run(ENDED_US)
        committee = run(name, protocol)
        assert again.commits == committee.commits
        assert again.evidence == committee.evidence
        assert again.network.n_sent == committee.network.n_sent


def test_every_kind_of_fault_is_there() -> None:
    assert {kind.kind for kind in FAULTS.values()} == set(Class)
