"""A baseline: what each replication of a scenario came to when somebody accepted it.

A small text file to be committed: one line for each policy and each outcome that is held, in one
form only, so that equal runs give equal bytes and a byte that was changed is noticed.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.core.errors import StorageError
from sim.metrics.base import NullReason, Value
from sim.trace.store import replace_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT = 1
WHOLE_MAX = 2**53  # whole numbers up to here are the same as floats
_DIGEST = "baseline"


class FormatError(Exception):
    """A baseline of another version of its format."""


class Arm(NamedTuple):
    """One policy when it was accepted."""

    policy_digest: str
    digest: str  # of all its replications


class Row(NamedTuple):
    """One outcome of one policy, with a value for each replication."""

    unit: str
    form: str
    direction: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Baseline:
    """What a later run is compared with, replication by replication."""

    scenario: str
    scenario_digest: str
    seed: int
    replications: int
    version: str  # of Ambit, for people
    arms: Mapping[str, Arm]
    rows: Mapping[tuple[str, str], Row]  # by policy and outcome


def format_baseline(baseline: Baseline) -> bytes:
    """The bytes of a baseline, with their own digest in the last line."""
    facts: dict[str, Any] = {
        "format": FORMAT,
        "scenario": baseline.scenario,
        "scenario_digest": baseline.scenario_digest,
        "seed": baseline.seed,
        "replications": baseline.replications,
        "ambit": baseline.version,
        "policies": [{"policy": name, **arm._asdict()} for name, arm in baseline.arms.items()],
        "outcomes": [_create_row(*key, row) for key, row in baseline.rows.items()],
    }
    return _format(facts)


def _format(facts: Mapping[str, Any]) -> bytes:
    lines = []
    for name, value in facts.items():
        if isinstance(value, list):
            items = ",\n".join(json.dumps(item, allow_nan=False) for item in value)
            lines.append(f'"{name}": [\n{items}\n]')
        else:
            lines.append(f'"{name}": {json.dumps(value, allow_nan=False)}')
    text = ",\n".join(lines)
    digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    return f'{{\n{text},\n"{_DIGEST}": "{digest}"\n}}\n'.encode()


def _create_row(policy: str, outcome: str, row: Row) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "policy": policy,
        "outcome": outcome,
        "unit": row.unit,
        "form": row.form,
        "direction": row.direction,
    }
    if row.values and all(value == row.values[0] and value.reason for value in row.values):
        return facts | {"null": row.values[0].reason, "n": len(row.values)}
    facts["num"] = [_shorten(value.num) for value in row.values]
    facts["den"] = [_shorten(value.den) for value in row.values]
    nulls = {str(i): value.reason for i, value in enumerate(row.values) if value.reason}
    return facts | ({"null": nulls} if nulls else {})


def _shorten(number: float) -> float | int | None:
    """A number without a needless `.0`; none where it is not finite, so that nothing hides it."""
    if not math.isfinite(number):
        return None
    whole = number.is_integer() and abs(number) <= WHOLE_MAX
    return int(number) if whole else number


def load_baseline(path: Path) -> Baseline:
    """Read a baseline.

    Errors: StorageError for a file that cannot be read or is not what was written;
            FileNotFoundError if there is none; FormatError for another version's.
    """
    try:
        content = path.read_bytes().replace(b"\r\n", b"\n")  # as a checkout may have made it
        facts: dict[str, Any] = json.loads(content)
        if facts["format"] != FORMAT:
            raise FormatError(f"format {facts['format']!r}, expected {FORMAT}")
        if content != _format({name: facts[name] for name in facts if name != _DIGEST}):
            raise StorageError(str(path), "is not what was written: digests differ")
        return _create_baseline(facts)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageError(str(path), f"cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StorageError(str(path), f"is no baseline: {type(error).__name__} {error}") from error


def _create_baseline(facts: dict[str, Any]) -> Baseline:
    return Baseline(
        scenario=facts["scenario"],
        scenario_digest=facts["scenario_digest"],
        seed=int(facts["seed"]),
        replications=int(facts["replications"]),
        version=facts["ambit"],
        arms={arm["policy"]: Arm(arm["policy_digest"], arm["digest"]) for arm in facts["policies"]},
        rows={(row["policy"], row["outcome"]): _read_row(row) for row in facts["outcomes"]},
    )


def _read_row(row: dict[str, Any]) -> Row:
    nulls = row.get("null", {})
    if isinstance(nulls, str):
        values = [Value(0.0, 0.0, 0, NullReason(nulls))] * int(row["n"])
    else:
        reasons = {int(index): NullReason(reason) for index, reason in nulls.items()}
        columns = zip(row["num"], row["den"], strict=True)
        values = [
            Value(_read_number(num), _read_number(den), 0, reasons.get(index))
            for index, (num, den) in enumerate(columns)
        ]
    return Row(row["unit"], row["form"], row["direction"], tuple(values))


def _read_number(number: float | None) -> float:
    return math.nan if number is None else float(number)


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write a baseline whole or not at all; what stood there stands until then.

    Errors: StorageError if the disk refuses.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(str(path), f"cannot be written: {error.strerror or error}") from error
    replace_file(path, format_baseline(baseline))
