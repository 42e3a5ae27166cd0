from __future__ import annotations

from typing import Any

from sim.experiment.incident import list_attempts
from sim.experiment.tables import StoredResult
from sim.report.figures import create_figure

DELETION_S = 29.0  # when the script of the scenario deletes the volume


def get_attacks(result: StoredResult, policy: str) -> list[dict[str, Any]]:
    records = create_figure(result, "timeline").get_records()
    return [record for record in records if record["attack"] and record["policy"] == policy]


def test_without_a_guard_the_volume_is_deleted_and_nobody_has_a_record(
    incident: StoredResult,
) -> None:
    (attack,) = get_attacks(incident, "unguarded")
    assert (attack["agent"], attack["operation"]) == ("coding_agent", "volume_delete")
    assert (attack["outcome"], attack["reason"], attack["submitted_s"]) == (
        "executed",
        "",
        DELETION_S,
    )
    assert attack["harm"] > 500_000
    assert (attack["record"], attack["readable_s"]) == ("nobody", "")


def test_a_gateway_refuses_it_for_want_of_the_capability(incident: StoredResult) -> None:
    attacks = get_attacks(incident, "gateway")
    assert {(a["outcome"], a["reason"]) for a in attacks} == {("refused", "CAPABILITY_DENIED")}
    assert attacks[0]["reason_text"] == "the needed capability is not held: over-scoped"
    assert {(a["record"], a["readable_s"]) for a in attacks} == {("operator", "")}


def test_an_anchor_shows_it_to_others_some_seconds_later(incident: StoredResult) -> None:
    for attack in get_attacks(incident, "anchored"):
        assert attack["record"] == "anchor"
        assert 0 < attack["readable_s"] - attack["decided_s"] < 7


def test_a_path_around_the_guard_is_named_so(incident: StoredResult) -> None:
    (attack,) = get_attacks(incident, "gateway_open_egress")
    assert attack["outcome"] == "executed unchecked"


def test_a_human_is_asked_before_the_refusal(incident: StoredResult) -> None:
    for attack in get_attacks(incident, "blanket_and_approval"):
        assert (attack["outcome"], attack["answer"]) == ("refused", "refused")
        assert attack["submitted_s"] <= attack["asked_s"] < attack["answered_s"]
        assert attack["answered_s"] <= attack["decided_s"]


def test_a_delayed_deletion_is_called_off(incident: StoredResult) -> None:
    assert [a["outcome"] for a in get_attacks(incident, "blanket_and_delay")] == ["called off"]


def test_what_else_the_agent_did_stands_beside_it(incident: StoredResult) -> None:
    others = [a for a in list_attempts(incident) if not a.is_attack and a.policy == "unguarded"]
    assert [(a.operation, a.submitted_s) for a in others[:2]] == [
        ("read_file", 3.0),
        ("read_file", 20.0),
    ]
    assert {attempt.agent for attempt in others} == {"coding_agent"}


def test_a_policy_under_which_nobody_got_so_far_is_named(incident: StoredResult) -> None:
    data = create_figure(incident, "timeline")
    assert "deny_all" not in data.get_column("policy")
    assert "No attempt at all under deny_all." in data.caption


def test_the_words_say_what_the_picture_shows(incident: StoredResult) -> None:
    alt = create_figure(incident, "timeline").alt
    assert "unguarded: executed, harm" in alt
    assert "gateway: refused (capability denied)" in alt
