from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.core.errors import InputError, Position, StorageError
from sim.importers import lines
from sim.importers.calls import load_calls, load_runs, load_tasks
from sim.importers.lines import load_lines, load_objects

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., Path]

GOOD = b'{"a": 1}\n'
PACKED = gzip.compress(GOOD * 5_000, mtime=0)


def test_gzip_is_read_like_plain_text(write: Write) -> None:
    plain = [row for _, row in load_objects(write("plain", GOOD * 3))]
    packed = [row for _, row in load_objects(write("packed", gzip.compress(GOOD * 3)))]
    assert plain == packed == [{"a": 1}] * 3


@pytest.mark.parametrize(
    "text", ['{"a":1}\n{"a":2}', '{"a":1}\r\n{"a":2}\r\n', '{"a":1}\n{"a":2}\n']
)
def test_the_last_line_end_and_carriage_returns_are_free(write: Write, text: str) -> None:
    assert [row["a"] for _, row in load_objects(write("file", text))] == [1, 2]


def test_only_a_newline_ends_a_line(write: Write) -> None:
    path = write("file", '{"a": "x\u2028y"}\n')
    assert [row for _, row in load_objects(path)] == [{"a": "x\u2028y"}]


@pytest.mark.parametrize(
    ("line", "column", "key", "problem"),
    [
        (b'{"a": }', 7, "", "not JSON: Expecting value"),
        (b"[1]", 0, "", "expected a JSON object"),
        (b'"text"', 0, "", "expected a JSON object"),
        (b"null", 0, "", "expected a JSON object"),
        (b'{"a": 1} {"a": 2}', 10, "", "not JSON: Extra data"),
        (b'{"a": NaN}', 0, "", "NaN is not a JSON number"),
        (b'{"a": [Infinity]}', 0, "", "Infinity is not a JSON number"),
        (b'{"a": -Infinity}', 0, "", "-Infinity is not a JSON number"),
        (b'{"a": 1e999}', 0, "", "1e999 is too large for a number"),
        (b'{"a": ' + b"9" * 5_000 + b"}", 0, "", "a number has too many digits"),
        (b'{"a": 1, "b": 2, "a": 3}', 0, "a", "the key is there twice"),
        (b'{"a": {"b": 1, "b": 1}}', 0, "b", "the key is there twice"),
        (b'{"a": "\\ud800"}', 0, "", "holds half of a surrogate pair"),
        (b'{"\\ud800": 1, "\\ud800": 2}', 0, "?", "the key is there twice"),
        (b'{"a": ' + b"[" * 100_000, 0, "", "nested too deeply"),
        (b'{"a": "\xff"}', 8, "", "not UTF-8: invalid start byte"),
        (b"", 0, "", "blank line; expected one JSON object a line"),
        (b" \t", 0, "", "blank line; expected one JSON object a line"),
        ("\ufeff{}".encode(), 0, "", "starts with a byte order mark; save it as plain UTF-8"),
    ],
)
def test_a_line_that_is_no_strict_object_is_refused(
    write: Write, line: bytes, column: int, key: str, problem: str
) -> None:
    path = write("file", GOOD + line + b"\n" + GOOD)
    with pytest.raises(InputError) as refused:
        list(load_objects(path))
    assert refused.value.where == Position(str(path), 2, column)
    assert (refused.value.key, refused.value.problem) == (key, problem)


def test_lines_before_the_bad_one_are_handed_over_first(write: Write) -> None:
    rows = load_objects(write("file", GOOD + b"oops\n"))
    assert next(rows)[1] == {"a": 1}
    with pytest.raises(InputError, match=":2:1: not JSON"):
        next(rows)


def test_a_blank_line_at_the_end_is_refused(write: Write) -> None:
    with pytest.raises(InputError, match=":2: blank line"):
        list(load_objects(write("file", GOOD + b"\n")))


@pytest.mark.parametrize("content", [b"", gzip.compress(b"", mtime=0)])
def test_an_empty_file_is_refused(write: Write, content: bytes) -> None:
    with pytest.raises(InputError, match="file: the file is empty"):
        list(load_lines(write("file", content)))


@pytest.mark.parametrize(
    "damaged",
    [
        PACKED[:5],
        PACKED[: len(PACKED) // 2],
        PACKED[:-4],
        PACKED[:-8] + b"\0" * 8,
        PACKED[:40] + b"\xff\xff" + PACKED[42:],
        PACKED + b"tail",
    ],
)
def test_damaged_gzip_is_refused(write: Write, damaged: bytes) -> None:
    with pytest.raises(InputError, match="damaged gzip"):
        list(load_lines(write("file.gz", damaged)))


def test_a_line_without_end_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LINE_BYTES_MAX", 8)
    with pytest.raises(InputError, match=":2: the line is longer than 8 bytes"):
        list(load_lines(write("file", b"1234567\n123456789")))


@pytest.mark.parametrize(
    ("name", "problem"),
    [("absent", "no such file"), (".", "expected a file, got a folder"), ("a\0b", "no such file")],
)
def test_what_is_not_a_file_is_refused(tmp_path: Path, name: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        list(load_lines(f"{tmp_path}/{name}"))


def test_trouble_with_the_disk_is_no_fault_of_the_input(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(StorageError, match="loop"):
        list(load_lines(loop))


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    content=st.one_of(
        st.binary(),
        st.text().map(str.encode),
        st.tuples(st.integers(0, len(PACKED)), st.binary(max_size=4)).map(
            lambda cut: PACKED[: cut[0]] + cut[1] + PACKED[cut[0] + len(cut[1]) :]
        ),
    )
)
def test_any_bytes_are_read_or_refused(write: Write, content: bytes) -> None:
    path = write("file", content)
    for load in (load_calls, load_tasks, load_runs):
        with pytest.raises(InputError):
            load(path)
