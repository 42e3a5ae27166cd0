from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.core.draws import Draws
from sim.core.errors import InvariantError
from sim.core.records import TASK
from sim.experiment.pairing import check_synchronised
from sim.model.exogenous import compute_exogenous_digest
from tests.worlds import (
    SHIPPED,
    create_reacher,
    create_worker,
    get_policies,
    load_shipped,
    load_world,
    run,
)

POLICIES = ("unguarded", "gateway", "chain", "layered")
HORIZON_US = 40_000_000


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.slow
def test_every_policy_of_a_shipped_scenario_faces_the_same_world(name: str) -> None:
    world = load_shipped(name, horizon=6_000_000)
    policies = get_policies(world)
    check_synchronised(
        {name: [run(world, policy).exogenous] for name, policy in policies.items()}, 1
    )


def test_replications_and_seeds_face_other_worlds(tmp_path: Path) -> None:
    world = load_world(tmp_path)
    places = [(replication, seed) for replication in range(4) for seed in (1, 2, 3)]
    digests = {run(world, "gateway", *place).exogenous for place in places}
    assert len(digests) == len(places)


def test_a_change_of_another_group_is_another_world_and_of_the_policies_is_not(
    tmp_path: Path,
) -> None:
    plain = run(load_world(tmp_path), "gateway").exogenous
    fewer = run(load_world(tmp_path, policies=["unguarded", "gateway"]), "gateway").exogenous
    more = run(
        load_world(tmp_path, agents=[create_worker(), create_reacher()]), "gateway"
    ).exogenous
    assert plain == fewer
    assert plain != more


def test_the_name_of_the_policy_in_the_key_is_caught(tmp_path: Path) -> None:
    world = load_world(tmp_path)
    stream = world.loaded.stream
    exogenous = {}
    for name in POLICIES:
        scenario = world.scenario.model_copy(update={"stream": f"{stream} {name}"})
        planted = world.loaded._replace(scenario=scenario)
        exogenous[name] = [run(replace(world, loaded=planted), name, 0).exogenous]
    with pytest.raises(
        InvariantError, match=r"as under unguarded, found .* under gateway"
    ) as caught:
        check_synchronised(exogenous, 7)
    assert "--policy unguarded --policy gateway --seed 7" in caught.value.replay
    assert caught.value.exit_code == 3


def test_the_first_replication_that_differs_is_named() -> None:
    with pytest.raises(InvariantError, match=r"# replication 2$"):
        check_synchronised({"a": [b"x", b"y", b"z"], "b": [b"x", b"y", b"w"]}, 1)


def test_a_policy_with_fewer_replications_is_compared_by_those() -> None:
    check_synchronised({"a": [b"x", b"y"], "b": [b"x"], "c": []}, 1)


class TestDigest:
    draws = Draws(1, "test", 0)
    entities = np.arange(3, dtype=np.int64)

    def create_tasks(self) -> np.ndarray:
        tasks = np.zeros(4, dtype=TASK)
        tasks["agent"], tasks["task"] = [0, 0, 1, 1], [0, 1, 0, 1]
        tasks["submitted_us"] = [10, 20, 5, HORIZON_US]
        return tasks

    def compute(self, tasks: np.ndarray) -> bytes:
        return compute_exogenous_digest(self.draws, (self.entities,), tasks, HORIZON_US)

    def test_it_holds_what_came_and_not_what_was_made_of_it(self) -> None:
        tasks = self.create_tasks()
        expected = self.compute(tasks)
        tasks["started_us"], tasks["finished_us"] = 7, 9
        assert self.compute(tasks[::-1]) == expected

    def test_tasks_from_the_horizon_on_are_left_out(self) -> None:
        tasks = self.create_tasks()
        assert self.compute(tasks) == self.compute(tasks[:3])
        assert self.compute(tasks) != self.compute(tasks[:2])

    @pytest.mark.parametrize("column", ["agent", "task", "template", "submitted_us", "deadline_us"])
    def test_each_part_of_a_task_counts(self, column: str) -> None:
        tasks = self.create_tasks()
        expected = self.compute(tasks)
        tasks[column][1] += 1
        assert self.compute(tasks) != expected
