"""A scenario file that shows what a schedule showed: run by the simulator, not by the search."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from sim.core.errors import InvariantError
from sim.experiment.cells import create_chunk
from sim.metrics.ordering import count_conflicts
from sim.model.run import run_replication
from sim.model.world import create_world
from sim.scenario.load import load_scenario
from sim.scenario.policies import create_policies
from tests.search.random_search import FORK
from tests.search.scenario_file import format_schedule
from tests.search.shrink import find_problem, shrink

if TYPE_CHECKING:
    from pathlib import Path

    from tests.search.schedules import Schedule


def run_file(path: Path) -> str:
    """What goes wrong when the simulator runs a file once, if anything."""
    loaded = load_scenario(path)
    policy = create_policies(loaded)["ordering"]
    try:
        trace = run_replication(create_world(loaded), policy, loaded.scenario.seed, 0)
    except InvariantError as error:
        return error.invariant
    return FORK if count_conflicts(create_chunk(trace, policy))[0] else ""


def shrink_to_file(schedule: Schedule, path: Path) -> Schedule:
    """The smallest schedule found whose file has its problem as well; the file is left there.

    Where not even the whole schedule's file has it, a warning says so: blocks come from calls in
    the simulator and are always there in the search, so messages may fall differently.
    """

    def find_both(candidate: Schedule) -> str:
        problem = find_problem(candidate)
        path.write_text(format_schedule(candidate))
        return problem if problem and run_file(path) == problem else ""

    if not find_both(schedule):
        warnings.warn("the scenario file does not show what the schedule shows", stacklevel=2)
        return shrink(schedule)
    smaller = shrink(schedule, find_both)
    path.write_text(format_schedule(smaller))
    return smaller
