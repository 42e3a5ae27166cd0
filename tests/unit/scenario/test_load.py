from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from sim.core.errors import InputError, InputErrors
from sim.scenario.load import LoadedScenario, load_scenario
from tests.worlds import (
    OPERATIONS,
    SCENARIOS,
    SHIPPED,
    create_reacher,
    create_thief,
    create_worker,
    write_scenario,
)

AGENTS = [create_worker(), create_reacher(), create_thief()]
RECORDED = SCENARIOS / "recorded_calls.yaml"


def load(folder: Path, **changes: Any) -> LoadedScenario:
    return load_scenario(write_scenario(folder, **({"agents": AGENTS} | changes)))


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """The shipped scenario with a recording, and its files, in a folder of their own."""
    shutil.copytree(SCENARIOS, tmp_path / "scenarios")
    return tmp_path / "scenarios" / RECORDED.name


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_scenario_loads(name: str) -> None:
    loaded = load_scenario(SCENARIOS / f"{name}.yaml")
    assert loaded.name == loaded.stream == name
    assert len(loaded.digest) == 16
    assert int(loaded.digest, 16) >= 0
    assert loaded.companions.keys() == (
        {f"recordings/office_{part}" for part in ("calls.jsonl", "tasks.jsonl", "runs.csv")}
        if name == "recorded_calls"
        else set()
    )


def test_a_stream_may_have_its_own_name(tmp_path: Path) -> None:
    loaded = load(tmp_path, stream="other")
    assert (loaded.name, loaded.stream) == ("world", "other")


