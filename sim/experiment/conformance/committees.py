"""A committee of validators one hop apart, which a fault can be tried on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.consensus.quorum import Setting
from sim.core.draws import Draws
from sim.model.committee import Committee
from sim.model.faulting import Episode, FaultSite, get_byzantine, get_twinned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.consensus.messages import Block, Evidence
    from sim.faults.base import Fault

HOP_US, TIMEOUT_US, DELTA_US = 10_000, 100_000, 20_000
SECOND_US = 1_000_000


class Unending:
    """There is always something to order, no two batches are alike, and nobody takes note."""

    def __init__(self) -> None:
        self.n_taken = 0

    def is_left(self, node: int, now_us: int) -> bool:
        """Always."""
        return True

    def get_next_us(self, now_us: int) -> int | None:
        """Nothing new comes: it is all there."""
        return None

    def take(self, node: int, now_us: int, uncommitted: Sequence[Block]) -> bytes:
        """The next batch."""
        self.n_taken += 1
        return self.n_taken.to_bytes(32, "little")

    def on_committed(self, node: int, block: Block, now_us: int) -> None:
        """The committee keeps its commits."""

    def on_final(self, block: Block, now_us: int) -> None:
        """The committee keeps its commits."""

    def on_evidence(self, node: int, evidence: Evidence, now_us: int) -> None:
        """The committee keeps its evidence."""


class Endless(Unending):
    """Keeps what is final, and how many views that took."""

    def __init__(self) -> None:
        super().__init__()
        self.final: list[Block] = []
        self.committee: Committee | None = None  # set by who wants the views of commits
        self.latencies: dict[bytes, int] = {}  # block -> views from proposal to first commit

    def on_committed(self, node: int, block: Block, now_us: int) -> None:
        """Note how many views it took, where somebody asked for that."""
        if self.committee is not None:
            latency = self.committee.replicas[node].view - block.view
            self.latencies.setdefault(block.digest, latency)

    def on_final(self, block: Block, now_us: int) -> None:
        """Keep it."""
        self.final.append(block)


def create_setting(n_validators: int = 4, **changed: Any) -> Setting:
    """A setting whose timers do not back off, unless it is changed."""
    return Setting(n_validators, TIMEOUT_US, TIMEOUT_US, DELTA_US)._replace(**changed)


def create_committee(
    protocol: str = "hotstuff_2",
    n_validators: int = 4,
    *,
    work: Endless | None = None,
    setting: Setting | None = None,
    **options: Any,
) -> Committee:
    """Validators and twins, one hop apart from each other."""
    setting = create_setting(n_validators) if setting is None else setting
    n_nodes = setting.n_validators + len(options.get("twins", ()))
    delays_us = [[HOP_US * (a != b) for b in range(n_nodes)] for a in range(n_nodes)]
    work = Endless() if work is None else work
    return Committee(protocol, setting, delays_us, work, **options)


def create_episode(
    name: str, fault: Fault, validators: Sequence[int], from_us: int = 0, until_us: int = -1
) -> Episode:
    """One fault; endless, unless it ends."""
    return Episode(name, fault, tuple(validators), from_us, until_us)


def create_site(
    episodes: Sequence[Episode],
    protocol: str = "hotstuff_2",
    n_validators: int = 4,
    *,
    seed: int = 1,
    **options: Any,
) -> FaultSite:
    """A committee with a schedule of faults, ready to start."""
    options.setdefault("byzantine", get_byzantine(episodes))
    options.setdefault("twins", get_twinned(episodes))
    committee = create_committee(protocol, n_validators, **options)
    regions = ["north" if validator % 4 == 0 else "south" for validator in range(n_validators)]
    site = FaultSite(committee, Draws(seed, "committees", 0), regions)
    site.schedule(episodes)
    return site


def get_honest(committee: Committee) -> list[int]:
    """Nodes that follow the rules."""
    return [node for node, is_honest in enumerate(committee.is_honest) if is_honest]


def get_lag(committee: Committee) -> int:
    """How far the last honest node is behind the first."""
    heights = [len(committee.replicas[node].committed) for node in get_honest(committee)]
    return max(heights) - min(heights)


def is_live(committee: Committee, from_us: int, n_min: int = 3) -> bool:
    """Whether every honest node that is up committed again, after a time."""
    return all(
        sum(
            1
            for record in committee.commits
            if record.node == node and record.committed_us >= from_us
        )
        >= n_min
        for node in get_honest(committee)
        if not committee.is_down[node]
    )
