"""Twins: every way to cut four validators apart, one of whose keys runs twice, view by view.

A view is a leader and a split of the instances into groups that do not hear each other; a scenario
is a row of views, after which nothing is cut any more and the twins keep running. Names that can
be exchanged count once: honest validators among each other, the instances of a key.

Decision: a view's split also holds its time-outs back, and is lifted once nobody gets further.
Instead of: letting time-outs pass. Because: who hears a time-out learns of certificates, so what
they may not tell each other is half of the search; and a split that leaves no quorum anywhere
would otherwise keep all later views from ever being reached. Undo when: views move by a clock.

Source: Bano et al. 2021, "Twins: BFT systems made robust".
"""

from __future__ import annotations

from itertools import permutations, product
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.consensus.quorum import Setting
from sim.core.draws import Draws, draw_below
from sim.core.errors import InvariantError
from sim.core.purposes import Purpose
from sim.engine.timer import Timer
from sim.model.committee import Committee
from tests.committees import Unending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sim.consensus.messages import Block
    from sim.consensus.replica import Replica

N_VALIDATORS = 4
LINK_US = 10_000
TIMEOUT_US = 100_000  # five link delays are enough for a view that begins by a time-out
N_NEW = 3  # blocks that every honest replica has to commit once nothing is cut any more
HEALED_VIEWS_MAX = 4 * (N_VALIDATORS + 2)  # in which it has to
LOOK_US = 2 * TIMEOUT_US + 1  # never at the moment at which a message arrives
STEPS_MAX = 400  # looks at how far everybody is, before a scenario counts as stuck

Split = tuple[int, ...]  # group of each instance, by node


class View(NamedTuple):
    """Who leads, and who hears whom."""

    leader: int
    split: Split


Scenario = tuple[View, ...]


class Result(NamedTuple):
    """How a scenario ended."""

    problem: str  # invariant that broke, "liveness", or nothing
    n_views: int  # views that were cut, as far as they were reached
    n_healed: int  # views after them
    commits: tuple[tuple[int, bytes], ...] = ()  # node and block, in order


# what there is to enumerate


def create_splits(n_instances: int, n_groups_max: int = 2) -> list[Split]:
    """All ways to divide the instances into groups; the first instance is in group 0."""
    splits: list[Split] = [()]
    for _ in range(n_instances):
        splits = [
            (*split, group)
            for split in splits
            for group in range(min(n_groups_max, max(split, default=-1) + 2))
        ]
    return splits


def create_views(
    twins: Sequence[int] = (3,), n_groups_max: int = 2, leaders: Sequence[int] = range(4)
) -> list[View]:
    """Every view of a committee of four with twins."""
    splits = create_splits(N_VALIDATORS + len(twins), n_groups_max)
    return [View(leader, split) for leader, split in product(leaders, splits)]


def create_renamings(*, leaders_free: bool) -> list[list[int]]:
    """What each exchange of names makes of each view, as positions in `create_views()`.

    Leaders by rotation are names already given: then only the twins can be exchanged.
    """
    views = create_views()
    position = {view: index for index, view in enumerate(views)}
    renamings = []
    for honest in permutations(range(3)) if leaders_free else [(0, 1, 2)]:
        for instances in ((3, 4), (4, 3)):
            order = (*honest, *instances)
            renamings.append([position[_rename(view, order)] for view in views])
    return renamings


def _rename(view: View, order: Sequence[int]) -> View:
    """The view in which node `order[i]` is what node i was."""
    leader = order[view.leader] if view.leader < 3 else view.leader
    moved = [0] * len(order)
    for node, group in enumerate(view.split):
        moved[order[node]] = group
    numbers: dict[int, int] = {}  # groups are numbered as they come
    return View(leader, tuple([numbers.setdefault(group, len(numbers)) for group in moved]))


def count_orbits(n_views: int, *, leaders_free: bool) -> int:
    """Scenarios that no renaming makes of each other. Source: Burnside's lemma."""
    renamings = create_renamings(leaders_free=leaders_free)
    kept = range(64) if leaders_free else range(16)  # rotation: the views of any one leader
    fixed = [sum(1 for view in kept if image[view] == view) for image in renamings]
    return sum(n_fixed**n_views for n_fixed in fixed) // len(renamings)


def enumerate_scenarios(n_views: int, *, leaders_free: bool) -> Iterator[Scenario]:
    """One scenario of each orbit: the first of it in the order of views.

    A row of views is the first of its orbit if each of its views is the first among those that
    renamings make of it which leave all earlier views as they are.
    """
    views = create_views()
    renamings = create_renamings(leaders_free=leaders_free)

    def extend(row: Scenario, left: list[list[int]]) -> Iterator[Scenario]:
        if len(row) == n_views:
            yield row
            return
        rotated = (len(row) + 1) % N_VALIDATORS * 16
        for index in range(64) if leaders_free else range(rotated, rotated + 16):
            if all(image[index] >= index for image in left):
                still = [image for image in left if image[index] == index]
                yield from extend((*row, views[index]), still)

    return extend((), renamings)


