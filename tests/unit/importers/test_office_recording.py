"""The invented office: small enough to count by hand, and each scope gives other numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.core.records import ScopeLevel
from sim.importers.recording import Recording, load_recording
from sim.importers.scopes import compute_grants

FOLDER = Path(__file__).parents[3] / "scenarios" / "recordings"


@pytest.fixture(scope="module")
def office() -> Recording:
    return load_recording(
        FOLDER / "office_calls.jsonl", FOLDER / "office_tasks.jsonl", FOLDER / "office_runs.csv"
    )


def find_refused(office: Recording, scope: str) -> set[int]:
    """Executed calls that no grant covers."""
    covered = set()
    for grant in compute_grants(office, scope):
        named = office.named[grant["arguments_from"] : grant["arguments_to"]].tolist()
        for position in range(grant["first_call"], grant["last_call"] + 1):
            call = office.calls[position]
            carried = office.arguments[call["arguments_from"] : call["arguments_to"]].tolist()
            if not grant["mask"] >> office.operations[call["operation"]]["bit"] & 1:
                continue
            if grant["level"] < ScopeLevel.ARGUMENTS or set(carried) <= set(named):
                covered.add(position)
    return {k for k in range(len(office.calls)) if office.calls[k]["executed"]} - covered


def get_span(run: object) -> set[int]:
    return set(range(run["first_call"], run["first_call"] + run["n_calls"]))  # type: ignore[index]


@pytest.mark.parametrize(
    ("scope", "successes", "successes_undetermined", "malicious", "benign", "utility"),
    [
        ("none", 8, 8, 0, 0, 8),
        ("role", 7, 7, 1, 2, 6),
        ("task_exact", 5, 5, 4, 3, 5),
        ("task", 6, 6, 3, 0, 8),
        ("arguments", 3, 2, 7, 2, 6),
        ("read_only", 4, 3, 6, 8, 1),
    ],
)
def test_each_scope_stops_and_breaks_something_else(
    office: Recording, scope: str, successes: int, successes_undetermined: int,
    malicious: int, benign: int, utility: int,
) -> None:  # fmt: skip
    refused = find_refused(office, scope)
    label = office.calls["malicious"]
    stopped = {k for k in refused if label[k] == 1}
    doubtful = {k for k in refused if label[k] != 0}
    succeeded = [run for run in office.runs if run["attack_success"] == 1 and not run["aborted"]]
    harmless = [run for run in office.runs if office.attacks[run["attack"]] == "none"]
    assert sum(not get_span(run) & stopped for run in succeeded) == successes
    assert sum(not get_span(run) & doubtful for run in succeeded) == successes_undetermined
    assert len(stopped) == malicious
    assert sum(len(get_span(run) & refused) for run in harmless) == benign
    assert sum(run["utility"] == 1 and not get_span(run) & refused for run in harmless) == utility


def test_it_has_the_cases_that_make_a_recording_hard(office: Recording) -> None:
    calls, runs = office.calls, office.runs
    assert office.orgs == ("brightwater", "harbour")
    assert (len(calls), len(runs), len(office.task_names), len(office.agents)) == (48, 19, 8, 2)
    assert (calls["t_us"] >= 0).all()
    assert (calls["exposed"][calls["malicious"] == 1] == 1).all()
    assert (calls["executed"] == 0).sum() == 1
    assert (calls["malicious"] == -1).sum() == 1
    assert (runs["n_calls"] == 0).sum() == (runs["aborted"] == 1).sum() == 1
    succeeded = [run for run in runs if run["attack_success"] == 1]
    assert [office.run_names[k] for k, run in enumerate(runs) if run in succeeded and not any(
        calls["malicious"][position] for position in get_span(run)
    )] == ["harbour/payroll-hours/planted_note/1"]  # fmt: skip
