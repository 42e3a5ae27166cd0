"""Faults by name."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from sim.faults import registry
from sim.faults.crash import Crash
from sim.faults.registry import load_faults


def test_names_are_those_of_their_files() -> None:
    modules = {kind.__module__.rpartition(".")[2] for kind in load_faults().values()}
    assert modules == set(load_faults())


def test_a_package_may_add_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = SimpleNamespace(name="mine", load=lambda: Crash)
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry] * (group == "ambit.faults"))
    assert load_faults()["mine"] is Crash


def test_a_package_may_not_take_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = SimpleNamespace(name="crash", load=lambda: Crash)
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry])
    with pytest.raises(ValueError, match="'crash' is defined twice"):
        load_faults()
