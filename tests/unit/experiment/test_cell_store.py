from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from sim.core.errors import StorageError
from sim.experiment.cell_store import (
    Span,
    StoredCell,
    check_cell,
    find_cells,
    plan_spans,
    read_values,
    remove_cell,
)
from sim.experiment.cells import Job, run_job
from sim.metrics.outcomes import get_outcomes
from sim.scenario.load import load_scenario
from tests.worlds import POLICIES, create_worker, write_scenario


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A cell of one short replication."""
    folder = tmp_path_factory.mktemp("cell")
    path = write_scenario(folder, horizon="6s", agents=[create_worker(count=1)])
    digest = load_scenario(path).digest
    return Job(str(path), digest, POLICIES["gateway"], 1, 0, 1, "")


def write(job: Job, folder: Path, *, keeps_traces: bool) -> StoredCell:
    run_job(replace(job, folder=str(folder), keeps_traces=keeps_traces))
    (cell,) = find_cells(folder).values()
    return cell


# which cells there are


@pytest.mark.parametrize(
    ("ended", "replications", "planned"),
    [
        ([], 25, [(0, 10), (10, 20), (20, 25)]),
        ([(0, 10), (10, 15)], 30, [(0, 10), (10, 15), (15, 20), (20, 30)]),
        ([(10, 20)], 20, [(0, 10), (10, 20)]),
        ([(0, 64)], 70, [(0, 64), (64, 70)]),
        ([(0, 64)], 20, [(0, 64)]),
        ([(3, 5)], 12, [(0, 3), (3, 5), (5, 10), (10, 12)]),
        ([], 0, []),
    ],
)
def test_cells_that_are_there_are_used_and_gaps_are_filled(
    ended: list[tuple[int, int]], replications: int, planned: list[tuple[int, int]]
) -> None:
    assert plan_spans([Span(*span) for span in ended], replications, 10) == planned


def test_cells_are_found_by_name_and_nothing_else_is(tmp_path: Path) -> None:
    for name in ("000000-000010", "000010-000020", "000010-000012", "000020-000030.tmp-1", "x"):
        (tmp_path / name).mkdir()
    (tmp_path / f"000030-000040-{'0' * 32}.parquet").touch()
    assert [cell.span for cell in find_cells(tmp_path).values()] == [(0, 10), (10, 20), (30, 40)]
    assert find_cells(tmp_path / "nowhere") == {}


# what is in them


@pytest.mark.parametrize("keeps_traces", [True, False])
def test_a_cell_says_what_made_it_and_holds_what_was_measured(
    job: Job, tmp_path: Path, keeps_traces: bool
) -> None:
    cell = write(job, tmp_path, keeps_traces=keeps_traces)
    facts = check_cell(cell)
    assert (facts["policy"], facts["seed"], facts["first"], facts["last"]) == ("gateway", 1, 0, 1)
    fresh = run_job(job)
    assert facts["digests"] == [digest.hex() for digest in fresh.digests]
    assert read_values([cell.path], 1, list(get_outcomes())) == fresh.values


@pytest.mark.parametrize("keeps_traces", [True, False])
def test_a_cell_written_twice_is_the_same_cell(
    job: Job, tmp_path: Path, keeps_traces: bool
) -> None:
    first = write(job, tmp_path, keeps_traces=keeps_traces)
    assert write(job, tmp_path, keeps_traces=keeps_traces) == first
    remove_cell(first)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("keeps_traces", [True, False])
def test_every_flipped_byte_of_a_cell_is_found_and_its_file_named(
    job: Job, tmp_path: Path, keeps_traces: bool
) -> None:
    cell = write(job, tmp_path, keeps_traces=keeps_traces)
    files = sorted(cell.path.iterdir()) if keeps_traces else [cell.path]
    n_flipped = 0
    for path in files:
        content = path.read_bytes()
        with path.open("r+b", buffering=0) as file:
            for index, byte in enumerate(content):
                os.pwrite(file.fileno(), bytes([byte ^ 1 << (index % 8)]), index)
                with pytest.raises(StorageError, match=path.name):
                    check_cell(cell)
                os.pwrite(file.fileno(), bytes([byte]), index)
                n_flipped += 1
    check_cell(cell)
    assert n_flipped > 3_000


@pytest.mark.parametrize("keeps_traces", [True, False])
def test_a_cut_a_lost_and_a_renamed_cell_are_found(
    job: Job, tmp_path: Path, keeps_traces: bool
) -> None:
    cell = write(job, tmp_path, keeps_traces=keeps_traces)
    renamed = cell.path.rename(cell.path.with_name(cell.path.name.replace("000001", "000002")))
    other = StoredCell(Span(0, 2), renamed)
    with pytest.raises(StorageError, match="other replications than its name says"):
        check_cell(other)
    path = next(other.path.glob("outcomes-*")) if keeps_traces else other.path
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StorageError, match=path.name):
        check_cell(other)
    path.unlink()
    with pytest.raises(StorageError, match="cannot be read"):
        check_cell(other)


def test_a_cell_without_some_outcome_is_of_another_version(job: Job, tmp_path: Path) -> None:
    cell = write(job, tmp_path, keeps_traces=False)
    with pytest.raises(StorageError, match="holds no harmony: made by another version"):
        read_values([cell.path], 1, ["harmony"])
