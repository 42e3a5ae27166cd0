"""What a scenario with signals must agree on with itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.policies.reputation.registry import load_reputation_rules
from sim.scenario.groups import TraderGroup
from sim.strategies.registry import load_behaviours

if TYPE_CHECKING:
    from sim.scenario.groups import AgentGroup
    from sim.scenario.levers import PolicyEntry
    from sim.scenario.notes import Notes, Place
    from sim.scenario.schema import Scenario

CAPABILITIES_MAX = 62  # of one org: operations and types of signal together
MEMORIES_MAX = 50_000_000  # what each org remembers of each trader
NAMES_MAX = 1_000_000  # accounts of traders, those they can begin anew with among them
MONEY_MAX = 10**10  # base units of a group, with every fresh start: its orgs have to pay them


def check_trader(scenario: Scenario, group: TraderGroup, place: Place, notes: Notes) -> None:
    """Who sells names what it sells; nobody is to act after the end."""
    if group.sells is not None:
        notes.require((*place, "sells"), group.sells, scenario.signals, "type of signal")
    elif _is_seller(group):
        notes.add(place, "needs `sells`: the type of signal it publishes")
    if getattr(group, "identities", 1) < 1:
        notes.add((*place, "identities"), "must be at least 1")
    if group.act_every < scenario.think_min:
        notes.add((*place, "act_every"), "must be at least the scenario's think_min")
    if group.starts >= scenario.horizon:
        notes.add((*place, "starts"), "must be before the horizon")


def _is_seller(group: AgentGroup) -> bool:
    return _get_role(group) == "seller"


def _get_role(group: AgentGroup) -> str:
    kind: Any = load_behaviours()[str(getattr(group, "strategy"))]  # noqa: B009 - set by models
    return str(kind.role.name.lower())


def check_market(scenario: Scenario, notes: Notes) -> None:
    """Names of signals are capabilities like operations; a market fits into memory."""
    for name in scenario.signals:
        if name in scenario.operations:
            notes.add(("signals", name), f"the name {name!r} is an operation already")
    if len(scenario.operations) + len(scenario.signals) > CAPABILITIES_MAX:
        notes.add(("signals",), f"more than {CAPABILITIES_MAX} operations and types of signal")
    traders = [group for group in scenario.agents if isinstance(group, TraderGroup)]
    if traders and not scenario.signals:
        notes.add(("agents",), "traders need at least one entry under `signals`")
    n_orgs = sum(org.count for org in scenario.orgs)
    n_names = sum(group.count * _count_names(group) for group in traders)
    if n_names > NAMES_MAX:
        notes.add(("agents",), f"traders under {n_names} names; at most {NAMES_MAX}")
    if n_orgs * n_names > MEMORIES_MAX:
        notes.add(("orgs",), f"orgs times traders is {n_orgs * n_names}; at most {MEMORIES_MAX}")
    for index, group in enumerate(scenario.agents):
        if isinstance(group, TraderGroup):
            money = group.count * (group.funds + group.stake) * (1 + getattr(group, "rejoins", 0))
            if money > MONEY_MAX:
                notes.add(("agents", index), f"starts with {money} in all; at most {MONEY_MAX}")


def _count_names(group: TraderGroup) -> int:
    return int(getattr(group, "identities", 1)) * (1 + int(getattr(group, "rejoins", 0)))


def check_policy_levers(entry: PolicyEntry, place: Place, notes: Notes) -> None:
    """A reputation rule that there is."""
    if entry.reputation is not None:
        rules = load_reputation_rules()
        notes.require((*place, "reputation"), entry.reputation, rules, "reputation rule")