# the digest


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Another"},
        {"question": "Another?"},
        {"expectation": "Another."},
        {"replications": 7},
        {"seed": 99},
        {"policies": ["unguarded"]},
        {"primary": ["harm_per_episode"]},
        {"gates": [{"metric": "harm_per_episode", "margin": 10}]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_prose_and_how_much_is_run_leave_the_digest(change: dict[str, Any], tmp_path: Path) -> None:
    assert load(tmp_path, **change).digest == load(tmp_path).digest


CHANGES: list[dict[str, Any]] = [
    {"stream": "other"},
    {"horizon": "41s"},
    {"window": "1s"},
    {"think_min": "2100ms"},
    {"signatures": "ed25519"},
    {"baseline": "gateway"},
    {"issuer_error": 0.000001},
    {"operations": OPERATIONS | {"look": {"effect": "write"}}},
    {"operations": OPERATIONS | {"send": OPERATIONS["send"] | {"egress": False}}},
    {"operations": OPERATIONS | {"send": OPERATIONS["send"] | {"value_at_risk": 101}}},
    {"operations": OPERATIONS | {"wipe": OPERATIONS["wipe"] | {"reversible": True}}},
    {"operations": OPERATIONS | {"more": {}}},
    {"operations": dict(reversed(OPERATIONS.items()))},
    {"orgs": [{"name": "firm", "count": 3}]},
    {"orgs": [{"name": "firm", "count": 2, "posture": "hostile"}]},
    {"tasks": {"report": {"calls": ["send", "look"], "deadline": "400s"}}},
    {"tasks": {"report": {"calls": ["look", "send"], "deadline": "401s"}}},
    {"credentials": [{"name": "token", "org": "firm"}]},
    {"agents": [create_worker(count=7), *AGENTS[1:]]},
    {"agents": [create_worker(error=0.5), *AGENTS[1:]]},
    {"agents": [create_worker(think="3s"), *AGENTS[1:]]},
    {"agents": [create_worker(cross_org_share=0.1), *AGENTS[1:]]},
    {"agents": [create_worker(role=["look"]), *AGENTS[1:]]},
    {"agents": [create_worker(on_denial={"give_up": 0, "retry": 1}), *AGENTS[1:]]},
    {"agents": [AGENTS[0], create_reacher(temptation=0.51), AGENTS[2]]},
    {"agents": [AGENTS[0], create_reacher(goals=["wipe", "send"]), AGENTS[2]]},
    {"agents": [*AGENTS[:2], create_thief(leak="2s")]},
    {"agents": [*AGENTS[:2], create_thief(resend=0.2)]},
    {"agents": AGENTS[:2]},
    {"agents": [AGENTS[1], AGENTS[0], AGENTS[2]]},
    {"reviewers": {"count": 3}},
    {"reviewers": {"fatigue": 0.06}},
    {"detection": {"leak": "61s"}},
    {"gateways": {"servers": 5}},
    {"chain": {"block_interval": "501ms"}},
    {"chain": {"validators": 11}},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_everything_else_moves_the_digest(change: dict[str, Any], tmp_path: Path) -> None:
    assert load(tmp_path, **change).digest != load(tmp_path).digest


def test_no_two_of_these_changes_share_a_digest(tmp_path: Path) -> None:
    digests = [load(tmp_path, **change).digest for change in CHANGES]
    assert len(set(digests)) == len(digests)


def test_only_what_is_said_counts_not_how(tmp_path: Path) -> None:
    path = write_scenario(tmp_path, agents=AGENTS)
    before = load_scenario(path).digest
    text = path.read_text()
    compact = json.dumps(json.loads(text))
    for written in (
        f"# a comment\n\n{text}\n# another\n",
        compact,
        text.replace('"40s"', "40000ms"),
        text.replace('"version": 1', '"seed": 1, "version": 1'),  # as by default
        compact.replace('"version": 1', '"chain": {}, "reviewers": {"count": 2}, "version": 1'),
        json.dumps(dict(reversed(json.loads(text).items()))),
    ):
        path.write_text(written)
        assert load_scenario(path).digest == before
    path.write_bytes(text.replace("\n", "\r\n").encode())
    assert load_scenario(path).digest == before
    moved = path.rename(tmp_path / "other.yaml")
    assert load_scenario(moved).digest == before  # its `stream` is written


def test_the_digest_is_of_everything_that_makes_the_draws(tmp_path: Path) -> None:
    """Without a `stream`, the file's own name is what the draws are named by."""
    path = tmp_path / "one.yaml"
    document = json.loads(write_scenario(tmp_path).read_text())
    del document["stream"]
    path.write_text(json.dumps(document))
    one = load_scenario(path)
    two = load_scenario(path.rename(tmp_path / "two.yaml"))
    assert one.stream != two.stream
    assert one.digest != two.digest


@pytest.mark.parametrize("part", ["calls.jsonl", "tasks.jsonl", "runs.csv"])
def test_every_byte_of_a_companion_is_in_the_digest(part: str, recorded: Path) -> None:
    before = load_scenario(recorded).digest
    file = recorded.parent / "recordings" / f"office_{part}"
    content = file.read_bytes()
    for place in (0, len(content) // 2, len(content) - 1):
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert load_scenario(recorded).digest != before
    file.write_bytes(content + b"\n")
    assert load_scenario(recorded).digest != before
    file.write_bytes(content)
    assert load_scenario(recorded).digest == before


def test_companions_that_change_places_move_the_digest(recorded: Path) -> None:
    before = load_scenario(recorded).digest
    folder = recorded.parent / "recordings"
    tasks, runs = folder / "office_tasks.jsonl", folder / "office_runs.csv"
    content = tasks.read_bytes()
    tasks.write_bytes(runs.read_bytes())
    runs.write_bytes(content)
    assert load_scenario(recorded).digest != before


def test_where_the_folder_stands_does_not_matter(recorded: Path) -> None:
    assert load_scenario(recorded).digest == load_scenario(RECORDED).digest


# paths


def set_calls(recorded: Path, text: str) -> None:
    written = recorded.read_text().replace("recordings/office_calls.jsonl", json.dumps(text))
    recorded.write_text(written)


@pytest.mark.parametrize(
    "text",
    [
        "../office_calls.jsonl",
        "recordings/../../office_calls.jsonl",
        "/etc/hostname",
        "~/calls.jsonl",
        "$HOME/calls.jsonl",
        "${HOME}/calls.jsonl",
        "recordings\\office_calls.jsonl",
        "C:/calls.jsonl",
        "//server/share/calls.jsonl",
        "calls\x00.jsonl",
        "calls\n.jsonl",
        "recordings/link.jsonl",
        "linked/outside.jsonl",
        "recordings/loop",
        "recordings/missing.jsonl",
        "recordings",
        ".",
        "",
    ],
)
def test_a_companion_outside_the_folder_is_refused_at_its_place(text: str, recorded: Path) -> None:
    outside = recorded.parent.parent / "outside.jsonl"
    outside.write_text("{}\n")
    (recorded.parent / "recordings" / "link.jsonl").symlink_to(outside)
    (recorded.parent / "linked").symlink_to(outside.parent)
    (recorded.parent / "recordings" / "loop").symlink_to("loop")
    set_calls(recorded, text)
    with pytest.raises((InputError, InputErrors)) as caught:
        load_scenario(recorded)
    assert caught.value.exit_code == 2
    place = next(
        (number, line.index(":") + 3)
        for number, line in enumerate(recorded.read_text().splitlines(), start=1)
        if line.strip().startswith("calls:")
    )
    assert f"{recorded}:{place[0]}:{place[1]}: agents[0].recording.calls: " in str(caught.value)


def test_a_link_that_stays_inside_is_followed(recorded: Path) -> None:
    (recorded.parent / "link.jsonl").symlink_to("recordings/office_calls.jsonl")
    set_calls(recorded, "link.jsonl")
    loaded = load_scenario(recorded)
    assert loaded.companions["link.jsonl"].name == "office_calls.jsonl"


# refusals


def test_wrong_values_are_all_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(InputErrors) as caught:
        load(tmp_path, horizon="40", orgs=[{"name": "firm", "posture": "onest"}], seed=-1)
    errors = caught.value.errors
    assert {error.key for error in errors} == {"horizon", "orgs[0].posture", "seed"}
    assert [error.where for error in errors] == sorted(error.where for error in errors)
    assert len(str(caught.value).splitlines()) == len(errors) == 3


@pytest.mark.parametrize("version", [0, 2, "1", None, 1.5])
def test_another_version_of_the_format_is_refused(version: Any, tmp_path: Path) -> None:
    with pytest.raises(InputErrors, match="version"):
        load(tmp_path, version=version)


def test_a_mistyped_key_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputErrors, match="unknown key; did you mean 'temptation'"):
        load(tmp_path, agents=[create_worker(), create_reacher(temptaton=0.3)])
    with pytest.raises(InputErrors, match="unknown key"):
        load(tmp_path, horizont="3s")


def test_a_knob_of_another_strategy_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputErrors, match=r"agents\[0\]\.temptation: unknown key"):
        load(tmp_path, agents=[create_worker(temptation=0.3)])


@pytest.mark.parametrize("key", ["version", "title", "question", "expectation", "orgs", "agents"])
def test_what_a_scenario_must_say_is_required(key: str, tmp_path: Path) -> None:
    path = write_scenario(tmp_path, agents=AGENTS)
    document = json.loads(path.read_text())
    del document[key]
    path.write_text(json.dumps(document))
    with pytest.raises(InputErrors, match=f"{key}: this key is required"):
        load_scenario(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing.yaml"
    with pytest.raises(InputErrors) as caught:
        load_scenario(missing)
    assert str(caught.value) == f"{missing}: no such file"
