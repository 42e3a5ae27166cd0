"""What strategies are made of."""

from __future__ import annotations

import numpy as np

from sim.core.records import ATTACK_CALL_FIRST, Goal
from sim.strategies.base import (
    STEPS_MAX,
    create_work,
    get_goal_operations,
    get_ordinal,
    set_extra_act,
)
from tests.worlds import create_seen


def test_work_is_what_the_task_says() -> None:
    seen = create_seen(3, step=[0, 1, 2], operation=[5, 6, 7], arguments_from=4, arguments_to=9)
    intents = create_work(seen)
    assert intents["call"].tolist() == [0, 1, 2]
    assert intents["operation"].tolist() == [5, 6, 7]
    assert set(intents["arguments_from"].tolist()) == {4}
    assert set(intents["arguments_to"].tolist()) == {9}
    assert not intents["resent"].any()


def test_no_two_steps_of_a_life_share_an_ordinal() -> None:
    tasks, steps = np.divmod(np.arange(10 * STEPS_MAX), STEPS_MAX)
    ordinals = get_ordinal(create_seen(len(tasks), task=tasks, step=steps))
    assert len(set(ordinals.tolist())) == len(tasks)


def test_an_attack_names_an_argument_that_no_task_names() -> None:
    seen = create_seen(2, step=[3, 4], foreign_from=0, arguments_from=7, arguments_to=8)
    for goal, arguments in ((Goal.ATTACK, (0, 1)), (Goal.ERROR, (7, 8))):
        intents = create_work(seen)
        set_extra_act(intents, seen, np.array([False, True]), np.array([9]), goal)
        assert intents["call"].tolist() == [3, ATTACK_CALL_FIRST + 4]
        assert intents["goal"].tolist() == [Goal.WORK, goal]
        assert (intents["arguments_from"][1], intents["arguments_to"][1]) == arguments
        assert (intents["arguments_from"][0], intents["arguments_to"][0]) == (7, 8)


def test_goals_are_looked_for_where_the_agent_turns_to() -> None:
    seen = create_seen(3, offered_first=[0, 10, 20], goals=[2, 5])
    where = np.array([True, False, True])
    assert get_goal_operations(seen, where, np.array([0, 1])).tolist() == [2, 25]
