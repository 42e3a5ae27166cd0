from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import pytest

from sim.core.errors import InputError
from sim.core.records import Effect
from sim.policies.base import (
    Check,
    Inbound,
    Judges,
    Policy,
    Protocol,
    Scope,
    Settlement,
    Slashing,
    Weighting,
)
from sim.policies.registry import load_policies
from sim.scenario.levers import PolicyEntry
from sim.scenario.load import load_scenario
from sim.scenario.policies import compute_policy_digest, create_policies
from sim.scenario.schema import POLICY_NAMES
from tests.worlds import write_scenario

if TYPE_CHECKING:
    from pathlib import Path

    from sim.scenario.load import LoadedScenario

PRESETS = load_policies()
LEVERS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"scope": "arguments"}, {"scope": Scope.ARGUMENTS}),
    ({"mediation": 0.95}, {"mediation_ppm": 950_000}),
    ({"mediation": 0}, {"mediation_ppm": 0}),
    ({"inbound": "client_scopes"}, {"inbound": Inbound.CLIENT_SCOPES}),
    ({"approval": ["destructive"]}, {"approval": (Effect.DESTRUCTIVE,)}),
    ({"approval": ["read", "write"]}, {"approval": (Effect.READ, Effect.WRITE)}),
    ({"approval": []}, {"approval": ()}),
    ({"rate_per_minute": 30}, {"rate_per_minute": 30}),
    ({"anchor_every": 7}, {"anchor_blocks": 7}),
    ({"revocation_lag": "90s"}, {"revocation_lag_us": 90_000_000}),
    ({"commit_delay": "48h"}, {"commit_delay_us": 172_800_000_000}),
    ({"fee": 3}, {"fee": 3}),
    ({"protocol": "sequencer"}, {"protocol": Protocol.SEQUENCER}),
    ({"protocol": "hotstuff_3"}, {"protocol": Protocol.HOTSTUFF_3}),
    ({"unbound": ["funds", "stake"]}, {"unbound": (Check.FUNDS, Check.STAKE)}),
    ({"settlement": "prepaid"}, {"settlement": Settlement.PREPAID}),
    ({"window": "9s"}, {"window_us": 9_000_000}),
    ({"offer": "11s"}, {"offer_us": 11_000_000}),
    ({"escrow_fee": 0.03}, {"escrow_fee_ppm": 30_000}),
    ({"judges": "arbiter"}, {"judges": Judges.ARBITER}),
    ({"committee": 7}, {"committee": 7}),
    ({"verdict": "13s"}, {"verdict_us": 13_000_000}),
    ({"bond": 12}, {"bond": 12}),
    ({"audit": 0.1}, {"audit_ppm": 100_000}),
    ({"slashing": "cosmos"}, {"slashing": Slashing.COSMOS}),
    ({"slash_rate": 0.2}, {"slash_rate_ppm": 200_000}),
    ({"slash_fixed": 77}, {"slash_fixed": 77}),
    ({"slash_harm": 0.5}, {"slash_harm_ppm": 500_000}),
    ({"stake_min": 900}, {"stake_min": 900}),
    ({"reputation": "mean"}, {"reputation": "mean"}),
    ({"rating_weight": "stake"}, {"rating_weight": Weighting.STAKE}),
    ({"epoch": "17s"}, {"epoch_us": 17_000_000}),
    ({"reputation_min": 0.4}, {"reputation_ppm_min": 400_000}),
    ({"newcomer": 0.3}, {"newcomer_ppm": 300_000}),
    ({"newcomer_price_max": 55}, {"newcomer_price_max": 55}),
    ({}, {}),
]


def load(folder: Path, *policies: Any) -> LoadedScenario:
    return load_scenario(write_scenario(folder, policies=["unguarded", *policies]))


def test_every_preset_can_be_named(tmp_path: Path) -> None:
    others = [name for name in POLICY_NAMES if name != "unguarded"]
    policies = create_policies(load(tmp_path, *others))
    assert policies == PRESETS
    assert list(policies) == ["unguarded", *others]