def draw_scenario(views: Sequence[View], n_views: int, seed: int, number: int) -> Scenario:
    """A row of views, each drawn from all."""
    draws = Draws(seed, "twins", number)
    key0, key1, purpose = draws.key0, draws.key1, int(Purpose.FAULT_NODES)
    return tuple(
        views[draw_below(key0, key1, purpose, 0, place, len(views))] for place in range(n_views)
    )


def is_split_somewhere(scenario: Scenario) -> bool:
    """Whether anybody is cut off at all."""
    return any(max(view.split) for view in scenario)


# running one


class SplitByView:
    """Loses what crosses the split of the view that its sender is in."""

    def __init__(
        self, replicas: Sequence[Replica], scenario: Scenario, on_healed: Callable[[], None]
    ) -> None:
        self.replicas, self.on_healed = replicas, on_healed
        self.n_cut = len(scenario)
        self.split_of: dict[int, Split] = {
            number: view.split for number, view in enumerate(scenario, start=1) if max(view.split)
        }

    def carry(
        self, source: int, target: int, message: Any, ordinal: int, delays_us: list[int]
    ) -> list[int]:
        """Nothing between groups."""
        view = self.replicas[source].view
        if view > self.n_cut:
            self.on_healed()
            return delays_us
        split = self.split_of.get(view)
        if split is None or split[source] == split[target]:
            return delays_us
        return []


class Progress(Unending):
    """Work without end that sees when every honest replica has committed enough."""

    def __init__(self) -> None:
        super().__init__()
        self.heights: dict[int, int] = {}  # of honest nodes
        self.target = -1
        self.reached: Any = None

    def on_committed(self, node: int, block: Block, now_us: int) -> None:
        """Count a block; end the run once the last honest replica is there."""
        if node in self.heights:
            self.heights[node] = block.height
            if block.height == self.target and self.is_reached():
                self.reached.succeed()

    def is_reached(self) -> bool:
        """Whether every honest replica is where it has to be."""
        return min(self.heights.values()) >= self.target


class Run:
    """One scenario at work."""

    def __init__(
        self, scenario: Scenario, protocol: str, twins: Sequence[int], *, is_fatal: bool
    ) -> None:
        self.n_cut = len(scenario)
        n_nodes = N_VALIDATORS + len(twins)
        setting = Setting(
            N_VALIDATORS, TIMEOUT_US, TIMEOUT_US, LINK_US, tuple([view.leader for view in scenario])
        )
        self.work = Progress()
        self.committee = Committee(
            protocol,
            setting,
            [[LINK_US] * n_nodes] * n_nodes,
            self.work,
            twins=twins,
            is_fatal=is_fatal,
        )
        self.honest = [node for node in range(N_VALIDATORS) if node not in twins]
        self.work.heights = dict.fromkeys(self.honest, 0)
        self.work.reached = self.committee.env.event()
        self.cut = SplitByView(self.committee.replicas, scenario, self.on_healed)
        self.committee.network.disturbances.append(self.cut)
        self.looking = Timer(self.committee.env, self.look)
        self.lifted: list[tuple[int, int]] = []  # views and times
        self.n_steps = self.view_seen = 0
        self.is_stuck = False

    def get_view(self) -> int:
        """Where the most advanced replica is."""
        return max([replica.view for replica in self.committee.replicas])

    def on_healed(self) -> None:
        """The first replica has left the last view that is cut: from now on count new blocks."""
        if self.work.target < 0:
            self.work.target = max(self.work.heights.values()) + N_NEW

    def look(self) -> None:
        """Lift a split that nobody gets out of; notice if even that does not help."""
        view = self.get_view()
        if view == self.view_seen:
            for number in range(1, view + 1):
                if self.cut.split_of.pop(number, None):
                    self.lifted.append((number, self.committee.env.now))
        self.view_seen, self.n_steps = view, self.n_steps + 1
        if self.n_steps > STEPS_MAX or view > self.n_cut + HEALED_VIEWS_MAX:
            self.is_stuck = True
            self.work.reached.succeed()
        else:
            self.looking.arm(LOOK_US)

    def play(self) -> Result:
        """Run it to its end; InvariantError if a promise breaks."""
        committee = self.committee
        self.looking.arm(LOOK_US)
        committee.start()
        committee.env.run(until=self.work.reached)
        view = self.get_view()
        problem = "liveness" if self.is_stuck else ""
        commits = tuple([(record.node, record.block.digest) for record in committee.commits])
        return Result(problem, min(view, self.n_cut), max(0, view - self.n_cut), commits)


def run_scenario(
    scenario: Scenario,
    protocol: str = "hotstuff_2",
    twins: Sequence[int] = (3,),
    *,
    is_fatal: bool = True,
) -> Result:
    """Run one scenario; every checker is on, and what it finds is the problem of the result."""
    run = Run(scenario, protocol, twins, is_fatal=is_fatal)
    try:
        return run.play()
    except InvariantError as error:
        return Result(str(error), min(run.get_view(), run.n_cut), 0)
