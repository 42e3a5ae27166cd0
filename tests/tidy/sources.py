"""Where the tidy tests look: the repository's files, and the trees of its sources."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PACKAGE = REPOSITORY / "sim"


@cache
def find_files() -> tuple[Path, ...]:
    """Files of the repository, relative to its root: what git has or would take."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        names = [Path(name) for name in listed.stdout.split("\0") if name]
    else:  # an unpacked archive: everything in it was meant
        names = [path.relative_to(REPOSITORY) for path in REPOSITORY.rglob("*")]
        names = [path for path in names if not _is_made_by_a_tool(path)]
    return tuple(sorted(path for path in names if (REPOSITORY / path).is_file()))


def _is_made_by_a_tool(path: Path) -> bool:
    made = {"__pycache__", ".venv", ".git", ".hypothesis", ".benchmarks", "build", "dist"}
    return any(part in made or part.endswith(("_cache", ".egg-info")) for part in path.parts)


@cache
def find_sources() -> tuple[Path, ...]:
    """Python files of the package, relative to the repository's root."""
    return tuple(path for path in find_files() if path.parts[0] == "sim" and path.suffix == ".py")


def find_sources_of(*rooms: str) -> list[Path]:
    """Python files of these rooms of the package."""
    return [path for path in find_sources() if path.parts[1] in rooms]


@cache
def read_text(path: Path) -> str:
    """Text of one file of the repository; empty if it is not text."""
    content = (REPOSITORY / path).read_bytes()
    return "" if b"\0" in content else content.decode(errors="replace")


def find_calls(tree: ast.AST) -> list[ast.Call]:
    """Every call in a tree."""
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def find_imports(tree: ast.AST) -> list[tuple[int, str]]:
    """Line and dotted name of everything a source imports, names of `from` included."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found += [(node.lineno, f"{module}.{alias.name}") for alias in node.names]
    return found
