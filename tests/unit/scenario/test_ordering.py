from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.consensus.quorum import get_fault_limit
from sim.core.errors import InputError, InputErrors
from sim.scenario.load import load_scenario
from sim.scenario.ordering import VALIDATORS_MAX, count_byzantine, find_twinned
from sim.scenario.schema import Scenario
from tests.worlds import write_scenario

POLICIES = ["unguarded", "chain", {"name": "attacked", "preset": "chain"}]
CRASH = {"fault": "crash", "validators": [3]}
SILENT = {"fault": "silent_leader", "validators": [3]}
TWINS = {"fault": "twins", "validators": [2]}
CENSOR = {"fault": "censoring_leader", "validators": [3], "target": "worker"}
OUTAGE = {"fault": "region_outage", "region": "eu-north-1", "from": "2s", "until": "4s"}


def cut(groups: str, **changes: Any) -> dict[str, Any]:
    """A partition."""
    return {"fault": "partition", "groups": groups} | changes


def load(folder: Path, **changes: Any) -> Scenario:
    return load_scenario(write_scenario(folder, policies=POLICIES, **changes)).scenario


def refuse(folder: Path, **changes: Any) -> tuple[InputError, ...]:
    with pytest.raises(InputErrors) as caught:
        load(folder, **changes)
    assert caught.value.exit_code == 2
    return caught.value.errors


def read_at(error: InputError) -> str:
    """What is written where a refusal points."""
    text = Path(error.where.file).read_text(encoding="utf-8")
    return text.splitlines()[error.where.line - 1][error.where.column - 1 :].rstrip(",")


