"""The market a scenario describes: types of signal, and everybody who trades, as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sim.core.identity import compute_entity
from sim.core.records import Records
from sim.model.layout import Holder, create_table
from sim.model.trade_layout import SIGNAL_TYPE, TRADER, TraderCohort

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.scenario.groups import TraderGroup
    from sim.scenario.schema import Scenario
    from sim.strategies.trading import Trader


class MarketLayout(NamedTuple):
    """What a replication of the market starts from."""

    traders: Records  # TRADER
    types: Records  # SIGNAL_TYPE
    cohorts: tuple[TraderCohort, ...]


class MarketBuilder:
    """Collects rows of traders, and the accounts they need, group by group."""

    def __init__(self, scenario: Scenario, holders: list[Holder], n_orgs: int) -> None:
        self.scenario, self.holders, self.n_orgs = scenario, holders, n_orgs
        self.names = list(scenario.signals)
        self.rows: list[tuple[int, ...]] = []
        self.cohorts: list[TraderCohort] = []

    def add_group(
        self, group: TraderGroup, strategy: Trader, orgs: Sequence[int], mask: int
    ) -> None:
        """Everybody of one group: each controller with all its identities and spare names."""
        first = len(self.rows)
        identities = int(getattr(strategy, "identities", 1))
        spares = int(getattr(strategy, "rejoins", 0))
        everybody = range(first, first + group.count * identities)
        for index in range(group.count):
            org, controller = orgs[index % len(orgs)], len(self.rows)
            whole = range(controller, controller + identities)
            for place in range(identities):
                self.add_identity(
                    group,
                    index,
                    place,
                    org=org,
                    mask=mask,
                    funds=share_out(group.funds, identities, place),
                    stake=share_out(group.stake, identities, place),
                    spares=spares,
                    cohort=len(self.cohorts),
                    controller=controller,
                    partners=whole if identities > 1 else everybody,
                    strategy=strategy,
                )
        cohort = TraderCohort(group.name, strategy, first, len(self.rows))
        self.cohorts.append(cohort)

    def add_identity(
        self, group: TraderGroup, index: int, place: int, *, spares: int, **columns: Any
    ) -> None:
        """One row, its account, and the accounts it can begin anew with."""
        strategy, partners = columns.pop("strategy"), columns.pop("partners")
        mask, name = columns.pop("mask"), group.name if place == 0 else f"{group.name}/{place}"
        row = {
            **columns,
            "entity": compute_entity(name, index),
            "account": self.n_orgs + len(self.holders),
            "role": int(strategy.role),
            "is_adversary": int(strategy.is_adversary),
            "place": place,
            "group_first": partners.start,
            "group_last": partners.stop,
            "price": group.price,
            "signal_type": -1 if group.sells is None else self.names.index(group.sells),
            "act_us": group.act_every,
            "starts_us": group.starts,
            "pretrusted": int(group.pretrusted),
        }
        for incarnation in range(spares + 1):
            fresh = name if incarnation == 0 else f"{name}+{incarnation}"
            self.holders.append(
                Holder(
                    group.name,
                    compute_entity(fresh, index),
                    columns["org"],
                    0,
                    mask,
                    mask,
                    0,
                    funds=columns["funds"],
                    stake=columns["stake"],
                    trades=True,
                    is_spare=incarnation > 0,
                )
            )
        row["spare_first"] = row["account"] + 1
        row["spare_last"] = row["account"] + 1 + spares
        self.rows.append(tuple(row[column] for column in TRADER.names or ()))

    def finish(self) -> MarketLayout:
        """The tables."""
        first = len(self.scenario.operations)
        types: list[tuple[int, ...]] = [
            (
                first + index,
                signal.worth,
                signal.harm,
                signal.detection,
                signal.false_alarm,
                signal.detection_time,
                int(signal.verifiable),
            )
            for index, signal in enumerate(self.scenario.signals.values())
        ]
        return MarketLayout(
            create_table(self.rows, TRADER), create_table(types, SIGNAL_TYPE), tuple(self.cohorts)
        )


def share_out(amount: int, n: int, place: int) -> int:
    """Part of one of n in an amount, rounded down; the first has what is left."""
    part = amount // n
    return amount - part * (n - 1) if place == 0 else part
