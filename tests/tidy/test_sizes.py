"""Sizes of the package's sources: function, file and line.

An exception is an entry with its reason. Each list may only shrink: an entry whose source fits,
or is smaller than the entry says, fails until the entry is lowered or removed.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.tidy.sources import find_sources, read_text

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 400
LINE_COLUMNS_MAX = 100


class Exempt(NamedTuple):
    """A source over a limit: how large it is, and why it may be."""

    size: int
    reason: str


LONG_FUNCTIONS: dict[str, Exempt] = {}  # "sim/room/module.py:function": Exempt(lines, reason)
LONG_FILES: dict[str, Exempt] = {}  # "sim/room/module.py": Exempt(lines, reason)


def measure_functions(source: str) -> dict[str, int]:
    """Lines of each function from its `def` to its end; of namesakes, the longest."""
    sizes: dict[str, int] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = (node.end_lineno or node.lineno) - node.lineno + 1
            sizes[node.name] = max(size, sizes.get(node.name, 0))
    return sizes


def find_size_faults(sizes: dict[str, int], size_max: int, exempt: dict[str, Exempt]) -> list[str]:
    """What is too large or has outgrown its entry, and entries that no longer hold."""
    faults = [
        f"{name}: {size} lines, allowed {allowed}"
        for name, size in sizes.items()
        if size > (allowed := exempt[name].size if name in exempt else size_max)
    ]
    for name, entry in exempt.items():
        size = sizes.get(name, 0)
        if size <= size_max:
            faults.append(f"{name}: fits now; remove its entry")
        elif size < entry.size:
            faults.append(f"{name}: shrank; lower its entry to {size}")
        if not entry.reason:
            faults.append(f"{name}: an entry needs a reason")
    return faults


def find_long_lines(source: str) -> list[int]:
    """Numbers of lines that are too wide."""
    lines = enumerate(source.splitlines(), start=1)
    return [number for number, line in lines if len(line) > LINE_COLUMNS_MAX]


def test_every_function_fits_a_screen() -> None:
    sizes = {
        f"{path}:{name}": size
        for path in find_sources()
        for name, size in measure_functions(read_text(path)).items()
    }
    assert sizes
    assert find_size_faults(sizes, FUNCTION_LINES_MAX, LONG_FUNCTIONS) == []


def test_every_file_is_read_in_one_go() -> None:
    sizes = {str(path): len(read_text(path).splitlines()) for path in find_sources()}
    assert find_size_faults(sizes, FILE_LINES_MAX, LONG_FILES) == []


@pytest.mark.parametrize("path", find_sources(), ids=str)
def test_every_line_fits_its_columns(path: Path) -> None:
    assert find_long_lines(read_text(path)) == []


@pytest.mark.parametrize(("extra", "is_long"), [(0, False), (1, True)])
def test_the_first_function_over_the_limit_is_found(extra: int, is_long: bool) -> None:
    source = "def f():\n" + "    pass\n" * (FUNCTION_LINES_MAX - 1 + extra)
    faults = find_size_faults(measure_functions(source), FUNCTION_LINES_MAX, {})
    assert bool(faults) is is_long


def test_methods_and_inner_functions_are_measured_too() -> None:
    source = "class C:\n    def m(self):\n        async def inner():\n            pass\n"
    assert measure_functions(source) == {"m": 3, "inner": 2}


def test_a_short_namesake_hides_nothing() -> None:
    long, short = "def f():\n    pass\n    pass\n", "def f(): pass\n"
    assert measure_functions(long + short) == measure_functions(short + long) == {"f": 3}


@pytest.mark.parametrize(
    ("size", "entry", "fault"),
    [
        (401, None, "401 lines, allowed 400"),
        (451, Exempt(450, "why"), "451 lines, allowed 450"),
        (449, Exempt(450, "why"), "lower its entry to 449"),
        (400, Exempt(450, "why"), "fits now"),
        (450, Exempt(450, ""), "needs a reason"),
    ],
)
def test_an_exception_may_only_shrink(size: int, entry: Exempt | None, fault: str) -> None:
    exempt = {} if entry is None else {"a.py": entry}
    assert fault in "".join(find_size_faults({"a.py": size}, 400, exempt))


def test_an_exception_for_a_file_that_is_gone_fails() -> None:
    assert "fits now" in "".join(find_size_faults({}, 400, {"gone.py": Exempt(450, "why")}))


def test_an_exception_that_holds_is_silent() -> None:
    assert find_size_faults({"a.py": 450}, 400, {"a.py": Exempt(450, "why")}) == []


def test_a_wide_line_is_found() -> None:
    assert find_long_lines(f"{'x' * LINE_COLUMNS_MAX}\n{'x' * (LINE_COLUMNS_MAX + 1)}\n") == [2]
