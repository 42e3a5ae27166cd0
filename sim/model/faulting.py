"""Faults at work: which validators go wrong, from when until when, and what that touches.

A schedule is explicit or drawn; either way it becomes a list of episodes, which is kept with the
result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sim.core.identity import compute_entity
from sim.core.purposes import Purpose
from sim.faults.base import Behaviour, Class, End, Fault

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from simpy import Event

    from sim.core.draws import Draws
    from sim.engine.network import Disturbance
    from sim.model.committee import Committee

NEVER_US = -1  # an episode that does not end
DRAWS_A_START = 64  # ordinals that one drawn episode takes up


class Plan(NamedTuple):
    """One entry of a schedule, as a scenario states it.

    Units: times in microseconds; `every_us` and `lasting_us` are means, 0: once.
    """

    name: str
    fault: Fault
    validators: tuple[int, ...] = ()
    n_drawn: int = 0  # that many validators drawn instead
    from_us: int = 0
    until_us: int = NEVER_US
    every_us: int = 0
    lasting_us: int = 0


class Episode(NamedTuple):
    """One fault at some validators for some time."""

    name: str
    fault: Fault
    validators: tuple[int, ...]
    from_us: int
    until_us: int


def draw_episodes(
    plans: Sequence[Plan], n_validators: int, horizon_us: int, draws: Draws
) -> list[Episode]:
    """Every episode of every plan; what one plan draws does not depend on the others."""
    episodes = []
    for index, plan in enumerate(plans):
        same = sum(1 for other in plans[:index] if other.name == plan.name)
        entity = compute_entity(plan.name, same)
        if plan.every_us:
            episodes += _draw_recurring(plan, entity, n_validators, horizon_us, draws)
        else:
            validators = _draw_validators(plan, entity, 0, n_validators, draws)
            episodes.append(Episode(plan.name, plan.fault, validators, plan.from_us, plan.until_us))
    return episodes


def _draw_recurring(
    plan: Plan, entity: int, n_validators: int, horizon_us: int, draws: Draws
) -> list[Episode]:
    last_us = horizon_us if plan.until_us == NEVER_US else plan.until_us
    episodes: list[Episode] = []
    at_us, ordinal = plan.from_us, 0
    while True:
        at_us += int(draws.get_wait_us(Purpose.FAULT_START, entity, ordinal, plan.every_us)[0])
        if at_us >= last_us:
            return episodes
        length_us = int(
            draws.get_wait_us(Purpose.FAULT_LENGTH, entity, ordinal, plan.lasting_us)[0]
        )
        validators = _draw_validators(plan, entity, ordinal, n_validators, draws)
        until_us = min(at_us + max(1, length_us), last_us)
        episodes.append(Episode(plan.name, plan.fault, validators, at_us, until_us))
        at_us, ordinal = until_us, ordinal + 1


def _draw_validators(
    plan: Plan, entity: int, ordinal: int, n_validators: int, draws: Draws
) -> tuple[int, ...]:
    """The validators named, or as many drawn without repeats; all of them if neither."""
    if plan.validators:
        return plan.validators
    if not plan.n_drawn:
        return tuple(range(n_validators))
    left = list(range(n_validators))
    chosen = []
    for place in range(min(plan.n_drawn, n_validators)):
        key = ordinal * DRAWS_A_START + place
        drawn = draws.get_below(Purpose.FAULT_NODES, entity, key, len(left))
        chosen.append(left.pop(int(drawn[0])))
    return tuple(sorted(chosen))


def get_byzantine(episodes: Sequence[Episode]) -> list[int]:
    """Validators that are Byzantine at some time, twins' owners among them."""
    return sorted(
        {
            validator
            for episode in episodes
            if episode.fault.kind is Class.BYZANTINE
            for validator in episode.validators
        }
    )


def get_twinned(episodes: Sequence[Episode]) -> list[int]:
    """Validators whose key a second node runs at some time."""
    return sorted(
        {
            validator
            for episode in episodes
            if episode.name == "twins"
            for validator in episode.validators
        }
    )


class FaultSite:
    """What faults may touch of a committee."""

    def __init__(self, committee: Committee, draws: Draws, regions: Sequence[str]) -> None:
        self.committee, self.draws, self.regions = committee, draws, regions
        self.n_stops = [0] * len(committee.replicas)
        self.censored: dict[int, list[str]] = {}  # node -> groups it leaves out
        for node in range(committee.setting.n_validators, len(committee.replicas)):
            self.crash(node)  # twins stand still until their fault begins

    def schedule(self, episodes: Sequence[Episode]) -> None:
        """Let every episode begin and end at its times."""
        for episode in episodes:
            self.committee.env.process(self.live(episode))

    def live(self, episode: Episode) -> Generator[Event, None, None]:
        """One episode."""
        env = self.committee.env
        yield env.timeout(max(0, episode.from_us - int(env.now)))
        end = episode.fault.begin(self, episode.validators)
        if episode.until_us != NEVER_US:
            yield env.timeout(episode.until_us - int(env.now))
            end()

    def get_nodes(self) -> Sequence[int]:
        """All nodes: one a validator, then their twins."""
        return range(len(self.committee.replicas))

    def get_twins(self, node: int) -> Sequence[int]:
        """Further nodes that run a node's validator."""
        return self.committee.nodes_of[node][1:]

    def find_node(self, name: str) -> int:
        """Node by its name: the number of a validator, `2b` for the twin of validator 2."""
        if name.endswith("b"):
            return self.committee.nodes_of[int(name[:-1])][1]
        return int(name)

    def get_view(self, node: int) -> int:
        """View that a node is in."""
        return self.committee.replicas[node].view

    def get_region(self, node: int) -> str:
        """Where a node stands."""
        return self.regions[self.committee.validators[node]]

    def now_us(self) -> int:
        """The time."""
        return int(self.committee.env.now)

    def behave(self, node: int, behaviour: Behaviour) -> End:
        """Change what a node, and its twins, send."""
        nodes = self.committee.nodes_of[self.committee.validators[node]]
        for each in nodes:
            self.committee.behaviours[each].append(behaviour)

        def end() -> None:
            for each in nodes:
                self.committee.behaviours[each].remove(behaviour)

        return end

    def disturb(self, disturbance: Disturbance) -> End:
        """Put something on the way between nodes."""
        disturbances = self.committee.network.disturbances
        disturbances.append(disturbance)
        return lambda: disturbances.remove(disturbance)

    def crash(self, node: int) -> None:
        """Stop a node."""
        self.n_stops[node] += 1
        self.committee.crash(node)

    def restart(self, node: int, *, keeps_votes: bool) -> None:
        """Let a node come back, once nothing keeps it down any more."""
        self.n_stops[node] -= 1
        if self.n_stops[node] == 0:
            self.committee.restart(node, keeps_votes=keeps_votes)

    def censor(self, node: int, target: str) -> End:
        """Let a leader leave a group of agents out of its blocks."""
        left_out = self.censored.setdefault(node, [])
        left_out.append(target)
        return lambda: left_out.remove(target)
