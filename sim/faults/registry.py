"""Faults by name, those of installed packages among them."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points as search_entry_points

from sim.faults.amnesia import Amnesia
from sim.faults.base import Fault
from sim.faults.censoring_leader import CensoringLeader
from sim.faults.clog import Clog
from sim.faults.crash import Crash
from sim.faults.delay import Delay
from sim.faults.double_vote import DoubleVote
from sim.faults.duplication import Duplication
from sim.faults.equivocating_leader import EquivocatingLeader
from sim.faults.inflated_view import InflatedView
from sim.faults.invalid_certificate import InvalidCertificate
from sim.faults.lunatic_proposal import LunaticProposal
from sim.faults.message_loss import MessageLoss
from sim.faults.one_way_partition import OneWayPartition
from sim.faults.partition import Partition
from sim.faults.region_outage import RegionOutage
from sim.faults.reordering import Reordering
from sim.faults.ring_partition import RingPartition
from sim.faults.silent_leader import SilentLeader
from sim.faults.twins import Twins
from sim.faults.vote_withholding import VoteWithholding

# a search of all that is installed takes longer than a small world: done once
entry_points = cache(lambda group: tuple(search_entry_points(group=group)))


def load_faults() -> dict[str, type[Fault]]:
    """Fault classes by name.

    Entry points of the group `ambit.faults` add to them; each names a frozen dataclass.
    Errors: ValueError if a package reuses a name.
    """
    faults: dict[str, type[Fault]] = {
        "crash": Crash,
        "amnesia": Amnesia,
        "silent_leader": SilentLeader,
        "equivocating_leader": EquivocatingLeader,
        "double_vote": DoubleVote,
        "vote_withholding": VoteWithholding,
        "inflated_view": InflatedView,
        "invalid_certificate": InvalidCertificate,
        "lunatic_proposal": LunaticProposal,
        "censoring_leader": CensoringLeader,
        "twins": Twins,
        "message_loss": MessageLoss,
        "duplication": Duplication,
        "reordering": Reordering,
        "delay": Delay,
        "partition": Partition,
        "one_way_partition": OneWayPartition,
        "ring_partition": RingPartition,
        "clog": Clog,
        "region_outage": RegionOutage,
    }
    for entry in entry_points(group="ambit.faults"):
        if entry.name in faults:
            raise ValueError(f"fault {entry.name!r} is defined twice")
        faults[entry.name] = entry.load()
    return faults
