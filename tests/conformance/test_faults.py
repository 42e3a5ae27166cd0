"""The battery every fault inherits, those of installed packages among them."""

from __future__ import annotations

import pytest

from sim.experiment.conformance.base import Check, describe_check
from sim.experiment.conformance.faults import CHECKS
from sim.faults.base import Class
from sim.faults.registry import load_faults

FAULTS = load_faults()


@pytest.mark.parametrize("check", CHECKS, ids=describe_check)
@pytest.mark.parametrize("name", FAULTS)
def test_it_does_what_all_of_its_kind_must(name: str, check: Check) -> None:
    check(FAULTS[name])


def test_every_kind_of_fault_is_there() -> None:
    assert {kind.kind for kind in FAULTS.values()} == set(Class)