@pytest.mark.parametrize(("written", "levers"), LEVERS, ids=str)
@pytest.mark.parametrize("preset", ["gateway", "chain"])
def test_an_entry_is_its_preset_with_the_levers_written(
    preset: str, written: dict[str, Any], levers: dict[str, Any], tmp_path: Path
) -> None:
    loaded = load(tmp_path, {"name": "mine", "preset": preset, **written})
    assert create_policies(loaded)["mine"] == replace(PRESETS[preset], name="mine", **levers)


def test_every_lever_of_an_entry_is_tried_above() -> None:
    levers = set(PolicyEntry.model_fields) - {"name", "preset"}
    assert {key for written, _ in LEVERS for key in written} == levers


def test_policies_come_in_the_scenarios_order(tmp_path: Path) -> None:
    loaded = load(tmp_path, "chain", {"name": "mine", "preset": "layered"}, "anchored")
    assert list(create_policies(loaded)) == ["unguarded", "chain", "mine", "anchored"]


def test_some_can_be_asked_for_in_another_order_and_once(tmp_path: Path) -> None:
    loaded = load(tmp_path, "chain", {"name": "mine", "preset": "layered"})
    assert list(create_policies(loaded, ["mine", "chain", "mine"])) == ["mine", "chain"]


def test_a_preset_that_is_not_listed_may_be_asked_for(tmp_path: Path) -> None:
    assert create_policies(load(tmp_path), ["oracle"]) == {"oracle": PRESETS["oracle"]}


def test_a_name_of_the_scenario_goes_before_a_preset_of_that_name(tmp_path: Path) -> None:
    loaded = load(tmp_path, {"name": "chain", "preset": "gateway", "fee": 2})
    assert create_policies(loaded, ["chain"])["chain"].fee == 2


@pytest.mark.parametrize(
    ("name", "nearest"), [("gatway", "gateway"), ("mein", "mine"), ("", ""), ("Oracle", "oracle")]
)
def test_an_unknown_name_is_refused_with_the_nearest(
    name: str, nearest: str, tmp_path: Path
) -> None:
    loaded = load(tmp_path, {"name": "mine", "preset": "layered"})
    with pytest.raises(InputError, match="unknown policy") as caught:
        create_policies(loaded, ["mine", name])
    assert (caught.value.key, caught.value.nearest) == ("--policy", nearest)
    assert caught.value.where.file == str(loaded.path)


def test_a_label_does_not_move_the_digest_and_every_lever_does() -> None:
    chain = PRESETS["chain"]
    assert compute_policy_digest(replace(chain, name="other")) == compute_policy_digest(chain)
    changed: dict[str, Any] = {
        "checks": PRESETS["gateway"].checks,
        "order": PRESETS["gateway"].order,
        "log": PRESETS["gateway"].log,
        "inbound": Inbound.CLIENT_SCOPES,
        "scope": Scope.ROLE,
        "mediation_ppm": 1,
        "approval": (Effect.READ,),
        "rate_per_minute": 1,
        "anchor_blocks": 21,
        "revocation_lag_us": 1,
        "commit_delay_us": 1,
        "fee": 2,
        "protocol": Protocol.SEQUENCER,
        "unbound": (Check.FUNDS,),
        "settlement": Settlement.TRUST,
        "window_us": 1,
        "offer_us": 1,
        "escrow_fee_ppm": 1,
        "judges": Judges.ARBITER,
        "committee": 1,
        "verdict_us": 1,
        "bond": 1,
        "audit_ppm": 1,
        "slashing": Slashing.NONE,
        "slash_rate_ppm": 1,
        "slash_fixed": 1,
        "slash_harm_ppm": 1,
        "stake_min": 1,
        "reputation": "mean",
        "rating_weight": Weighting.VALUE,
        "epoch_us": 1,
        "reputation_ppm_min": 1,
        "newcomer_ppm": 1,
        "newcomer_price_max": 1,
    }
    assert set(changed) == {field.name for field in fields(Policy)} - {"name"}
    digests = {
        compute_policy_digest(replace(chain, **{key: value})) for key, value in changed.items()
    }
    assert len(digests | {compute_policy_digest(chain)}) == len(changed) + 1


def test_presets_have_digests_of_their_own() -> None:
    digests = {compute_policy_digest(policy) for policy in PRESETS.values()}
    assert len(digests) == len(PRESETS)
    assert all(len(digest) == 16 and int(digest, 16) >= 0 for digest in digests)
