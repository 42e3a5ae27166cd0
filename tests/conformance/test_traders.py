"""The battery every trader inherits, those of installed packages among them."""

from __future__ import annotations

import pytest

from sim.core.market import Occasion
from sim.core.units import SUPPLY_MAX
from sim.experiment.conformance.base import Check, describe_check
from sim.experiment.conformance.traders import CHECKS, create_view
from sim.strategies.registry import TRADERS as SHIPPED
from sim.strategies.registry import load_strategies, load_traders

TRADERS = load_traders()


@pytest.mark.parametrize("check", CHECKS, ids=describe_check)
@pytest.mark.parametrize("name", TRADERS)
def test_it_does_what_all_of_its_kind_must(name: str, check: Check) -> None:
    check(TRADERS[name])


@pytest.mark.parametrize("name", SHIPPED)
def test_its_name_is_its_file_and_no_strategy_has_it(name: str) -> None:
    assert SHIPPED[name].__module__ == f"sim.strategies.{name}"
    assert name not in load_strategies()


def test_what_they_see_holds_every_occasion_barred_and_not() -> None:
    """Or the battery would pass over what it does not show."""
    seen = create_view()
    met = set(zip(seen.occasion.tolist(), seen.barred.tolist(), strict=True))
    assert met == {(int(occasion), barred) for occasion in Occasion for barred in (0, 1)}
    assert (seen.offer[seen.occasion == Occasion.ACT] == -1).any()
    assert (seen.price == SUPPLY_MAX).any()
