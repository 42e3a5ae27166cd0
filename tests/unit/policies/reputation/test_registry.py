from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from sim.policies.reputation import registry
from sim.policies.reputation.mean import Mean
from sim.policies.reputation.registry import load_reputation_rules

TARGET = "sim.policies.reputation.mean:Mean"


def install(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    entry = EntryPoint(name, TARGET, "ambit.reputation")

    def find(group: str) -> list[EntryPoint]:
        return [entry] if group == "ambit.reputation" else []

    monkeypatch.setattr(registry, "entry_points", find)


def test_a_package_can_add_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "median_of_friends")
    assert load_reputation_rules()["median_of_friends"] is Mean


def test_a_name_cannot_be_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "beta")
    with pytest.raises(ValueError, match="'beta' is defined twice"):
        load_reputation_rules()
