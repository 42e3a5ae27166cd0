from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sim.core.errors import InputError
from sim.experiment.replay import ReplayGroup, compute_replay, count_benign_runs, find_scopes
from sim.importers.recording import Recording, load_recording

if TYPE_CHECKING:
    from collections.abc import Callable

    Load = Callable[[list[dict[str, Any]], str | None], Recording]

FOLDER = Path(__file__).parents[3] / "scenarios" / "recordings"
SCOPES = ["none", "role", "task_exact", "task", "arguments", "read_only"]
CALL: dict[str, Any] = {
    "run": "r1", "t": None, "agent": "bot", "org": "acme", "principal": None, "task": "pay",
    "tool": "send", "args": {}, "effect": "write", "egress": True, "scope": ["send"],
    "malicious": False, "outcome": "ok",
}  # fmt: skip


@pytest.fixture(scope="module")
def office() -> Recording:
    return load_recording(
        FOLDER / "office_calls.jsonl", FOLDER / "office_tasks.jsonl", FOLDER / "office_runs.csv"
    )


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Recording of calls that differ from `CALL` as told, with the rows of runs.csv given."""

    def load_rows(changes: list[dict[str, Any]], runs: str | None) -> Recording:
        calls, outcomes = tmp_path / "calls.jsonl", tmp_path / "runs.csv"
        calls.write_text("".join(f"{json.dumps(CALL | change)}\n" for change in changes))
        if runs is not None:
            outcomes.write_text(runs)
        return load_recording(calls, None, None if runs is None else outcomes)

    return load_rows


HEADER = "run,agent,attack,attack_success,utility,aborted\n"


def get_counts(group: ReplayGroup, n_benign_runs: int) -> list[float]:
    """Shares as counts: successes before and after, calls refused, utility before and after."""
    pairs = [
        (group.attack_success, group.attacked_runs),
        (group.attack_success_after, group.attacked_runs),
        (group.malicious_blocked, group.malicious_calls),
        (group.benign_blocked, group.benign_calls),
        (group.utility, n_benign_runs),
        (group.utility_after, n_benign_runs),
    ]
    assert all(share is not None and n for share, n in pairs)
    return [round(share * n, 9) for share, n in pairs if share is not None and n is not None]


@pytest.mark.parametrize(
    ("agent", "scope", "expected"),
    [
        ("books-assistant", "none", [4, 4, 0, 0, 4, 4]),
        ("books-assistant", "role", [4, 3, 1, 1, 4, 3]),
        ("books-assistant", "task_exact", [4, 2, 2, 1, 4, 3]),
        ("books-assistant", "task", [4, 3, 1, 0, 4, 4]),
        ("books-assistant", "arguments", [4, 2, 2, 0, 4, 4]),
        ("books-assistant", "read_only", [4, 2, 2, 4, 4, 1]),
        ("studio-assistant", "none", [3, 3, 0, 0, 4, 4]),
        ("studio-assistant", "role", [3, 3, 0, 1, 4, 3]),
        ("studio-assistant", "task_exact", [3, 2, 2, 2, 4, 2]),
        ("studio-assistant", "task", [3, 2, 2, 0, 4, 4]),
        ("studio-assistant", "arguments", [3, 0, 5, 2, 4, 2]),
        ("studio-assistant", "read_only", [3, 1, 4, 4, 4, 0]),
    ],
)
def test_the_office_is_counted_by_hand(
    office: Recording, agent: str, scope: str, expected: list[int]
) -> None:
    groups = compute_replay(office, [scope], ["planted_note"])
    (group,) = [group for group in groups if group.agent == agent]
    assert (group.attacked_runs, group.attack, group.scope) == (4, "planted_note", scope)
    assert group.malicious_calls == (3 if agent == "books-assistant" else 5)
    assert group.benign_calls == (8 if agent == "books-assistant" else 10)
    assert get_counts(group, count_benign_runs(office)[agent]) == expected


def test_groups_come_by_agent_attack_and_scope_as_given(office: Recording) -> None:
    scopes = ["task", "none", "task"]
    assert [group[:3] for group in compute_replay(office, scopes)] == [
        (agent, attack, scope)
        for agent in ("books-assistant", "studio-assistant")
        for attack in ("hidden_footer", "planted_note")
        for scope in ("task", "none")
    ]


def test_without_names_every_scope_the_files_allow_is_judged(office: Recording) -> None:
    assert list(dict.fromkeys(group.scope for group in compute_replay(office))) == SCOPES
    bare = load_recording(FOLDER / "office_calls.jsonl")
    assert find_scopes(bare) == [scope for scope in SCOPES if scope != "arguments"]
    with pytest.raises(InputError, match="needs the companion"):
        compute_replay(bare, ["arguments"])


def test_an_undetermined_call_counts_only_in_the_bracket(office: Recording) -> None:
    groups = compute_replay(office, ["arguments"], ["hidden_footer"])
    group = groups[1]
    assert group.attacked_runs == 1  # the aborted run is left out
    assert (group.malicious_calls, group.malicious_blocked) == (0, None)
    assert (group.attack_success, group.attack_success_after) == (1.0, 1.0)
    assert group.malicious_calls_undetermined == 1
    assert group.malicious_blocked_undetermined == 1.0
    assert group.attack_success_after_undetermined == 0.0


@pytest.mark.parametrize("scope", SCOPES)
def test_a_success_without_a_malicious_call_survives_every_scope(
    office: Recording, scope: str
) -> None:
    group = compute_replay(office, [scope], ["planted_note"])[0]
    assert group.attack_success_after is not None
    assert group.attack_success_after > 0  # payroll-hours: told in the answer, not by a call


def test_calls_that_failed_when_recorded_are_ignored_throughout(load: Load) -> None:
    refused: dict[str, Any] = {"tool": "wipe", "malicious": True}
    runs = HEADER + "r1,bot,phish,1,,0\nr2,bot,none,,1,0\n"
    failed: list[dict[str, Any]] = [
        {**refused, "outcome": "error"},
        {**refused, "outcome": "denied"},
        {"run": "r2", "tool": "wipe", "outcome": "error"},
        {"run": "r2"},
    ]
    (group,) = compute_replay(load(failed, runs), ["task_exact"])
    assert (group.malicious_calls, group.benign_calls, group.benign_blocked) == (0, 1, 0.0)
    assert (group.attack_success_after, group.utility_after) == (1.0, 1.0)
    executed = [{**change, "outcome": None} for change in failed]
    (group,) = compute_replay(load(executed, runs), ["task_exact"])
    assert (group.malicious_calls, group.benign_calls, group.benign_blocked) == (2, 2, 0.5)
    assert (group.attack_success_after, group.utility_after) == (0.0, 0.0)


def test_each_call_is_judged_under_the_grant_of_its_own_run(load: Load) -> None:
    scopes = [["send"], ["wipe"], ["send"], ["wipe", "send"], ["wipe"], ["send"]]
    calls = [
        {"run": f"r{k}", "task": f"t{k}", "scope": scope, "malicious": True}
        for k, scope in enumerate(scopes)
    ]
    runs = HEADER + "".join(f"r{k},bot,phish,1,,0\n" for k in range(6))
    (group,) = compute_replay(load(calls, runs), ["task_exact"])
    assert (group.malicious_blocked, group.attack_success_after) == (2 / 6, 4 / 6)


def test_runs_without_calls_count_and_aborted_ones_do_not(load: Load) -> None:
    runs = (
        HEADER + "r1,bot,phish,1,0,0\nr2,bot,phish,0,0,0\nr3,bot,phish,1,0,1\n"
        "r4,bot,none,,1,0\nr5,bot,,,0,0\n"
    )
    wipe = {"tool": "wipe", "malicious": True}
    recording = load([wipe, {"run": "r3", **wipe}], runs)
    (group,) = compute_replay(recording, ["task_exact"])
    assert (group.attacked_runs, group.attack_success, group.attack_success_after) == (2, 0.5, 0.0)
    assert (group.malicious_calls, group.malicious_blocked) == (1, 1.0)
    assert (group.benign_calls, group.benign_blocked) == (0, None)
    assert (group.utility, group.utility_after) == (0.5, 0.5)
    assert count_benign_runs(recording) == {"bot": 2}


def test_an_agent_that_only_the_runs_know_is_no_group(load: Load) -> None:
    recording = load([{}], HEADER + "r1,bot,phish,1,,0\nr2,other,phish,1,,0\nr3,other,spam,1,,0\n")
    assert [group[:2] for group in compute_replay(recording, ["none"])] == [("bot", "phish")]
    with pytest.raises(InputError, match="no attack is named 'spam'"):
        compute_replay(recording, ["none"], ["spam"])


def test_an_agent_that_was_never_attacked_has_one_group(load: Load) -> None:
    recording = load([{}, {"tool": "wipe"}], HEADER + "r1,bot,none,,1,0\n")
    (group,) = compute_replay(recording, ["task_exact"])
    assert group == ReplayGroup(
        agent="bot",
        attack="none",
        scope="task_exact",
        attacked_runs=None,
        attack_success=None,
        attack_success_after=None,
        malicious_calls=None,
        malicious_blocked=None,
        benign_calls=2,
        benign_blocked=0.5,
        utility=1.0,
        utility_after=0.0,
        attack_success_after_undetermined=None,
        malicious_calls_undetermined=None,
        malicious_blocked_undetermined=None,
    )


def test_without_runs_only_shares_of_calls_are_known(load: Load) -> None:
    wipe = {"tool": "wipe"}
    labelled: list[dict[str, Any]] = [
        {},
        wipe,
        {"run": "r2"},
        {"run": "r2", **wipe, "malicious": True},
        {"run": "r3", **wipe, "malicious": None},
        {"run": "r3"},
    ]
    (group,) = compute_replay(load(labelled, None), ["task_exact"])
    assert group == ReplayGroup(
        agent="bot",
        attack=None,
        scope="task_exact",
        attacked_runs=None,
        attack_success=None,
        attack_success_after=None,
        malicious_calls=1,
        malicious_blocked=1.0,
        benign_calls=2,
        benign_blocked=0.5,
        utility=None,
        utility_after=None,
        attack_success_after_undetermined=None,
        malicious_calls_undetermined=2,
        malicious_blocked_undetermined=1.0,
    )
    with pytest.raises(InputError, match="no attack has a name"):
        compute_replay(load([{}], None), ["none"], ["phish"])


def test_runs_that_name_no_attack_give_utility_but_no_success(load: Load) -> None:
    recording = load(
        [{}, {"run": "r2", "malicious": True}],
        "run,agent,attack_success,utility\nr1,bot,,1\nr2,bot,1,1\n",
    )
    (group,) = compute_replay(recording, ["none"])
    assert (group.attack, group.attacked_runs, group.attack_success) == (None, None, None)
    assert (group.malicious_calls, group.utility) == (1, 1.0)
    assert count_benign_runs(recording) == {"bot": 1}


def test_an_empty_outcome_is_no_success_unless_none_is_recorded(load: Load) -> None:
    (some,) = compute_replay(load([{}], HEADER + "r1,bot,phish,1,,0\nr2,bot,phish,,,0\n"), ["none"])
    assert some.attack_success == 0.5
    (none,) = compute_replay(load([{}], HEADER + "r1,bot,phish,,,0\nr2,bot,phish,,,0\n"), ["none"])
    assert (none.attacked_runs, none.attack_success, none.attack_success_after) == (2, None, None)
    assert (none.utility, none.utility_after) == (None, None)


@pytest.mark.parametrize(
    ("scopes", "attacks", "message"),
    [
        (["taks"], [], "scope: unknown name 'taks'; did you mean 'task'?"),
        ([], ["planted_notes"], "no attack is named 'planted_notes'; did you mean 'planted_note'?"),
        ([], ["none"], "no attack is named 'none'"),
        ([], ["planted_note", ""], "no attack is named ''"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(
    office: Recording, scopes: list[str], attacks: list[str], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        compute_replay(office, scopes, attacks)
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("scope", "call", "n_blocked"),
    [
        ("task_exact", {"scope": []}, 1),  # the format's way to say that nothing is granted
        ("role", {"scope": []}, 1),
        ("task", {}, 0),  # an org without any quiet read
        ("read_only", {}, 1),
    ],
)
def test_a_grant_may_be_empty(load: Load, scope: str, call: dict[str, Any], n_blocked: int) -> None:
    (group,) = compute_replay(load([call], None), [scope])
    assert group.benign_blocked == n_blocked
