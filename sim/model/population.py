"""Agents in columns: who is due, what they see, and how a decision moves them on."""

from __future__ import annotations

import numpy as np

from sim.core.compiled import njit
from sim.core.draws import draw_below, draw_ppm, draw_wait_us
from sim.core.purposes import Purpose
from sim.core.records import Goal, Ints, Record, Records
from sim.core.units import PPM
from sim.model.layout import ATTEMPTS_MAX, TASK_STRIDE, Life, Phase

_ARRIVAL, _TEMPLATE, _THINK = (
    int(Purpose.ARRIVAL),
    int(Purpose.TASK_TEMPLATE),
    int(Purpose.THINK),
)
_CROSS_ORG, _OWNER, _ON_DENIAL = int(Purpose.CROSS_ORG), int(Purpose.OWNER), int(Purpose.ON_DENIAL)
_TASKED, _OUTSIDE = int(Life.TASKED), int(Life.OUTSIDE)
_SCRIPTED = int(Life.SCRIPTED)
_WAITING, _WORKING = int(Phase.WAITING), int(Phase.WORKING)
_IN_FLIGHT, _DONE = int(Phase.IN_FLIGHT), int(Phase.DONE)
_WORK = int(Goal.WORK)

# rows of the matrix that `observe` fills; the order of `Observation`'s columns
OBSERVED = [
    "agent",
    "entity",
    "account",
    "time_us",
    "task",
    "step",
    "n_steps",
    "acted",
    "operation",
    "goal",
    "path",
    "arguments_from",
    "arguments_to",
    "offered_first",
    "n_offered",
    "foreign_from",
]


@njit
def start_population(agents: Records, groups: Records, key0: np.uint64, key1: np.uint64) -> None:
    """Draw when each agent's first task or act comes."""
    for row in range(agents.shape[0]):
        agent = agents[row]
        group = groups[agent["group"]]
        wait_us = 0
        if group["life"] != _SCRIPTED:
            wait_us = draw_wait_us(key0, key1, _ARRIVAL, agent["entity"], 0, group["arrival_us"])
        agent["arrival_us"] = agent["starts_us"] + wait_us
        agent["next_us"] = agent["arrival_us"]


@njit
def collect_due(agents: Records, until_us: int, starting: Ints, acting: Ints) -> tuple[int, int]:
    """Agents that pick up a task, and agents that make a call, before a time.

    Shapes: starting and acting int64 (n_agents,), filled from the front in ascending order.
    Return: how many of each.
    """
    n_starting = 0
    n_acting = 0
    for row in range(agents.shape[0]):
        agent = agents[row]
        if agent["next_us"] >= until_us or agent["phase"] > _WORKING:
            continue
        if agent["phase"] == _WAITING:
            starting[n_starting] = row
            n_starting += 1
        else:
            acting[n_acting] = row
            n_acting += 1
    return n_starting, n_acting


@njit
def choose_template(
    agent: Record, group: Record, weights: Ints, key0: np.uint64, key1: np.uint64
) -> int:
    """Which task comes next: the next recorded one, or a weighted draw."""
    if group["life"] != _TASKED:
        return agent["template"]
    drawn = draw_ppm(key0, key1, _TEMPLATE, agent["entity"], agent["task"])
    for pair in range(group["weights_from"], group["weights_to"]):
        if drawn < weights[2 * pair]:
            return weights[2 * pair + 1]
    return weights[2 * group["weights_to"] - 1]


@njit
def start_tasks(
    agents: Records,
    starting: Ints,
    groups: Records,
    templates: Records,
    steps: Records,
    weights: Ints,
    think_us_min: int,
    key0: np.uint64,
    key1: np.uint64,
    tasks: Records,
    first_row: int,
) -> int:
    """Agents pick up the task that has come; outsiders make ready for their next act.

    Shapes: tasks TASK, filled from `first_row` on.
    Return: first free row of tasks.
    """
    task_row = first_row
    for index in range(starting.shape[0]):
        agent = agents[starting[index]]
        group = groups[agent["group"]]
        template = choose_template(agent, group, weights, key0, key1)
        agent["template"] = template
        agent["step"] = 0
        agent["acted"] = 0
        agent["attempt"] = 0
        agent["path_attempt"] = 0
        agent["phase"] = _WORKING
        if group["life"] == _OUTSIDE:
            agent["next_us"] += think_us_min
            continue
        task = tasks[task_row]
        task["agent"] = starting[index]
        task["task"] = agent["task"]
        task["template"] = template
        task["submitted_us"] = agent["arrival_us"]
        task["started_us"] = agent["next_us"]
        task["deadline_us"] = agent["arrival_us"] + templates[template]["deadline_us"]
        task["finished_us"] = -1
        agent["task_row"] = task_row
        task_row += 1
        agent["next_us"] = get_next_step_us(
            agent, group, templates, steps, agent["next_us"], think_us_min, key0, key1
        )
    return task_row


