"""A schedule, or a scenario of Twins, as a scenario file that anybody can run."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import TYPE_CHECKING

from sim.consensus.quorum import get_fault_limit
from sim.faults.partition import Partition
from sim.faults.twins import Twins
from sim.model.faulting import Plan
from sim.scenario.knobs import get_knob
from tests.search.schedules import REGIONS, Schedule
from tests.search.twins import LINK_US, N_VALIDATORS, TIMEOUT_US

if TYPE_CHECKING:
    from sim.faults.base import Fault
    from tests.search.twins import Scenario

UNITS_US = {"s": 1_000_000, "ms": 1_000, "us": 1}
HORIZON_US = 10_000_000  # after the last fault

FILE = """\
version: 1
title: Shrunk schedule
question: Does the ordering hold?
expectation: Agreement holds, and blocks become final again once nothing goes wrong any more.
horizon: {horizon}
orgs: [{{name: firm}}]
operations: {{ping: {{effect: read}}}}
tasks: {{work: {{calls: [ping], deadline: 10s}}}}
agents:
  - {{name: worker, org: firm, strategy: honest, count: 60, tasks: {{work: 1}}, task_every: 2s}}
chain: {{{chain}}}
{faults}policies: [{{name: ordering, preset: chain, protocol: {protocol}}}]
baseline: ordering
"""


def format_time(time_us: int) -> str:
    """A duration in the largest unit in which it is whole."""
    unit = next(unit for unit, size_us in UNITS_US.items() if time_us % size_us == 0)
    return f"{time_us // UNITS_US[unit]}{unit}"


def format_share(share_ppm: int) -> str:
    """A share as a plain decimal number."""
    whole, part = divmod(share_ppm, 1_000_000)
    return f"{whole}.{part:06d}".rstrip("0").rstrip(".")


def format_list(numbers: tuple[int, ...]) -> str:
    """Numbers in brackets."""
    return f"[{', '.join(map(str, numbers))}]"


def format_knobs(fault: Fault) -> dict[str, str]:
    """The knobs of a fault that are not what they usually are."""
    knobs = {}
    for field in fields(fault):  # type: ignore[arg-type]
        value = getattr(fault, field.name)
        if field.default is not MISSING and value == field.default:
            continue
        if field.name.endswith("_ppm"):
            text = format_share(value)
        elif field.name.endswith("_us"):
            text = format_time(value)
        else:
            text = f'"{value}"' if isinstance(value, str) else str(value)
        knobs[get_knob(field.name)] = text
    return knobs


def format_plan(plan: Plan) -> str:
    """One entry of `faults`."""
    entry = {"fault": plan.name, **format_knobs(plan.fault)}
    if plan.validators and plan.name not in ("partition", "ring_partition", "region_outage"):
        entry["validators"] = format_list(plan.validators)
    if plan.from_us:
        entry["from"] = format_time(plan.from_us)
    if plan.until_us > 0:
        entry["until"] = format_time(plan.until_us)
    if plan.every_us:
        entry["every"] = format_time(plan.every_us)
        entry["lasting"] = format_time(plan.lasting_us)
    return "  - {" + ", ".join([f"{key}: {text}" for key, text in entry.items()]) + "}"


def format_schedule(schedule: Schedule) -> str:
    """The whole file."""
    chain = {
        "validators": str(schedule.n_validators),
        "regions": f"[{', '.join(REGIONS)}]",
        "link": format_time(schedule.link_us),
        "block_interval": format_time(schedule.interval_us),
        "view_timeout": format_time(schedule.timeout_us),
        "view_timeout_max": format_time(schedule.timeout_max_us),
        "leader_wait": format_time(schedule.leader_wait_us),
    }
    if schedule.first_leaders:
        chain["first_leaders"] = format_list(schedule.first_leaders)
    if len(schedule.get_byzantine()) > get_fault_limit(schedule.n_validators):
        chain["allow_unsafe"] = "true"
    faults = "".join([f"{format_plan(plan)}\n" for plan in schedule.plans])
    return FILE.format(
        horizon=format_time(schedule.heal_us + HORIZON_US),
        chain=", ".join([f"{key}: {text}" for key, text in chain.items()]),
        faults=f"faults:\n{faults}" if faults else "",
        protocol=schedule.protocol,
    )


def create_schedule(
    scenario: Scenario,
    protocol: str = "hotstuff_2",
    twins: tuple[int, ...] = (3,),
    heal_us: int = 20 * TIMEOUT_US,
) -> Schedule:
    """A scenario of Twins as a schedule: one partition a view."""
    names = [*map(str, range(N_VALIDATORS)), *[f"{twin}b" for twin in twins]]
    plans = [Plan("twins", Twins(), twins, until_us=heal_us)]
    for number, view in enumerate(scenario, start=1):
        if not max(view.split):
            continue
        groups = [
            " ".join([name for name, own in zip(names, view.split, strict=True) if own == group])
            for group in range(max(view.split) + 1)
        ]
        fault = Partition(" | ".join(groups), number, number)
        plans.append(Plan("partition", fault, until_us=heal_us))
    return Schedule(
        seed=1,
        number=0,
        protocol=protocol,
        n_validators=N_VALIDATORS,
        link_us=LINK_US,
        leader_wait_us=LINK_US,
        timeout_us=TIMEOUT_US,
        timeout_max_us=TIMEOUT_US,
        interval_us=1_000,
        heal_us=heal_us,
        plans=tuple(plans),
        first_leaders=tuple([view.leader for view in scenario]),
    )
