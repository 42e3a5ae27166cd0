"""From a schedule that fails to a smaller one that fails in the same way.

Greedy: whatever can be left out, shortened or reduced is, one thing at a time, until nothing can.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sim.core.draws import Draws
from sim.faults.partition import Partition
from sim.model.faulting import Plan, draw_episodes
from tests.search.random_search import run_schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tests.search.schedules import Schedule

N_RUNS_MAX = 2_000
SHORTEST_US = 1_000  # shorter episodes are not made
FEWEST = 4  # validators


def find_problem(schedule: Schedule) -> str:
    """What goes wrong in a schedule, if anything."""
    return run_schedule(schedule).problem


def shrink(schedule: Schedule, get_problem: Callable[[Schedule], str] = find_problem) -> Schedule:
    """The smallest schedule found that has the problem of this one."""
    problem = get_problem(schedule)
    n_runs = 0
    is_smaller = bool(problem)
    while is_smaller and n_runs < N_RUNS_MAX:
        is_smaller = False
        for candidate in create_candidates(schedule):
            n_runs += 1
            if get_problem(candidate) == problem:
                schedule, is_smaller = candidate, True
                break
    return schedule


def create_candidates(schedule: Schedule) -> Iterator[Schedule]:
    """Schedules with a little less, the largest steps first."""
    plans = schedule.plans
    for leaver in range(schedule.n_validators if schedule.n_validators > FEWEST else 0):
        yield remove_validator(schedule, leaver)
    for place in range(len(plans)):
        yield replace_plan(schedule, place, ())
    if schedule.silent:
        yield schedule._replace(silent=())
    for place, plan in enumerate(plans):
        if plan.every_us:
            yield replace_plan(schedule, place, spell_out(schedule, plan))
    for place, plan in enumerate(plans):
        for validator in plan.validators if len(plan.validators) > 1 else ():
            fewer = tuple([each for each in plan.validators if each != validator])
            yield replace_plan(schedule, place, (plan._replace(validators=fewer),))
        middle_us = (plan.from_us + plan.until_us) // 2
        if plan.until_us - plan.from_us > SHORTEST_US and not plan.every_us:
            yield replace_plan(schedule, place, (plan._replace(until_us=middle_us),))
            yield replace_plan(schedule, place, (plan._replace(from_us=middle_us),))
    ends_us = max([plan.until_us for plan in plans], default=0)
    if ends_us < schedule.heal_us:
        yield schedule._replace(heal_us=max(1, ends_us))


def replace_plan(schedule: Schedule, place: int, instead: tuple[Plan, ...]) -> Schedule:
    """The same schedule with something else in place of one plan."""
    plans = (*schedule.plans[:place], *instead, *schedule.plans[place + 1 :])
    smaller = schedule._replace(plans=plans)
    byzantine, twinned = smaller.get_byzantine(), smaller.get_twinned()
    return smaller._replace(
        plans=tuple([name_known(plan, schedule.n_validators, twinned) for plan in plans]),
        silent=tuple([validator for validator in smaller.silent if validator in byzantine]),
    )


def spell_out(schedule: Schedule, plan: Plan) -> tuple[Plan, ...]:
    """The episodes of a plan that recurs, one by one."""
    draws = Draws(schedule.seed, "search", schedule.number)
    same = schedule.plans[: schedule.plans.index(plan) + 1]
    before = draw_episodes(same[:-1], schedule.n_validators, schedule.heal_us, draws)
    episodes = draw_episodes(same, schedule.n_validators, schedule.heal_us, draws)[len(before) :]
    return tuple(
        [
            Plan(
                each.name, each.fault, each.validators, from_us=each.from_us, until_us=each.until_us
            )
            for each in episodes
        ]
    )


def remove_validator(schedule: Schedule, leaver: int) -> Schedule:
    """The same schedule without one validator; those after it move up by one."""

    def keep(validators: tuple[int, ...]) -> tuple[int, ...]:
        return tuple([each - (each > leaver) for each in validators if each != leaver])

    kept = []
    for plan in schedule.plans:
        if keep(plan.validators) or not plan.validators:
            kept.append(rename_groups(plan._replace(validators=keep(plan.validators)), leaver))
    return schedule._replace(
        n_validators=schedule.n_validators - 1,
        plans=tuple(kept),
        silent=keep(schedule.silent),
        first_leaders=keep(schedule.first_leaders),
    )


def rename_groups(plan: Plan, leaver: int) -> Plan:
    """The same plan, its groups without the leaver and with the new numbers of the others."""
    if not isinstance(plan.fault, Partition):
        return plan
    groups = []
    for group in plan.fault.groups.split("|"):
        named = [(int(name.rstrip("b")), "b" * name.endswith("b")) for name in group.split()]
        groups.append([f"{v - (v > leaver)}{twin}" for v, twin in named if v != leaver])
    return plan._replace(fault=replace(plan.fault, groups=join_groups(groups)))


def join_groups(groups: Iterable[Sequence[str]]) -> str:
    """Groups as a partition states them."""
    return " | ".join([" ".join(group) for group in groups if group])


def name_known(plan: Plan, n_validators: int, twinned: list[int]) -> Plan:
    """The same plan with only those nodes in its groups that there are."""
    if not isinstance(plan.fault, Partition):
        return plan
    known = {str(v) for v in range(n_validators)} | {f"{v}b" for v in twinned}
    groups = [
        [name for name in group.split() if name in known] for group in plan.fault.groups.split("|")
    ]
    return plan._replace(fault=replace(plan.fault, groups=join_groups(groups)))
