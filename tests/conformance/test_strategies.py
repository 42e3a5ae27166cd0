"""What every strategy must keep to; one that is added is tested here without another line."""

from __future__ import annotations

import pytest

from sim.experiment.conformance.base import Check, Plugin, get_title
from sim.experiment.conformance.strategies import STRATEGY_CHECKS
from sim.strategies.registry import load_strategies

STRATEGIES = load_strategies()


@pytest.mark.parametrize("check", STRATEGY_CHECKS, ids=get_title)
@pytest.mark.parametrize("name", STRATEGIES)
def test_it_conforms(name: str, check: Check) -> None:
    check(Plugin("strategy", name, STRATEGIES[name]))
