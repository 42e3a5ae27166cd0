from __future__ import annotations

import math
from pathlib import Path

import pytest

from sim.core.errors import StorageError
from sim.experiment.baseline import (
    Arm,
    Baseline,
    FormatError,
    Row,
    format_baseline,
    load_baseline,
    write_baseline,
)
from sim.metrics.base import NullReason, Value

SOUND = Row("share", "rate", "down", (Value(1.0, 3.0, 0), Value(0.1, 2.5, 0)))
HALF_NULL = Row(
    "s", "quantile", "down", (Value(0.25, 1.0, 0), Value(0.0, 0.0, 0, NullReason.BEYOND_HORIZON))
)
NULL = Row("pairs", "mean", "down", (Value(0.0, 0.0, 0, NullReason.NOT_APPLICABLE),) * 2)
BASELINE = Baseline(
    scenario="world",
    scenario_digest="0123456789abcdef",
    seed=1,
    replications=2,
    version="0.1.0",
    arms={"chain": Arm("aa", "bb")},
    rows={("chain", "a"): SOUND, ("chain", "b"): HALF_NULL, ("chain", "c"): NULL},
)


def write(folder: Path, content: bytes) -> Path:
    path = folder / "world.json"
    path.write_bytes(content)
    return path


def test_what_is_written_is_read_back_and_written_alike(tmp_path: Path) -> None:
    path = tmp_path / "new" / "world.json"
    write_baseline(path, BASELINE)
    assert load_baseline(path) == BASELINE
    assert path.read_bytes() == format_baseline(load_baseline(path)) == format_baseline(BASELINE)
    assert [entry.name for entry in path.parent.iterdir()] == ["world.json"]


def test_an_outcome_has_a_line_of_its_own_and_whole_numbers_no_point() -> None:
    lines = format_baseline(BASELINE).decode().splitlines()
    (line,) = [line for line in lines if '"outcome": "a"' in line]
    assert '"num": [1, 0.1], "den": [3, 2.5]' in line
    assert "null" not in line


@pytest.mark.slow
def test_every_flipped_byte_is_noticed(tmp_path: Path) -> None:
    content = format_baseline(BASELINE)
    passed = []
    for index in range(len(content)):
        for bit in (0, 5):
            flipped = bytearray(content)
            flipped[index] ^= 1 << bit
            try:
                load_baseline(write(tmp_path, bytes(flipped)))
            except (StorageError, FormatError):
                continue
            passed.append((index, bit))
    assert passed == []


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[1]", b'"x"', b"\xff", b'{"format": 1}', b"[" * 9999]
)
def test_what_is_no_baseline_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    path = write(tmp_path, content)
    with pytest.raises(StorageError, match=r"world\.json: is no") as caught:
        load_baseline(path)
    assert caught.value.exit_code == 4


def test_line_ends_of_a_checkout_change_nothing(tmp_path: Path) -> None:
    content = format_baseline(BASELINE).replace(b"\n", b"\r\n")
    assert load_baseline(write(tmp_path, content)) == BASELINE


def test_another_format_is_no_damage(tmp_path: Path) -> None:
    content = format_baseline(BASELINE).replace(b'"format": 1', b'"format": 2')
    with pytest.raises(FormatError, match="format 2, expected 1"):
        load_baseline(write(tmp_path, content))


def test_a_number_that_is_not_finite_comes_back_as_none(tmp_path: Path) -> None:
    row = Row("share", "rate", "down", (Value(math.inf, 1.0, 0), Value(1.0, math.nan, 0)))
    odd = Baseline("w", "d", 1, 2, "0", {}, {("chain", "a"): row})
    values = load_baseline(write(tmp_path, format_baseline(odd))).rows["chain", "a"].values
    assert math.isnan(values[0].num)
    assert math.isnan(values[1].den)


def test_a_disk_that_refuses_leaves_the_old_baseline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, b"old")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(StorageError, match="No space left on device"):
        write_baseline(path, BASELINE)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["world.json"]
