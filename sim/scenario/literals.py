"""Scalar types of a scenario: how each is written in a file, and the value it becomes.

In Python a `Duration` or `Share` is always the stored integer; only text is parsed. Never holds
files or positions: a refusal here says what was expected, the reader adds where.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import CoreSchema, core_schema
from yaml.resolver import Resolver

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

WHOLE_MAX = 2**62  # largest magnitude of a whole number
COUNT_MAX = 10_000_000
NAME_CHARACTERS_MAX = 64
TEXT_CHARACTERS_MAX = 4_000
NUMBER_DIGITS_MAX = 40
PPM = 1_000_000

UNITS_US = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "min": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
}
_UNITS = "us, ms, s, min, h or d"
_EXPECTED_DURATION = "a duration such as 250ms (us, ms, s, min, h, d)"
_EXPECTED_SHARE = "a number from 0 to 1 with at most 6 decimals"
_DURATION = r"(?:0|[1-9][0-9]{0,19})(?:\.[0-9]{1,20})?(?:us|ms|s|min|h|d)"
_NAME = r"[A-Za-z0-9_.-]{1,64}"
_NUMBER = re.compile(
    r"[-+]?(?:(?:0|[1-9][0-9]{0,39})(?:\.[0-9]{0,39})?|\.[0-9]{1,40})(?:[eE][-+]?[0-9]{1,4})?"
)
# Spelt as a number by YAML 1.2 or JSON, though the 1.1 resolver may take it for text.
_NUMBER_ELSEWHERE = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.?[0-9_]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?"
    r"|0[oO][0-7]+|0[xX][0-9a-fA-F]+|0[bB][01]+)"
)
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))


def is_null(text: str) -> bool:
    """Whether unquoted text means that nothing is given."""
    return text in _NULLS


def is_name(text: str) -> bool:
    """Whether the text is a `Name`."""
    return re.fullmatch(_NAME, text) is not None


def is_typed_by_yaml(text: str) -> bool:
    """Whether some YAML loader takes the unquoted text for anything but text."""
    resolvers = Resolver.yaml_implicit_resolvers.get(text[:1], ())
    return (
        any(pattern.match(text) for _, pattern in resolvers)
        or is_null(text)
        or _NUMBER_ELSEWHERE.fullmatch(text) is not None
    )


def is_odd_number(text: str) -> bool:
    """Whether the text is spelt as a number elsewhere, but not here: `010`, `0x1F`, `1_000`."""
    return bool(_NUMBER_ELSEWHERE.fullmatch(text)) and not _NUMBER.fullmatch(text)


def quote(text: str) -> str:
    """Text as it appears in a message: in quotes, escaped and short."""
    return repr(text) if len(text) <= 40 else f"{text[:40]!r}... ({len(text)} characters)"


def show(text: str) -> str:
    """As `quote`, but a plain number stands without quotes."""
    return text if _NUMBER.fullmatch(text) else quote(text)


def count_digits(text: str) -> int:
    """Digits of a text that is spelt as a number; 0 of any other."""
    return sum(map(str.isdigit, text)) if _NUMBER_ELSEWHERE.fullmatch(text) else 0


def compute_whole(text: str) -> int:
    """Whole number a plain decimal literal stands for; `1e3` is one, `010` and `1_000` are not.

    Return: -2**62..2**62.
    Errors: ValueError says what was expected.
    """
    expected = "a whole number of at most 2**62"
    value = _compute_exact(text, expected)
    if value.denominator != 1 or abs(value) > WHOLE_MAX:
        raise ValueError(f"got {show(text)}, expected {expected}")
    return value.numerator


def compute_number(text: str) -> float:
    """Finite number a plain decimal literal stands for.

    Errors: ValueError says what was expected.
    """
    expected = "a finite number"
    _compute_exact(text, expected)
    if not math.isfinite(value := float(text)):
        raise ValueError(f"got {show(text)}, expected {expected}")
    return value


def compute_truth(text: str) -> bool:
    """Read `true` or `false`, and no other word for either; ValueError for the rest."""
    if text not in ("true", "false"):
        raise ValueError(f"got {show(text)}, expected true or false")
    return text == "true"


def compute_duration_us(text: str) -> int:
    """Microseconds of a duration such as `250ms` or `1.5h`.

    Return: 0..2**62.
    Errors: ValueError if the unit is missing, or it is no whole number of microseconds in range.
    """
    if _NUMBER.fullmatch(text):
        raise ValueError(f"got {show(text)}, a duration needs a unit: {_UNITS}")
    if not re.fullmatch(_DURATION, text):
        raise ValueError(f"got {show(text)}, expected {_EXPECTED_DURATION}")
    number = text.rstrip("".join(UNITS_US))
    value = Fraction(number) * UNITS_US[text[len(number) :]]
    if value.denominator != 1 or value > WHOLE_MAX:
        raise ValueError(f"got {show(text)}, expected whole microseconds, at most 2**62")
    return value.numerator


def compute_share_ppm(text: str) -> int:
    """Parts per million of a share such as `0.25`.

    Return: 0..1_000_000.
    Errors: ValueError outside 0..1, or with more than 6 decimals.
    """
    value = _compute_exact(text, _EXPECTED_SHARE) * PPM
    if value.denominator != 1 or not 0 <= value <= PPM:
        raise ValueError(f"got {show(text)}, expected {_EXPECTED_SHARE}")
    return value.numerator


def _compute_exact(text: str, expected: str) -> Fraction:
    if _NUMBER.fullmatch(text):
        return Fraction(text)
    how = " in plain decimal digits" if is_odd_number(text) else ""
    raise ValueError(f"got {show(text)}, expected {expected}{how}")


def format_duration(value_us: int) -> str:
    """A duration in the largest unit that holds it as a whole number."""
    unit = next(unit for unit in reversed(UNITS_US) if value_us % UNITS_US[unit] == 0)
    return f"{value_us // UNITS_US[unit]}{unit}" if value_us else "0s"


def _format_share(value_ppm: int) -> float:
    return value_ppm / PPM


def _validate_name(text: str) -> str:
    if not is_name(text):
        raise ValueError(
            f"got {show(text)}, expected 1 to {NAME_CHARACTERS_MAX} letters, digits, '_', '-', '.'"
        )
    return text


def _validate_prose(text: str) -> str:
    if len(text) > TEXT_CHARACTERS_MAX:
        raise ValueError(f"got {len(text)} characters, expected at most {TEXT_CHARACTERS_MAX}")
    if odd := next((c for c in text if not c.isprintable() and c != "\n"), ""):
        raise ValueError(f"holds U+{ord(odd):04X}, expected printable characters and line breaks")
    return text


@dataclass(frozen=True, slots=True)
class Within:
    """Bounds of a whole number, both included, which a field may narrow but never widen.

    (Of two `Field(le=...)` on one field pydantic keeps the one written in the type.)
    """

    ge: int
    le: int

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        own = core_schema.int_schema(strict=True, ge=self.ge, le=self.le)
        return core_schema.chain_schema([own, handler(source)])

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        own = {"type": "integer", "minimum": self.ge, "maximum": self.le}
        return own | handler(schema["steps"][1]) if schema["type"] == "chain" else own


@dataclass(frozen=True, slots=True)
class Spelling:
    """An integer that files spell in its own way; put it in `Annotated[int, ...]`.

    `parse` turns the spelling into the integer or raises ValueError, `format` turns it back for
    JSON; `is_text` says whether quotes are allowed, and `unit` is that of the integer.
    `expected` describes the spelling in messages.
    """

    parse: Callable[[str], int]
    format: Callable[[int], str | float]
    expected: str
    unit: str
    is_text: bool
    json_schema: dict[str, Any] = field(hash=False)

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(
            lambda value: self.parse(value) if isinstance(value, str) else value,
            handler(source),
            serialization=core_schema.plain_serializer_function_ser_schema(
                self.format, when_used="json"
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return dict(self.json_schema)


_DURATION_SPELLING = Spelling(
    parse=compute_duration_us,
    format=format_duration,
    expected=_EXPECTED_DURATION,
    unit="us",
    is_text=True,
    json_schema={
        "type": "string",
        "pattern": f"^{_DURATION}$",
        "description": f"A duration with its unit: {_UNITS}.",
        "examples": ["250ms", "9s", "48h"],
    },
)
Duration = Annotated[int, Within(0, WHOLE_MAX), _DURATION_SPELLING]
"""Microseconds, 0..2**62, written with a unit: `250ms`, `9s`, `10min`, `48h`, `2d`."""

PositiveDuration = Annotated[int, Within(1, WHOLE_MAX), _DURATION_SPELLING]
"""The same, but not zero."""

Share = Annotated[
    int,
    Within(0, PPM),
    Spelling(
        parse=compute_share_ppm,
        format=_format_share,
        expected=_EXPECTED_SHARE,
        unit="ppm",
        is_text=False,
        json_schema={
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "description": "A share from 0 to 1 with at most 6 decimals.",
        },
    ),
]
"""Parts per million, 0..1_000_000, written as a number from 0 to 1."""

AS_WRITTEN = "as written"  # marks a scalar whose type is that of a key elsewhere

Written = Annotated[str, AS_WRITTEN, WithJsonSchema({"type": ["string", "number", "boolean"]})]
"""A value of another key: a number, share, duration, word or truth, kept as it is written."""

Amount = Annotated[int, Within(0, WHOLE_MAX)]
"""Base units."""

Count = Annotated[int, Within(0, COUNT_MAX)]
"""How many of something."""

Fee = Annotated[int, Within(0, 1_000)]
"""Base units a transaction; an account starts with a million."""

Price = Annotated[int, Within(0, 1_000_000_000)]
"""Base units of a price, bond or stake."""

Seats = Annotated[int, Within(1, 31)]
"""Places in a small committee, or offers compared."""

Servers = Annotated[int, Within(1, 10_000)]
"""Servers of one gateway."""

PositiveCount = Annotated[int, Within(1, COUNT_MAX)]
"""How many of something there must be."""

Name = Annotated[
    str,
    AfterValidator(_validate_name),
    WithJsonSchema({"type": "string", "pattern": f"^{_NAME}$"}),
]
"""A word other keys refer to: letters, digits, `_`, `-`, `.`."""

Text = Annotated[
    str,
    AfterValidator(_validate_prose),
    WithJsonSchema({"type": "string", "maxLength": TEXT_CHARACTERS_MAX}),
]
"""A title or prose, shown and never parsed."""
