"""Random search: drawn schedules of faults, first for safety, then, once healed, for progress.

Until a schedule's healing time every checker is on and nothing has to move. Then all faults end,
crashed validators are back, Byzantine ones honest or silent, and every honest replica has to
commit `N_NEW` blocks more within a budget.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from sim.consensus.quorum import Setting, get_fault_limit
from sim.core.draws import Draws
from sim.core.errors import InvariantError
from sim.model.committee import Committee
from sim.model.faulting import FaultSite, draw_episodes
from tests.committees import Unending
from tests.search.schedules import draw_schedule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.search.schedules import Schedule

N_NEW = 3  # blocks that every honest replica has to commit once healed
SLACK = 10  # times the budget that is allowed
SYNCHRONISING_VIEWS = 2  # until all honest replicas are in one view
CRASHES = (KeyError, IndexError, AttributeError, TypeError, ValueError, RecursionError)
LIVENESS = "liveness"
FORK = "I1 agreement"
DETAILS = {
    "": "",
    LIVENESS: "no progress after the healing",
    FORK: "honest replicas committed different blocks at one height",
}


class Outcome(NamedTuple):
    """How a schedule ended.

    `problem` is the name of the invariant that broke, "liveness", an exception, or nothing.
    """

    problem: str
    detail: str
    n_views: int  # that the most advanced honest replica entered before the healing
    n_commits: int  # of the most advanced honest replica, before the healing
    at_us: int  # when it ended
    faults: tuple[str, ...]  # that began, one entry an episode
    n_lost: int
    n_evidence: int


class Search:
    """One schedule at work."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.is_borne = len(schedule.get_byzantine()) <= get_fault_limit(schedule.n_validators)
        draws = Draws(schedule.seed, "search", schedule.number)
        self.setting = Setting(
            schedule.n_validators,
            schedule.timeout_us,
            schedule.timeout_max_us,
            schedule.leader_wait_us,
            schedule.first_leaders,
        )
        twins = schedule.get_twinned()
        n_nodes = schedule.n_validators + len(twins)
        self.committee = Committee(
            schedule.protocol,
            self.setting,
            [[schedule.link_us] * n_nodes] * n_nodes,
            Unending(),
            interval_us=schedule.interval_us,
            twins=twins,
            byzantine=schedule.get_byzantine(),
            is_fatal=self.is_borne,
        )
        self.episodes = draw_episodes(
            schedule.plans, schedule.n_validators, schedule.heal_us, draws
        )
        self.site = FaultSite(self.committee, draws, schedule.get_regions())
        self.site.schedule(self.episodes)
        self.honest = [
            replica
            for node, replica in enumerate(self.committee.replicas)
            if self.committee.is_honest[node]
        ]
        self.n_views = self.n_commits = 0

    def play(self) -> str:
        """Run both phases; what the second one fails to reach."""
        self.committee.start()
        self.committee.run(self.schedule.heal_us)
        self.count()
        if not self.is_borne:  # nothing is promised, so all that counts is whether there is a fork
            return FORK if self.committee.watch.n_conflicts else ""
        self.committee.run(self.schedule.heal_us + 1)  # what ends then, ends
        for validator in self.schedule.silent:
            self.site.crash(validator)
        return "" if self.is_healed() else LIVENESS

    def count(self) -> None:
        """Note how far the most advanced honest replica is."""
        self.n_views = max([replica.view for replica in self.honest])
        self.n_commits = max([len(replica.committed) for replica in self.honest]) - 1

    def is_healed(self) -> bool:
        """Whether all honest replicas come to one height, some blocks above where any was.

        The budget: views until all are in one, then until enough honest leaders follow each
        other, each as long as the largest timer that any replica has come to.
        """
        target = max([len(replica.committed) for replica in self.honest]) + N_NEW
        n_views = SYNCHRONISING_VIEWS + self.schedule.n_validators + 2
        timer_us = spent_us = 0
        while spent_us <= SLACK * n_views * timer_us:
            if min([len(replica.committed) for replica in self.honest]) >= target:
                return True
            timer_us = max(timer_us, *[replica.get_timeout_us() for replica in self.honest])
            spent_us += self.schedule.timeout_us
            self.committee.run(self.schedule.heal_us + 1 + spent_us)
        return False


def run_schedule(schedule: Schedule) -> Outcome:
    """Run a schedule; whatever goes wrong is in the outcome."""
    search = Search(schedule)
    problem = detail = ""
    try:
        problem = search.play()
        detail = DETAILS[problem]
    except InvariantError as error:
        problem, detail = error.invariant, str(error)
    except CRASHES as error:
        problem, detail = type(error).__name__, repr(error)
    if not search.n_views:
        search.count()
    now_us = int(search.committee.env.now)
    begun = [each.name for each in search.episodes if each.from_us <= now_us]
    return Outcome(
        problem,
        detail,
        search.n_views,
        search.n_commits,
        now_us,
        tuple(begun),
        search.committee.network.n_lost,
        len(search.committee.evidence),
    )


class Tally:
    """What a row of schedules came to."""

    def __init__(self) -> None:
        self.n_schedules = self.n_views = self.n_commits = 0
        self.failures: list[tuple[Schedule, Outcome]] = []
        self.happened: Counter[str] = Counter()

    def add(self, schedule: Schedule, outcome: Outcome) -> None:
        """Count one."""
        self.n_schedules += 1
        self.n_views += outcome.n_views
        self.n_commits += outcome.n_commits
        self.happened.update(outcome.faults)
        self.happened["lost message"] += outcome.n_lost
        self.happened["evidence"] += outcome.n_evidence
        if outcome.problem:
            self.failures.append((schedule, outcome))


def draw_numbers(seed: int, shard: int, n_shards: int, n_beyond: int = 0) -> Iterator[Schedule]:
    """Every `n_shards`-th schedule of a seed, without end."""
    number = shard
    while True:
        yield draw_schedule(seed, number, n_beyond)
        number += n_shards


def search_views(
    seed: int, n_views: int, shard: int = 0, n_shards: int = 1, n_failures_max: int = 1
) -> Tally:
    """Run schedules until so many views were faulted, or until some have failed."""
    tally = Tally()
    for schedule in draw_numbers(seed, shard, n_shards):
        tally.add(schedule, run_schedule(schedule))
        if tally.n_views >= n_views or len(tally.failures) >= n_failures_max:
            break
    return tally


def find_failure(
    seed: int, n_schedules: int, n_beyond: int = 0, first: int = 0
) -> tuple[Schedule, Outcome] | None:
    """First schedule that fails, of so many."""
    for number in range(first, first + n_schedules):
        schedule = draw_schedule(seed, number, n_beyond)
        outcome = run_schedule(schedule)
        if outcome.problem:
            return schedule, outcome
    return None


def compute_failure_bound(n_schedules: int, level: float = 0.95) -> float:
    """Upper bound of the share of schedules that fail, when of so many none did.

    Source: Hanley, Lippman-Hand 1983, "If nothing goes wrong, is everything all right?".
    """
    return 1 - (1 - level) ** (1 / n_schedules) if n_schedules else 1.0