CASES: dict[str, tuple[dict[str, Any], str, str, str, str]] = {
    # changes, key, problem, nearest name, what stands at the place
    "too many validators": (
        {"chain": {"validators": VALIDATORS_MAX + 1}},
        "chain.validators", f"must be at most {VALIDATORS_MAX}", "", str(VALIDATORS_MAX + 1),
    ),
    "no region": (
        {"chain": {"regions": []}},
        "chain.regions", "must name at least one region", "", "[]",
    ),
    "an unknown region": (
        {"chain": {"regions": ["us-east-1", "eu-nord-1"]}},
        "chain.regions[1]", "unknown region 'eu-nord-1'", "eu-north-1", '"eu-nord-1"',
    ),
    "a first leader that is none": (
        {"chain": {"first_leaders": [0, 4]}},
        "chain.first_leaders[1]", "validators are numbered 0 to 3", "", "4",
    ),
    "a timer longer than its longest": (
        {"chain": {"view_timeout": "3s", "view_timeout_max": "2s"}},
        "chain.view_timeout_max", "must be at least view_timeout", "", '"2s"',
    ),
    "a timer that is over at once": (
        {"chain": {"view_timeout": "1us"}},
        "chain.view_timeout", "must be at least 1ms", "", '"1us"',
    ),
    "a fault that never stops coming": (
        {"faults": [CRASH | {"every": "1us", "lasting": "1us"}]},
        "faults[0].every", "must be at least 1ms", "", '"1us"',
    ),
    "an unknown fault": (
        {"faults": [{"fault": "crush"}]},
        "faults[0].fault", "crush", "crash", '"crush"',
    ),
    "a validator that is none": (
        {"faults": [CRASH | {"validators": [1, 4]}]},
        "faults[0].validators[1]", "validators are numbered 0 to 3", "", "4",
    ),
    "named and drawn": (
        {"faults": [CRASH | {"drawn": 1}]},
        "faults[0].drawn", "give either validators or how many are drawn, not both", "", "1",
    ),
    "more drawn than there are": (
        {"faults": [{"fault": "crash", "drawn": 5}]},
        "faults[0].drawn", "there are only 4 validators", "", "5",
    ),
    "an end before the beginning": (
        {"faults": [CRASH | {"from": "9s", "until": "8s"}]},
        "faults[0].until", "must be after from", "", '"8s"',
    ),
    "an end at the beginning": (
        {"faults": [CRASH | {"from": "9s", "until": "9s"}]},
        "faults[0].until", "must be after from", "", '"9s"',
    ),
    "again and again for no known time": (
        {"faults": [CRASH, CRASH | {"every": "9s"}]},
        "faults[1]", "every and lasting go together", "", "{",
    ),
    "lasting, but never said how often": (
        {"faults": [CRASH | {"lasting": "9s"}]},
        "faults[0]", "every and lasting go together", "", "{",
    ),
    "twins of ever others": (
        {"chain": {"allow_unsafe": True},
         "faults": [{"fault": "twins", "drawn": 1, "every": "9s", "lasting": "1s"}]},
        "faults[0].drawn", "twins are named, or drawn once", "", "1",
    ),
    "under an unknown policy": (
        {"faults": [CRASH | {"under": ["chain", "atacked"]}]},
        "faults[0].under[1]", "unknown policy of this scenario 'atacked'", "attacked", '"atacked"',
    ),
    "an unknown group is left out": (
        {"faults": [CENSOR | {"target": "wroker"}]},
        "faults[0].target", "unknown group of agents 'wroker'", "worker", '"wroker"',
    ),
    "a region where nobody stands": (
        {"faults": [OUTAGE | {"region": "eu-west-1"}]},
        "faults[0].region", "unknown region of the chain 'eu-west-1'", "us-west-1", '"eu-west-1"',
    ),
    "a partition of a validator that is none": (
        {"faults": [cut("0 1 | 2 4")]},
        "faults[0].groups", "unknown validator '4'", "", '"0 1 | 2 4"',
    ),
    "a partition of a twin that is none": (
        {"faults": [cut("0 1 | 2b 3")]},
        "faults[0].groups", "unknown validator '2b'", "", '"0 1 | 2b 3"',
    ),
    "a partition of a twin that is elsewhere": (
        {"faults": [TWINS | {"under": ["chain"]}, cut("0 1 | 2b 3")]},
        "faults[1].groups", "unknown validator '2b'", "", '"0 1 | 2b 3"',
    ),
    "a partition of a twin that is only drawn": (
        {"faults": [{"fault": "twins", "drawn": 1}, cut("0 1 | 2b 3")]},
        "faults[1].groups", "unknown validator '2b'", "", '"0 1 | 2b 3"',
    ),
    "on both sides at once": (
        {"faults": [cut("0 1 | 1 2 3")]},
        "faults[0].groups", "validator 1 stands in two groups", "", '"0 1 | 1 2 3"',
    ),
    "more Byzantine ones than anything bears": (
        {"faults": [SILENT | {"validators": [2, 3]}]},
        "faults",
        "up to 2 of 4 validators are Byzantine, and no protocol bears more than 1; set "
        "chain.allow_unsafe: true to study what breaks", "", "[",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_contradiction_is_refused_where_it_stands(case: str, tmp_path: Path) -> None:
    changes, key, problem, nearest, written = CASES[case]
    (error,) = refuse(tmp_path, **changes)
    assert (error.key, error.nearest) == (key, nearest)
    assert problem in error.problem
    assert error.where.line > 0
    assert error.where.column > 0
    assert read_at(error) == written
    assert str(error).startswith(f"{error.where.file}:{error.where.line}:{error.where.column}: ")


@pytest.mark.parametrize(
    "changes",
    [
        {"chain": {"validators": VALIDATORS_MAX}},
        {"chain": {"validators": 1}},
        {"chain": {"first_leaders": [3, 3, 0]}},
        {"chain": {"view_timeout": "2s", "view_timeout_max": "2s"}},
        {"faults": [CRASH | {"validators": [0, 1, 2, 3]}]},  # down, not Byzantine
        {"faults": [CRASH | {"from": "9s", "until": "9001ms"}]},
        {"faults": [{"fault": "crash", "drawn": 4, "every": "9s", "lasting": "1s"}]},
        {"faults": [SILENT, CENSOR, SILENT | {"fault": "double_vote"}]},  # all of them the same one
        {"faults": [CENSOR]},
        {"faults": [OUTAGE]},
        {"faults": [TWINS, cut("0 1 | 2 2b 3")]},
        {"faults": [TWINS | {"under": ["chain"]}, cut("0 2 | 1 2b 3", under=["chain"])]},
        {
            "chain": {"allow_unsafe": True},
            "faults": [{"fault": "twins"}, cut("0 1 2 3 | 0b 1b 2b 3b")],
        },
        {"chain": {"allow_unsafe": True}, "faults": [SILENT | {"validators": [2, 3]}]},
        {"faults": [SILENT | {"under": ["chain"]}, TWINS | {"under": ["attacked"]}]},
    ],
    ids=str,
)
def test_what_just_fits_is_sound(changes: dict[str, Any], tmp_path: Path) -> None:
    load(tmp_path, **changes)


def test_everything_is_said_at_once_and_in_order(tmp_path: Path) -> None:
    faults = [CRASH | {"validators": [7]}, CENSOR | {"target": "nobody"}, cut("0 9")]
    found = refuse(tmp_path, chain={"regions": ["nowhere"]}, faults=faults)
    assert [error.key for error in found] == [
        "chain.regions[0]",
        "faults[0].validators[0]",
        "faults[1].target",
        "faults[2].groups",
    ]
    assert [error.where for error in found] == sorted(error.where for error in found)


ANYBODY = {"fault": "silent_leader", "drawn": 1}


@pytest.mark.parametrize(
    ("faults", "n_byzantine"),
    [
        ([], 0),
        ([CRASH, OUTAGE, cut("0 1 | 2 3")], 0),
        ([SILENT], 1),
        ([SILENT, CENSOR], 1),
        ([SILENT, TWINS], 2),
        ([{"fault": "silent_leader"}], 4),
        ([ANYBODY], 1),
        ([ANYBODY, SILENT], 2),  # another one may be drawn than is named
        ([ANYBODY, ANYBODY | {"fault": "twins"}], 2),
        ([ANYBODY | {"every": "9s", "lasting": "1s"}], 4),  # each time another one
        ([SILENT | {"every": "9s", "lasting": "1s"}], 1),  # each time the same one
        ([ANYBODY | {"drawn": 3}, TWINS, SILENT], 4),
        ([SILENT | {"under": ["attacked"]}], 0),
    ],
)
def test_the_most_byzantine_validators_of_a_run_are_counted(
    faults: list[dict[str, Any]], n_byzantine: int, tmp_path: Path
) -> None:
    scenario = load(tmp_path, chain={"allow_unsafe": True}, faults=faults)
    assert count_byzantine(scenario, "chain") == n_byzantine


@pytest.mark.parametrize("n_validators", [1, 3, 4, 6, 7, 10])
def test_exactly_so_many_may_be_byzantine_as_a_quorum_bears(
    n_validators: int, tmp_path: Path
) -> None:
    limit = get_fault_limit(n_validators)
    chain = {"validators": n_validators}
    for n_liars in range(1, n_validators + 1):
        faults = [SILENT | {"validators": list(range(n_liars))}]
        if n_liars <= limit:
            load(tmp_path, chain=chain, faults=faults)
        else:
            (error,) = refuse(tmp_path, chain=chain, faults=faults)
            assert error.problem.startswith(f"up to {n_liars} of {n_validators} validators")


def test_who_is_sure_to_have_a_twin(tmp_path: Path) -> None:
    faults = [
        TWINS | {"under": ["chain"]},
        TWINS | {"validators": [0], "under": ["chain", "attacked"]},
        {"fault": "twins", "drawn": 1},
    ]
    scenario = load(tmp_path, chain={"allow_unsafe": True}, faults=faults)
    twinned = {name: find_twinned(scenario, name) for name in ("unguarded", "chain", "attacked")}
    assert twinned == {"unguarded": set(), "chain": {0, 2}, "attacked": {0}}