@njit
def get_next_step_us(
    agent: Record,
    group: Record,
    templates: Records,
    steps: Records,
    from_us: int,
    think_us_min: int,
    key0: np.uint64,
    key1: np.uint64,
) -> int:
    """When the agent makes its next call, if the last thing ended at `from_us`."""
    ordinal = agent["task"] * TASK_STRIDE + 2 * agent["step"] + agent["acted"]
    wait_us = draw_wait_us(key0, key1, _THINK, agent["entity"], ordinal, group["think_us"])
    step = steps[templates[agent["template"]]["steps_from"] + agent["step"]]
    if step["at_us"] >= 0:
        return max(step["at_us"], from_us + think_us_min)
    return from_us + think_us_min + wait_us


@njit
def observe(
    agents: Records,
    acting: Ints,
    groups: Records,
    templates: Records,
    steps: Records,
    catalogue_first: Ints,
    key0: np.uint64,
    key1: np.uint64,
    observed: Ints,
) -> None:
    """What the agents that are due see.

    Shapes: observed int64 (len(OBSERVED), n): one row for each column of an observation.
    """
    for column in range(acting.shape[0]):
        agent = agents[acting[column]]
        group = groups[agent["group"]]
        template = templates[agent["template"]]
        step = steps[template["steps_from"] + agent["step"]]
        offered_first = agent["offered_first"]
        ordinal = agent["task"] * TASK_STRIDE + agent["step"]
        if group["cross_org_ppm"] > 0 and (
            draw_ppm(key0, key1, _CROSS_ORG, agent["entity"], ordinal) < group["cross_org_ppm"]
        ):
            n_orgs = catalogue_first.shape[0]
            shift = 1 + draw_below(key0, key1, _OWNER, agent["entity"], ordinal, n_orgs - 1)
            offered_first = catalogue_first[(agent["org"] + shift) % n_orgs]
        account = step["account"] if step["account"] >= 0 else agent["account"]
        values = (
            acting[column],
            agent["entity"],
            account,
            agent["next_us"],
            agent["task"],
            agent["step"],
            template["steps_to"] - template["steps_from"],
            agent["acted"],
            offered_first + step["offset"],
            step["goal"],
            step["path"],
            step["arguments_from"],
            step["arguments_to"],
            offered_first,
            agent["n_offered"],
            0,
        )
        for row in range(len(values)):
            observed[row, column] = values[row]


@njit
def settle(
    agents: Records,
    groups: Records,
    templates: Records,
    steps: Records,
    tasks: Records,
    truths: Records,
    codes: Ints,
    think_us_min: int,
    key0: np.uint64,
    key1: np.uint64,
) -> None:
    """Move every agent whose call was decided on to whatever it does next."""
    for row in range(truths.shape[0]):
        truth = truths[row]
        if truth["agent"] < 0:
            continue
        agent = agents[truth["agent"]]
        group = groups[agent["group"]]
        agent["phase"] = _WORKING
        if codes[row] == 0:
            end_call(agent, truth)
        elif not is_trying_again(agent, group, truth, key0, key1):
            if truth["goal"] == _WORK:  # the task cannot go on without this call
                end_task(agent, group, truth["final_us"], think_us_min, key0, key1)
                continue
            end_call(agent, truth)
        template = templates[agent["template"]]
        if agent["step"] == template["steps_to"] - template["steps_from"]:
            if group["life"] != _OUTSIDE:
                tasks[agent["task_row"]]["finished_us"] = truth["final_us"]
            end_task(agent, group, truth["final_us"], think_us_min, key0, key1)
            continue
        agent["next_us"] = get_next_step_us(
            agent, group, templates, steps, truth["final_us"], think_us_min, key0, key1
        )


