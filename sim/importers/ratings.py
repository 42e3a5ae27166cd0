"""Who rated whom: a file of signed ratings, and a file of labels beside it.

Holds what is on each line, checked; never what a rule makes of it. No header in either file:
`source,target,rating,time` and `user,label`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import numpy as np

from sim.core.errors import InputError, Position
from sim.core.units import PPM, US_PER_S
from sim.importers.lines import load_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sim.core.records import Ints

RATING_MAX = 1_000_000  # in size
TIME_S_MAX = 10**12
_MICRO = 1_000_000  # ratings are kept in millionths
_NAME_CHARS_MAX = 200
_SHOWN_CHARS = 40
_EDGE_FIELDS = ("source", "target", "rating", "time")
_LABEL_FIELDS = ("user", "label")
_LABELS = {"1": 1, "+1": 1, "-1": -1}


@dataclass(frozen=True, slots=True)
class RatingNetwork:
    """Ratings in order of time, and everybody who gave or got one, or was labelled.

    Shapes: rater, ratee, rating_micro, time_us int64 (n,); users in order of their numbers, or of
            their names where one is no number.
    Units:  rater and ratee index `users`; rating_micro in millionths of the file's own unit,
            never 0; time_us microseconds.
    """

    source: str  # path of the ratings
    users: tuple[str, ...]
    rater: Ints
    ratee: Ints
    rating_micro: Ints
    time_us: Ints

    @property
    def scale_micro(self) -> int:
        """Largest rating in size: what counts as one whole rating."""
        return int(np.abs(self.rating_micro).max())


def load_network(path: str | Path, labels: Mapping[str, int] | None = None) -> RatingNetwork:
    """Ratings of a file, stably sorted by time, with the labelled users among the users.

    Errors: InputError at the first line with other than four fields, an empty name, a rating that
            is no finite number, zero or larger than a million, a time that is no finite number
            from 0 up, more than six decimals in a rating, somebody who rates himself, or a blank
            line before the end.
    """
    rows = [_build_edge(where, fields) for where, fields in _load_rows(path, _EDGE_FIELDS)]
    names = {name for source, target, _, _ in rows for name in (source, target)} | set(labels or ())
    users = tuple(sorted(names, key=_get_rank))
    index = {name: number for number, name in enumerate(users)}
    table = np.array(
        [(index[source], index[target], rating, time) for source, target, rating, time in rows],
        dtype=np.int64,
    )
    table = table[np.argsort(table[:, 3], kind="stable")]
    return RatingNetwork(str(path), users, *(table[:, column].copy() for column in range(4)))


def load_labels(path: str | Path) -> dict[str, int]:
    """Label of each user of a file: 1 benign, -1 fraud.

    Errors: InputError at the first line with other than two fields, an empty name, another label,
            a user that is there twice, or a blank line before the end.
    """
    labels: dict[str, int] = {}
    for where, fields in _load_rows(path, _LABEL_FIELDS):
        user = _parse_name(where, fields, 0, "user")
        if user in labels:
            raise InputError(where, "user", f"{user!r} is there twice")
        text = fields[1].strip()
        if text not in _LABELS:
            place = _locate(where, fields, 1)
            raise InputError(
                place, "label", f"expected +1 (benign) or -1 (fraud), got {_show(text)}"
            )
        labels[user] = _LABELS[text]
    return labels


def _get_rank(name: str) -> tuple[int, int, str]:
    """Sort key: numbers by size, then names."""
    is_number = name.isascii() and name.isdigit()
    return (0, int(name), name) if is_number else (1, 0, name)


def _load_rows(path: str | Path, expected: tuple[str, ...]) -> Iterator[tuple[Position, list[str]]]:
    blank: Position | None = None
    for where, line in load_lines(path):
        if blank is not None:
            raise InputError(blank, "", f"blank line; expected {','.join(expected)}")
        if not line.strip():
            blank = where  # allowed at the very end
            continue
        fields = line.split(",")
        if len(fields) != len(expected):
            problem = f"expected {len(expected)} fields, {','.join(expected)}, got {len(fields)}"
            raise InputError(where, "", problem)
        yield where, fields
    if blank is not None and blank.line == 1:
        raise InputError(Position(str(path)), "", "the file is empty")


def _build_edge(where: Position, fields: list[str]) -> tuple[str, str, int, int]:
    source = _parse_name(where, fields, 0, "source")
    target = _parse_name(where, fields, 1, "target")
    if source == target:
        place = _locate(where, fields, 1)
        raise InputError(place, "target", f"{source!r} rates himself; expected somebody else")
    return source, target, _parse_rating(where, fields), _parse_time(where, fields)


def _parse_name(where: Position, fields: list[str], number: int, key: str) -> str:
    name = fields[number].strip()
    if not name or len(name) > _NAME_CHARS_MAX or not name.isprintable():
        problem = f"expected a name of 1 to {_NAME_CHARS_MAX} characters, got {_show(name)}"
        raise InputError(_locate(where, fields, number), key, problem)
    return name


def _parse_rating(where: Position, fields: list[str]) -> int:
    place, text = _locate(where, fields, 2), fields[2].strip()
    rating = _parse_number(text)
    expected = f"a number other than 0, at most {RATING_MAX} in size, with at most six decimals"
    if rating is None or not rating or abs(rating) > RATING_MAX or rating * _MICRO % 1:
        header = "; the file has no header" if where.line == 1 and rating is None else ""
        raise InputError(place, "rating", f"expected {expected}, got {_show(text)}{header}")
    return int(rating * _MICRO)


def _parse_time(where: Position, fields: list[str]) -> int:
    place, text = _locate(where, fields, 3), fields[3].strip()
    time_s = _parse_number(text)
    if time_s is None or not 0 <= time_s <= TIME_S_MAX:
        problem = f"expected a number of seconds in 0..{TIME_S_MAX}, got {_show(text)}"
        raise InputError(place, "time", problem)
    return int(time_s * US_PER_S)


def _parse_number(text: str) -> Decimal | None:
    """A finite number in plain ASCII digits, exactly as written; None for anything else."""
    if not text.isascii() or "_" in text or len(text) > _SHOWN_CHARS:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    is_sane = number.is_finite() and (not number or -_SHOWN_CHARS < number.adjusted() < 16)
    return number if is_sane else None


def _locate(where: Position, fields: list[str], number: int) -> Position:
    """Where a field begins, spaces in front of it left out."""
    before = sum(len(field) + 1 for field in fields[:number])
    field = fields[number]
    return where._replace(column=before + len(field) - len(field.lstrip()) + 1)


def _show(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}...")


def compute_weights_ppm(network: RatingNetwork) -> Ints:
    """Size of each rating as a share of the largest: 0..1_000_000, rounded down but never to 0."""
    shares_ppm = np.abs(network.rating_micro) * PPM // network.scale_micro
    return np.maximum(shares_ppm, 1)
