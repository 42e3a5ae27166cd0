"""What the chain and its faults must agree on with each other and with the rest of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.consensus.quorum import get_fault_limit
from sim.faults.base import Class
from sim.scenario.regions import REGIONS

if TYPE_CHECKING:
    from sim.scenario.notes import Notes, Place
    from sim.scenario.schema import FaultEntry, Scenario

VALIDATORS_MAX = 1_000
SHORTEST_US = 1_000  # of what comes again and again


def check_chain(scenario: Scenario, notes: Notes) -> None:
    """Note what contradicts itself in `chain` and `faults`."""
    chain = scenario.chain
    n_validators = chain.validators
    if n_validators > VALIDATORS_MAX:
        notes.add(("chain", "validators"), f"must be at most {VALIDATORS_MAX}")
    if not chain.regions:
        notes.add(("chain", "regions"), "must name at least one region")
    for index, region in enumerate(chain.regions):
        notes.require(("chain", "regions", index), region, REGIONS, "region")
    for index, leader in enumerate(chain.first_leaders):
        if leader >= n_validators:
            place: Place = ("chain", "first_leaders", index)
            notes.add(place, f"validators are numbered 0 to {n_validators - 1}")
    if chain.view_timeout < SHORTEST_US:
        notes.add(("chain", "view_timeout"), "must be at least 1ms")
    if chain.view_timeout_max < chain.view_timeout:
        notes.add(("chain", "view_timeout_max"), "must be at least view_timeout")
    for index, entry in enumerate(scenario.faults):
        _check_fault(scenario, entry, ("faults", index), notes)
    _check_bound(scenario, notes)


def _check_fault(scenario: Scenario, entry: FaultEntry, place: Place, notes: Notes) -> None:
    n_validators = scenario.chain.validators
    for index, validator in enumerate(entry.validators):
        if validator >= n_validators:
            here = (*place, "validators", index)
            notes.add(here, f"validators are numbered 0 to {n_validators - 1}")
    if entry.drawn is not None and entry.validators:
        notes.add((*place, "drawn"), "give either validators or how many are drawn, not both")
    if entry.drawn is not None and entry.drawn > n_validators:
        notes.add((*place, "drawn"), f"there are only {n_validators} validators")
    if entry.until is not None and entry.until <= entry.since:
        notes.add((*place, "until"), "must be after from")
    if entry.every is not None and entry.every < SHORTEST_US:
        notes.add((*place, "every"), "must be at least 1ms")
    if (entry.every is None) != (entry.lasting is None):
        notes.add(place, "every and lasting go together")
    if entry.drawn is not None and entry.name == "twins" and entry.every is not None:
        notes.add((*place, "drawn"), "twins are named, or drawn once")
    policies = get_policy_names(scenario)
    for index, name in enumerate(entry.under):
        notes.require((*place, "under", index), name, policies, "policy of this scenario")
    target = getattr(entry, "target", None)
    if target is not None:
        groups = [group.name for group in scenario.agents]
        notes.require((*place, "target"), target, groups, "group of agents")
    region = getattr(entry, "region", None)
    if region is not None:
        notes.require((*place, "region"), region, scenario.chain.regions, "region of the chain")
    groups_text = getattr(entry, "groups", None)
    if groups_text is not None:
        _check_groups(scenario, entry, groups_text, (*place, "groups"), notes)


def _check_groups(
    scenario: Scenario, entry: FaultEntry, text: str, place: Place, notes: Notes
) -> None:
    """Every name is a validator or the twin of one, and stands in one group."""
    policies = entry.under or get_policy_names(scenario)
    twinned = set.intersection(*(find_twinned(scenario, policy) for policy in policies))
    known = [str(validator) for validator in range(scenario.chain.validators)]
    known += [f"{validator}b" for validator in sorted(twinned)]
    names = [name for group in text.split("|") for name in group.split()]
    for index, name in enumerate(names):
        if name not in known:
            notes.add(place, f"unknown validator {name!r}; groups are written `0 1 | 2 3`")
        elif name in names[:index]:
            notes.add(place, f"validator {name} stands in two groups")


def find_twinned(scenario: Scenario, policy: str) -> set[int]:
    """Validators that are sure to have a twin under a policy."""
    return {
        validator
        for entry in scenario.faults
        if entry.name == "twins" and entry.drawn is None and is_under(entry, policy)
        for validator in entry.validators or range(scenario.chain.validators)
    }


def is_under(entry: FaultEntry, policy: str) -> bool:
    """Whether a fault happens under a policy."""
    return not entry.under or policy in entry.under


def get_policy_names(scenario: Scenario) -> list[str]:
    """Names of the policies compared."""
    return [entry if isinstance(entry, str) else entry.name for entry in scenario.policies]


def _check_bound(scenario: Scenario, notes: Notes) -> None:
    """More Byzantine validators than f have to be asked for."""
    chain = scenario.chain
    limit = get_fault_limit(chain.validators)
    n_byzantine = max(count_byzantine(scenario, name) for name in get_policy_names(scenario))
    if n_byzantine > limit and not chain.allow_unsafe:
        problem = (
            f"up to {n_byzantine} of {chain.validators} validators are Byzantine, and no protocol "
            f"bears more than {limit}; set chain.allow_unsafe: true to study what breaks"
        )
        notes.add(("faults",), problem)


def count_byzantine(scenario: Scenario, policy: str) -> int:
    """Most validators that can be Byzantine in one run under a policy."""
    n_validators = scenario.chain.validators
    named: dict[int, bool] = {}
    n_drawn = 0
    for entry in scenario.faults:
        if entry.create().kind is not Class.BYZANTINE or not is_under(entry, policy):
            continue
        if entry.drawn is None:
            named |= dict.fromkeys(entry.validators or range(n_validators), True)
        elif entry.every is None:
            n_drawn += entry.drawn
        else:  # each time others may be drawn
            return n_validators
    return min(len(named) + n_drawn, n_validators)