@njit
def end_call(agent: Record, truth: Record) -> None:
    """An extra act leaves the step as it is; anything else ends it."""
    agent["attempt"] = 0
    agent["path_attempt"] = 0
    if truth["call"] >= TASK_STRIDE // 2 and truth["call"] - TASK_STRIDE // 2 == agent["step"]:
        agent["acted"] = 1
    if truth["call"] < TASK_STRIDE // 2 or agent["task_row"] < 0:
        agent["step"] += 1
        agent["acted"] = 0


@njit
def is_trying_again(
    agent: Record, group: Record, truth: Record, key0: np.uint64, key1: np.uint64
) -> bool:
    """Whether a refused agent tries once more, the same way or by another path."""
    if agent["attempt"] + 1 >= ATTEMPTS_MAX or group["give_up_ppm"] == PPM:
        return False
    ordinal = (truth["task"] * TASK_STRIDE + truth["call"]) * ATTEMPTS_MAX + truth["attempt"]
    drawn = draw_ppm(key0, key1, _ON_DENIAL, agent["entity"], ordinal)
    if drawn < group["give_up_ppm"]:
        return False
    agent["attempt"] += 1
    if drawn >= group["give_up_ppm"] + group["retry_ppm"]:
        agent["path_attempt"] = agent["attempt"]
    return True


@njit
def end_task(
    agent: Record,
    group: Record,
    now_us: int,
    think_us_min: int,
    key0: np.uint64,
    key1: np.uint64,
) -> None:
    """Wait for the next task, if there is one, but never act again at once."""
    agent["task"] += 1
    agent["attempt"] = 0
    agent["path_attempt"] = 0
    agent["acted"] = 0
    agent["step"] = 0
    agent["phase"] = _WAITING
    if group["life"] != _TASKED and group["life"] != _OUTSIDE:
        agent["template"] += 1
        if agent["template"] >= agent["template_last"]:
            agent["phase"] = _DONE
            return
    agent["arrival_us"] += draw_wait_us(
        key0, key1, _ARRIVAL, agent["entity"], agent["task"], group["arrival_us"]
    )
    agent["next_us"] = max(agent["arrival_us"], now_us + think_us_min)


@njit
def count_untouched_tasks(
    agents: Records,
    groups: Records,
    templates: Records,
    weights: Ints,
    horizon_us: int,
    key0: np.uint64,
    key1: np.uint64,
    tasks: Records,
    first_row: int,
) -> int:
    """Tasks that came before the horizon but were never picked up; list them too.

    Return: first free row of tasks; past the table's end if it is too small.
    """
    task_row = first_row
    for row in range(agents.shape[0]):
        agent = agents[row]
        group = groups[agent["group"]]
        if group["life"] == _OUTSIDE or agent["phase"] == _DONE:
            continue
        ordinal = agent["task"]
        arrival_us = agent["arrival_us"]
        template = agent["template"]
        if agent["phase"] != _WAITING:  # the current one is listed; look from the next on
            ordinal += 1
            template += 1
            arrival_us += draw_wait_us(
                key0, key1, _ARRIVAL, agent["entity"], ordinal, group["arrival_us"]
            )
        while arrival_us < horizon_us:
            if group["life"] == _TASKED:
                agent["task"] = ordinal
                template = choose_template(agent, group, weights, key0, key1)
            elif template >= agent["template_last"]:
                break
            if task_row < tasks.shape[0]:
                task = tasks[task_row]
                task["agent"] = row
                task["task"] = ordinal
                task["template"] = template
                task["submitted_us"] = arrival_us
                task["started_us"] = -1
                task["deadline_us"] = arrival_us + templates[template]["deadline_us"]
                task["finished_us"] = -1
            task_row += 1
            ordinal += 1
            template += 1
            arrival_us += draw_wait_us(
                key0, key1, _ARRIVAL, agent["entity"], ordinal, group["arrival_us"]
            )
    return task_row
