from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from jsonschema import Draft202012Validator

from sim.cli import app as module
from sim.core.errors import InvariantError
from sim.experiment import run as running
from sim.faults.registry import load_faults
from sim.metrics.base import NullReason
from sim.metrics.outcomes import CLEAN, GAINS, OUTCOMES, OVERHEADS, PLAIN, get_outcomes
from sim.policies.presets import SUMMARIES
from sim.policies.registry import load_policies
from sim.strategies.registry import load_strategies, load_traders
from sim.trace.store import MANIFEST, load_manifest
from tests.markets_world import MARKET
from tests.worlds import SCENARIOS, SHIPPED, create_reacher, create_worker, write_scenario

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = SCENARIOS.parent
SETTINGS: dict[str, Any] = {
    "horizon": "20s",
    "replications": 2,
    "agents": [
        create_worker(count=3, cross_org_share=0.3),
        create_reacher(count=4, task_every="4s", temptation=0.9),
    ],
    "policies": ["unguarded", "chain", {"name": "mine", "preset": "gateway", "mediation": 0.5}],
}
COMPILING = "Compiling the rules"  # said once for each version of the sources
WIDE = {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}


class Ended(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


@pytest.fixture
def sim(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """The `sim` command, in this process: exit code, stdout, stderr."""

    def run(*words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["sim", *map(str, words)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            module.main()
        code = ended.value.code
        out, err = capfd.readouterr()
        err = "".join(line for line in err.splitlines(True) if not line.startswith(COMPILING))
        return Ended(code if isinstance(code, int) else int(code is not None), out, err)

    for name, value in WIDE.items():
        monkeypatch.setenv(name, value)
    return run


def start(*words: object, **options: Any) -> subprocess.Popen[str]:
    """The `sim` command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "sim", *map(str, words)],
        cwd=options.pop("cwd", REPOSITORY),
        env=os.environ | WIDE | {"PYTHONPATH": str(REPOSITORY)} | options.pop("env", {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        **options,
    )


def list_files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write_scenario(tmp_path, **SETTINGS)


def check_error(ended: Ended, code: int) -> None:
    """One clear message on stderr, nothing on stdout, and no traceback."""
    assert ended.code == code
    assert ended.out == ""
    assert "Traceback" not in ended.err
    assert ended.err.strip()


# run


def test_a_run_shows_its_question_its_table_and_its_reading(
    sim: Callable[..., Ended], small: Path, tmp_path: Path
) -> None:
    ended = sim("run", small, "--out", tmp_path / "out")
    assert (ended.code, ended.err) == (0, "")
    for words in ("Question: Does it hold?", "Expected before the run: It does.", "n = 2"):
        assert words in ended.out
    assert "Differences are paired" in " ".join(ended.out.split())
    (folder,) = (tmp_path / "out").iterdir()
    assert f"sim explain {folder}" in ended.out.replace("\n", "")
    results = [path.name for path in folder.iterdir() if path.is_dir()]
    assert sorted(name.split("-")[0] for name in results) == ["chain", "mine", "unguarded"]


def test_quiet_leaves_the_table_alone(
    sim: Callable[..., Ended], small: Path, tmp_path: Path
) -> None:
    ended = sim("run", small, "--out", tmp_path / "out", "--quiet")
    assert "unauthorized acts executed" in ended.out
    assert "Question" not in ended.out
    assert "sim explain" not in ended.out


@pytest.fixture
def document(sim: Callable[..., Ended], small: Path, tmp_path: Path) -> dict[str, Any]:
    ended = sim("run", small, "--out", tmp_path / "out", "--json")
    assert (ended.code, ended.err) == (0, "")
    parsed: dict[str, Any] = json.loads(ended.out)  # exactly one document, nothing around it
    return parsed


NUMBER_OR_NULL = {"type": ["number", "null"]}
OUTCOME: dict[str, Any] = {
    "type": "object",
    "required": ["mean", "low", "high", "n", "unit"],
    "properties": {
        "mean": NUMBER_OR_NULL,
        "low": NUMBER_OR_NULL,
        "high": NUMBER_OR_NULL,
        "n": {"type": "integer", "minimum": 1},
        "unit": {"type": "string", "minLength": 1},
    },
    "if": {"properties": {"mean": {"type": "null"}}},
    "then": {
        "required": ["reason"],
        "properties": {
            "low": {"type": "null"},
            "high": {"type": "null"},
            "reason": {"enum": [reason.value for reason in NullReason]},
        },
    },
    "else": {
        "required": ["interval"],
        "if": {"properties": {"low": {"type": "null"}}},
        "then": {"properties": {"interval": {"enum": ["no interval", "no events"]}}},
    },
}
DOCUMENT: dict[str, Any] = {
    "type": "object",
    "required": ["scenario", "digest", "policies", "comparisons"],
    "properties": {
        "scenario": {"const": "world"},
        "digest": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        "policies": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["outcomes", "digest"],
                "properties": {
                    "outcomes": {"type": "object", "additionalProperties": OUTCOME},
                    "digest": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
                },
            },
        },
        "comparisons": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["metric", "policy", "baseline", "difference", "low", "high", "n"],
                "properties": {
                    "metric": {"type": "string"},
                    "difference": {"type": "number"},
                    "low": NUMBER_OR_NULL,
                    "high": NUMBER_OR_NULL,
                    "n": {"const": 2},
                },
            },
        },
    },
}


def test_json_has_the_documented_shape(document: dict[str, Any]) -> None:
    errors = Draft202012Validator(DOCUMENT).iter_errors(document)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_json_has_every_policy_every_outcome_and_the_differences(document: dict[str, Any]) -> None:
    assert list(document["policies"]) == ["unguarded", "chain", "mine"]
    for policy in document["policies"].values():
        assert set(policy["outcomes"]) == {*get_outcomes(), *OVERHEADS, *GAINS}
        assert {outcome["n"] for outcome in policy["outcomes"].values()} == {2}
    assert {c["policy"] for c in document["comparisons"]} == {"chain", "mine"}
    assert {c["baseline"] for c in document["comparisons"]} == {"unguarded"}


def test_json_is_the_same_however_many_workers(
    document: dict[str, Any], sim: Callable[..., Ended], small: Path, tmp_path: Path
) -> None:
    ended = sim("run", small, "--out", tmp_path / "other", "--json", "--workers", 2)
    assert json.loads(ended.out) == document


def test_options_are_used(sim: Callable[..., Ended], small: Path, tmp_path: Path) -> None:
    words = ("--policy", "mine", "--policy", "oracle", "--seed", 5, "--replications", 1)
    ended = sim("run", small, "--out", tmp_path / "out", "--json", *words)
    document = json.loads(ended.out)
    assert list(document["policies"]) == ["mine", "oracle"]
    assert (document["seed"], document["replications"]) == (5, 1)


# refusals


def test_an_unknown_policy_is_refused_with_the_nearest(
    sim: Callable[..., Ended], small: Path, tmp_path: Path
) -> None:
    ended = sim("run", small, "--policy", "chian", "--out", tmp_path / "out")
    check_error(ended, 2)
    expected = f"{small}: --policy: unknown policy 'chian'; did you mean 'chain'?\n"
    assert ended.err == expected
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["run", "validate"])
def test_a_wrong_scenario_is_refused_line_by_line_and_nothing_is_written(
    command: str, sim: Callable[..., Ended], small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(small.parent)
    text = small.read_text().replace('"20s"', "20").replace('"over_scoper"', '"overscoper"')
    small.write_text(text)
    before = list_files(small.parent)
    ended = sim(command, small)
    check_error(ended, 2)
    lines = ended.err.splitlines()
    assert [line.split(": ")[1] for line in lines] == ["horizon", "agents[1].strategy"]
    for line in lines:
        file, number, column, _ = line.split(":", 3)
        written = text.splitlines()[int(number) - 1][int(column) - 1 :]
        assert file == str(small)
        assert written.startswith(("20", '"overscoper"'))
    assert lines[1].endswith("did you mean 'over_scoper'?")
    assert list_files(small.parent) == before


@pytest.mark.parametrize(
    "words",
    [
        ["run"],
        ["run", "FILE", "--replications", "0"],
        ["run", "FILE", "--replications", "many"],
        ["run", "FILE", "--seed", "-1"],
        ["run", "FILE", "--workers", "0"],
        ["run", "FILE", "--polcy", "chain"],
        ["run", "FILE", "other.yaml"],
        ["validate"],
        ["list", "policies", "strategies"],
        ["schema", "now"],
        ["explain"],
        ["rum"],
    ],
)
def test_a_wrong_command_line_ends_with_2(
    words: list[str], sim: Callable[..., Ended], small: Path
) -> None:
    check_error(sim(*(small if word == "FILE" else word for word in words)), 2)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00", b"\xff\xfe", b"[]", b"a: &x 1\nb: *x\n", b"a: 1\n---\nb: 2\n", b"\ta: 1\n"],
)
def test_what_is_no_scenario_is_refused(
    content: bytes, sim: Callable[..., Ended], tmp_path: Path
) -> None:
    path = tmp_path / "odd.yaml"
    path.write_bytes(content)
    ended = sim("run", path)
    check_error(ended, 2)
    assert all(line.startswith(f"{path}:") for line in ended.err.splitlines())


def test_a_refusal_is_one_line_and_needs_nothing_heavy(tmp_path: Path) -> None:
    wrong = write_scenario(tmp_path, **SETTINGS | {"baseline": "chian"})
    with start("run", wrong, env={"PYTHONPROFILEIMPORTTIME": "1"}) as process:
        _, err = process.communicate(timeout=30)
    lines = err.splitlines()
    imported = {line.split("|")[-1].strip() for line in lines if line.startswith("import time:")}
    assert process.returncode == 2
    assert sum(not line.startswith("import time:") for line in lines) == 1
    assert "pydantic" in imported
    assert not {"numba", "pyarrow", "scipy", "rich.table"} & imported


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_folder_that_cannot_be_written_ends_with_4(
    place: str, sim: Callable[..., Ended], small: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    ended = sim("run", small, "--out", tmp_path / place, "--quiet")
    check_error(ended, 4)
    assert ended.err.count("\n") == 1
    assert str(tmp_path / place) in ended.err


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_read_only_folder_ends_with_4(
    sim: Callable[..., Ended], small: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir(mode=0o500)
    check_error(sim("run", small, "--out", out, "--quiet"), 4)


def test_a_full_disk_ends_with_4_and_leaves_no_half_result(small: Path, tmp_path: Path) -> None:
    """No file may grow beyond the scenario's own size here; nothing is compiled, to write less."""
    out, limit = tmp_path / "out", small.stat().st_size

    def forbid_large_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    uncompiled = {"NUMBA_DISABLE_JIT": "1"}
    words = ("run", small, "--out", out, "--replications", 1)
    with start(*words, env=uncompiled, preexec_fn=forbid_large_files) as process:
        stdout, stderr = process.communicate(timeout=60)
    check_error(Ended(process.returncode, stdout, stderr), 4)
    assert "File too large" in stderr
    assert str(out) in stderr
    assert not list(out.glob(f"*/*/{MANIFEST}"))  # no policy is finished
    for path in out.glob(f"*/*/*/{MANIFEST}"):  # what is there of its cells is whole
        assert load_manifest(path.parent)["last"] > 0


def test_a_broken_promise_ends_with_3(
    sim: Callable[..., Ended], small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise InvariantError("I8 conservation", 7, "the supply", "another sum")

    monkeypatch.setattr(running.RunCells, "run", fail)
    ended = sim("run", small, "--out", tmp_path / "out")
    check_error(ended, 3)
    assert "I8 conservation broke at height 7" in ended.err


def wait_until_it_runs(out: Path, process: subprocess.Popen[str], workers: int) -> None:
    """Until the folder is taken, and every worker is busy."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    wanted = workers if workers > 1 and children.exists() else 0
    until = time.monotonic() + 60
    while time.monotonic() < until:
        assert process.poll() is None
        is_busy = not wanted or len(children.read_text().split()) >= wanted
        if is_busy and list(out.glob("*/.lock")):
            break
        time.sleep(0.02)
    time.sleep(0.5)


@pytest.mark.parametrize(
    ("name", "workers"), [("SIGINT", 1), ("SIGINT", 2), ("SIGTERM", 1)], ids=str
)
def test_an_interrupt_ends_with_130_and_leaves_no_half_result(
    name: str, workers: int, tmp_path: Path
) -> None:
    long = write_scenario(tmp_path, **SETTINGS | {"horizon": "1h", "replications": 5_000})
    out = tmp_path / "out"
    words = ("run", long, "--out", out, "--workers", workers)
    with start(*words, start_new_session=True) as process:
        wait_until_it_runs(out, process, workers)
        asked = time.monotonic()
        os.killpg(process.pid, getattr(signal, name))  # as a terminal does: workers hear it too
        try:
            stdout, stderr = process.communicate(timeout=8)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert time.monotonic() - asked < 8
    assert process.returncode == 130
    assert stdout == ""
    assert "Traceback" not in stderr
    assert "interrupted" in stderr
    assert not list(out.rglob(MANIFEST))


# validate, list, schema


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_scenario_is_sound(name: str, sim: Callable[..., Ended]) -> None:
    path = SCENARIOS / f"{name}.yaml"
    ended = sim("validate", path)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"{path}: sound: ")
    assert "policies, digest " in ended.out
    assert sim("validate", path, "--quiet") == (0, "", "")


def test_several_files_are_all_looked_at(
    sim: Callable[..., Ended], small: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text("version: 1\nbogus: 2\n")
    second.write_text("version: 3\n")
    ended = sim("validate", first, small, second)
    assert ended.code == 2
    assert str(first) in ended.err
    assert str(second) in ended.err


def test_a_sweep_that_could_not_be_run_is_not_sound(
    sim: Callable[..., Ended], tmp_path: Path
) -> None:
    """The same refusals as of `sim sweep`, without running anything."""
    factors = {"policies.chain.fee": [1, -3], "agents.nobody.count": [1]}
    path = write_scenario(tmp_path, **SETTINGS | {"sweep": {"factors": factors}})
    validated, swept = sim("validate", path), sim("sweep", path, "--out", tmp_path / "out")
    assert (validated.code, validated.err) == (2, swept.err)
    first, second = validated.err.splitlines()
    assert first.startswith(f"{path}:")
    assert first.endswith("sweep.factors.policies.chain.fee: must be at least 0, got -3")
    assert "sweep.factors.agents.nobody.count: no item 'nobody'" in second
    assert not (tmp_path / "out").exists()


def test_what_validates_can_be_run(sim: Callable[..., Ended], tmp_path: Path) -> None:
    """A mistyped outcome is refused by both, or by neither."""
    path = write_scenario(tmp_path, **SETTINGS | {"primary": ["harm_per_episod"]})
    validated = sim("validate", path)
    ran = sim("run", path, "--out", tmp_path / "out")
    assert (validated.code, ran.code) == (2, 2)
    assert "did you mean 'harm_per_episode'?" in validated.err


LISTS: dict[str, list[str]] = {
    "policies": list(load_policies()),
    "strategies": [*load_strategies(), *load_traders()],
    "faults": list(load_faults()),
    "metrics": [*OUTCOMES, CLEAN.name, PLAIN.name, *OVERHEADS, *GAINS],
    "scenarios": [f"scenarios/{name}.yaml" for name in SHIPPED],
}


@pytest.mark.parametrize("what", LISTS)
def test_a_list_has_one_line_for_each_name(
    what: str, sim: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    ended = sim("list", what)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert [line.split()[0] for line in lines] == LISTS[what]
    assert all(len(line.split()) > 2 for line in lines)
    columns = {len(line) - len(line.split(maxsplit=1)[1]) for line in lines}
    assert len(columns) == 1  # what they are stands in one column


@pytest.mark.parametrize("what", LISTS)
def test_a_list_is_one_json_document_too(
    what: str, sim: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    rows = json.loads(sim("list", what, "--json").out)
    assert [row["name"] for row in rows] == LISTS[what]
    assert all(row["summary"].strip() and "\n" not in row["summary"] for row in rows)


def test_every_preset_has_its_own_summary() -> None:
    assert set(SUMMARIES) == set(load_policies())
    assert len(set(SUMMARIES.values())) == len(SUMMARIES)


def test_an_unknown_list_is_refused_with_the_nearest(sim: Callable[..., Ended]) -> None:
    ended = sim("list", "polices")
    check_error(ended, 2)
    assert "did you mean 'policies'?" in ended.err
    assert all(what in ended.err for what in LISTS)


def test_where_there_are_no_scenarios_none_are_listed(
    sim: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = sim("list", "scenarios")
    assert (ended.code, ended.out) == (0, "")


def test_the_schema_is_printed_as_a_json_schema(sim: Callable[..., Ended]) -> None:
    ended = sim("schema")
    assert (ended.code, ended.err) == (0, "")
    Draft202012Validator.check_schema(json.loads(ended.out))


# explain


@pytest.fixture
def folder(sim: Callable[..., Ended], small: Path, tmp_path: Path) -> Path:
    sim("run", small, "--out", tmp_path / "out", "--quiet", "--workers", 1)
    (result,) = (tmp_path / "out").iterdir()
    return result


def test_calls_are_named_and_each_can_be_explained(sim: Callable[..., Ended], folder: Path) -> None:
    listed = sim("explain", folder)
    assert (listed.code, listed.err) == (0, "")
    title, *calls = listed.out.splitlines()
    assert title.endswith(":")
    assert calls
    for call in calls[:3]:
        ended = sim("explain", folder, call.strip())
        assert (ended.code, ended.err) == (0, "")
        heading, policies, verdicts, *_ = ended.out.splitlines()
        assert heading.startswith(f"{call.strip()} called ")
        assert policies.split() == ["unguarded", "chain", "mine"]
        assert verdicts.startswith("verdict")
        assert "CAPABILITY_DENIED" in ended.out
    chosen = sim("explain", folder, calls[0].strip(), "--policy", "chain")
    assert "unguarded" not in chosen.out
    assert chosen.out.startswith("chain: ")


def test_an_explanation_is_one_document(sim: Callable[..., Ended], folder: Path) -> None:
    refused = ["--reason", "CAPABILITY_DENIED", "--policy", "chain"]
    listed = json.loads(sim("explain", folder, *refused, "--json").out)
    assert listed["policy"] == "chain"
    ended = sim("explain", folder, listed["calls"][0], "--json")
    assert (ended.code, ended.err) == (0, "")
    document = json.loads(ended.out)
    assert document["call"] == listed["calls"][0]
    by_policy = {entry["policy"]: entry for entry in document["policies"]}
    assert list(by_policy) == ["unguarded", "chain", "mine"]
    assert by_policy["chain"]["verdict"] == "refused"
    deciding = [check for check in by_policy["chain"]["checks"] if check["decides"]]
    assert [(check["name"], check["outcome"], check["binding"]) for check in deciding] == [
        ("CAPABILITY_DENIED", "fails", True)
    ]
    failing = [check for check in by_policy["unguarded"]["checks"] if check["outcome"] == "fails"]
    assert failing
    assert not any(check["binding"] for check in failing)


def test_a_market_without_calls_says_where_the_reasons_of_its_trades_stand(
    sim: Callable[..., Ended], tmp_path: Path
) -> None:
    traders = [group for group in MARKET["agents"] if "tasks" not in group]
    market = write_scenario(tmp_path, **MARKET | {"agents": traders, "horizon": "10s"})
    out = tmp_path / "out"
    sim("run", market, "--out", out, "--policy", "chain", "--replications", 2, "--workers", 1)
    (result,) = out.iterdir()
    ended = sim("explain", result)
    assert (ended.code, ended.err) == (0, "")
    assert "none was refused" in ended.out
    assert "`code` of transactions-*.parquet" in ended.out
    assert list(result.glob("*/*/transactions-*.parquet"))


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["nobody/0/0/0"], "unknown agent 'nobody'"),
        (["worker-0"], "expected AGENT/TASK/CALL/ATTEMPT, got 'worker-0'"),
        (["wroker-0/0/0/0"], "did you mean 'worker-0'?"),
        (["worker-0/99/0/0"], "no policy of this result saw a call"),
        (["worker-0/0/0/0", "--policy", "chian"], "did you mean 'chain'?"),
        (["worker-0/0/0/0", "--replication", "2"], "must be below 2, got 2"),
        (["--policy", "chian"], "did you mean 'chain'?"),
        (["--replication", "9"], "must be below 2, got 9"),
        (["--reason", "CAPABILITY_DENID"], "did you mean 'CAPABILITY_DENIED'?"),
        (["--agent", "wroker-0"], "did you mean 'worker-0'?"),
        (["--org", "frim-0"], "did you mean 'firm-0'?"),
        (["worker-0/0/0/0", "--org", "firm-0"], "--org: narrows the listing"),
    ],
)
def test_what_cannot_be_explained_is_refused(
    words: list[str], problem: str, sim: Callable[..., Ended], folder: Path
) -> None:
    ended = sim("explain", folder, *words)
    check_error(ended, 2)
    assert problem in ended.err
    assert ended.err.count("\n") == 1


def test_a_folder_without_a_result_is_refused(sim: Callable[..., Ended], tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere", tmp_path / "world.yaml"):
        check_error(sim("explain", path), 2)


def test_a_damaged_result_ends_with_4_and_names_the_file(
    sim: Callable[..., Ended], folder: Path
) -> None:
    path = next(folder.glob("chain-*/*/tasks-*"))
    path.write_bytes(path.read_bytes()[:-1])
    ended = sim("explain", folder, "worker-0/0/0/0")
    check_error(ended, 4)
    assert path.name in ended.err


def test_an_agent_named_in_control_characters_cannot_write_to_the_terminal(
    sim: Callable[..., Ended], tmp_path: Path
) -> None:
    """Names in a recording are somebody else's: escape sequences are not printed as they are."""
    call = {
        "run": "r1", "t": None, "agent": "bot\x1b[2J", "org": "acme", "principal": None,
        "task": "pay", "tool": "wipe\x1b[31m", "args": {}, "effect": "destructive",
        "egress": False, "scope": ["send"], "malicious": True, "outcome": "ok",
    }  # fmt: skip
    benign = call | {"malicious": False}
    (tmp_path / "calls.jsonl").write_text(f"{json.dumps(benign)}\n{json.dumps(call)}\n")
    group = {"name": "team", "strategy": "replay", "recording": {"calls": "calls.jsonl"}}
    path = write_scenario(
        tmp_path, orgs=[{"name": "acme"}], operations={}, tasks={}, agents=[group],
        policies=["unguarded", "gateway"], replications=1, horizon="600s",
    )  # fmt: skip
    ran = sim("run", path, "--out", tmp_path / "out", "--quiet")
    if ran.code == 2:
        return  # refused where it came in
    (result,) = (tmp_path / "out").iterdir()
    listed = sim("explain", result)
    calls = listed.out.splitlines()[1:]
    explained = sim("explain", result, calls[0].strip()) if calls else listed
    assert "\x1b" not in ran.out + listed.out + explained.out + explained.err


# the whole command


def test_help_names_every_command(sim: Callable[..., Ended]) -> None:
    ended = sim("--help")
    assert ended.code == 0
    for command in ("run", "validate", "list", "schema", "explain", "replay", "ratings"):
        assert command in ended.out


def test_without_words_help_is_shown(sim: Callable[..., Ended]) -> None:
    ended = sim()
    assert "Usage:" in ended.out + ended.err
    assert "validate" in ended.out + ended.err
