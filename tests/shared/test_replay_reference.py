"""Every figure of the reference replay, through the grants and the transition of the ledger."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import pytest

from sim.experiment.replay import ReplayGroup, compute_replay
from sim.importers.recording import load_recording

FOLDER = Path(__file__).parents[2].parent / "shared" / "data"
AGENTDOJO = FOLDER / "agentdojo"

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"needs the recordings in {FOLDER}"),
]

MODEL = "gpt-4o-2024-05-13"
PIPELINES = (
    MODEL,
    f"{MODEL}-repeat_user_prompt",
    f"{MODEL}-spotlighting_with_delimiting",
    f"{MODEL}-tool_filter",
    f"{MODEL}-transformers_pi_detector",
)
SCOPE_OF_POLICY = {
    "none": "none",
    "role_scope_suite_union": "role",
    "tool_scope_exact": "task_exact",
    "tool_scope_plus_reads": "task",
    "tool_plus_argument_scope": "arguments",
    "read_only": "read_only",
}
FIELD_OF_COLUMN = {
    "n_attacked_runs": "attacked_runs",
    "asr_recorded": "attack_success",
    "asr_after_policy": "attack_success_after",
    "malicious_calls": "malicious_calls",
    "malicious_blocked_frac": "malicious_blocked",
    "asr_after_policy_null_mal": "attack_success_after_undetermined",
    "malicious_calls_null_mal": "malicious_calls_undetermined",
    "malicious_blocked_frac_null_mal": "malicious_blocked_undetermined",
    "benign_calls": "benign_calls",
    "benign_blocked_frac": "benign_blocked",
    "benign_utility_recorded": "utility",
    "benign_utility_after_policy": "utility_after",
}
KEYS = ("pipeline", "attack", "policy")


@cache
def load_reference() -> list[dict[str, str]]:
    with (AGENTDOJO / "replay_reference.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


@cache
def replay_pipeline(pipeline: str) -> dict[tuple[str | None, str], ReplayGroup]:
    recording = load_recording(
        AGENTDOJO / "calls" / f"{pipeline}.jsonl.gz",
        AGENTDOJO / "tasks.jsonl",
        AGENTDOJO / "runs.csv.gz",
    )
    groups = compute_replay(recording)
    assert {group.agent for group in groups} == {pipeline}
    return {(group.attack, group.scope): group for group in groups}


def test_the_reference_is_covered_whole() -> None:
    rows = load_reference()
    assert len(rows) == 84
    assert {row["pipeline"] for row in rows} == set(PIPELINES)
    assert {row["policy"] for row in rows} == set(SCOPE_OF_POLICY)
    assert set(rows[0]) == {*KEYS, *FIELD_OF_COLUMN}


@pytest.mark.parametrize("policy", SCOPE_OF_POLICY)
@pytest.mark.parametrize("pipeline", PIPELINES)
def test_replay_gives_the_reference_to_four_decimals(pipeline: str, policy: str) -> None:
    rows = [r for r in load_reference() if (r["pipeline"], r["policy"]) == (pipeline, policy)]
    assert rows
    for row in rows:
        group = replay_pipeline(pipeline)[row["attack"], SCOPE_OF_POLICY[policy]]._asdict()
        found = {column: round(group[field], 4) for column, field in FIELD_OF_COLUMN.items()}
        assert found == {column: float(row[column]) for column in FIELD_OF_COLUMN}, row["attack"]
