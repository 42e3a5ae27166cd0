"""What a fault is, what it may touch, and the pieces most of them are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias

from sim.consensus.messages import Broadcast, Effect, Message, Proposal, Send, Vote

if TYPE_CHECKING:
    from sim.consensus.replica import Replica
    from sim.core.draws import Draws
    from sim.engine.network import Disturbance

End: TypeAlias = Callable[[], None]  # undoes what a fault began


class Class(Enum):
    """What a fault makes of the nodes it is at."""

    NETWORK = "network"  # they stay honest, and are heard late or not at all
    CRASH = "crash"  # they stop, and come back
    BYZANTINE = "byzantine"  # they do what they like: counted against f


class Behaviour(Protocol):
    """What a Byzantine node does instead of what the rules say."""

    def act(self, replica: Replica, message: Message | None, effects: list[Effect]) -> list[Effect]:
        """What goes out, given what would; `message` is None at a timer or a proposal."""


class Site(Protocol):
    """The validators and the links between them, as a fault may touch them."""

    draws: Draws

    def get_nodes(self) -> Sequence[int]:
        """All nodes: one a validator, then their twins."""

    def get_twins(self, node: int) -> Sequence[int]:
        """Further nodes that run a node's validator."""

    def find_node(self, name: str) -> int:
        """Node by its name: the number of a validator, `2b` for the twin of validator 2."""

    def get_view(self, node: int) -> int:
        """View that a node is in."""

    def get_region(self, node: int) -> str:
        """Where a node stands."""

    def behave(self, node: int, behaviour: Behaviour) -> End:
        """Change what a node sends."""

    def disturb(self, disturbance: Disturbance) -> End:
        """Put something on the way between nodes."""

    def crash(self, node: int) -> None:
        """Stop a node."""

    def restart(self, node: int, *, keeps_votes: bool) -> None:
        """Let a node come back."""

    def censor(self, node: int, target: str) -> End:
        """Let a leader leave a group of agents out of its blocks."""

    def now_us(self) -> int:
        """The time."""


class Fault(Protocol):
    """One way to go wrong."""

    kind: ClassVar[Class]

    def begin(self, site: Site, nodes: Sequence[int]) -> End:
        """Begin at these nodes; what comes back ends it."""


def end_all(ends: Sequence[End]) -> End:
    """End several things that began together."""

    def end() -> None:
        for each in ends:
            each()

    return end


def behave_alike(site: Site, nodes: Sequence[int], behaviour: Behaviour) -> End:
    """The same behaviour at several nodes."""
    return end_all([site.behave(node, behaviour) for node in nodes])


def find_proposal(effects: list[Effect]) -> Proposal | None:
    """The proposal among what goes out, if there is one."""
    for effect in effects:
        if isinstance(effect, Broadcast) and isinstance(effect.message, Proposal):
            return effect.message
    return None


def drop_votes(effects: list[Effect]) -> list[Effect]:
    """The same effects without votes: who lies about a block does not vote for the true one."""
    return [
        effect
        for effect in effects
        if not (isinstance(effect, Send) and isinstance(effect.message, Vote))
    ]


def replace_proposal(effects: list[Effect], instead: Sequence[Effect]) -> list[Effect]:
    """The same effects with something else in place of the proposal."""
    kept: list[Effect] = []
    for effect in effects:
        if isinstance(effect, Broadcast) and isinstance(effect.message, Proposal):
            kept += instead
        else:
            kept.append(effect)
    return kept


class OnLinks:
    """A disturbance of messages to or from some nodes; the rest pass."""

    def __init__(self, nodes: Sequence[int]) -> None:
        self.nodes = frozenset(nodes)

    def is_on(self, source: int, target: int) -> bool:
        """Whether a link is disturbed."""
        return source in self.nodes or target in self.nodes


def get_link(source: int, target: int) -> int:
    """Number of a link: the entity of what is drawn for its messages."""
    return source << 20 | target


def draw_one(drawn: Any) -> int:
    """The only number of a column of one."""
    return int(drawn[0])
