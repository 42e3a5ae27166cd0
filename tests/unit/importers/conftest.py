from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CALL: dict[str, Any] = {
    "run": "r1", "t": None, "agent": "bot", "org": "acme", "principal": None, "task": "pay",
    "tool": "send", "args": {}, "effect": "write", "egress": True, "scope": ["send"],
    "malicious": False, "outcome": "ok",
}  # fmt: skip
TASK: dict[str, Any] = {
    "task": "pay", "org": "acme", "principal": None, "prompt": "Pay Ann.", "scope": ["send"],
    "values": [],
}  # fmt: skip


@pytest.fixture
def create_call() -> Callable[..., dict[str, Any]]:
    return lambda **changes: CALL | changes


@pytest.fixture
def create_task() -> Callable[..., dict[str, Any]]:
    return lambda **changes: TASK | changes


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write rows as JSON lines, or text and bytes as they are; returns the path."""

    def write_file(name: str, content: list[dict[str, Any]] | str | bytes) -> Path:
        if isinstance(content, list):
            content = "".join(f"{json.dumps(row)}\n" for row in content)
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file
