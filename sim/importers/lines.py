"""Text and JSON lines, plain or gzip, read strictly: every refusal names its line."""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections import Counter
from itertools import count
from typing import IO, TYPE_CHECKING, Any, cast

from sim.core.errors import InputError, Position, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader
    from pathlib import Path

LINE_BYTES_MAX = 2**24
_GZIP_MAGIC = b"\x1f\x8b"  # never the start of UTF-8 text
_BYTE_ORDER_MARK = "\ufeff"


def load_objects(path: str | Path) -> Iterator[tuple[Position, dict[str, Any]]]:
    """One JSON object a line, with its place.

    Errors: InputError for whatever `load_lines` refuses, a blank line, a line that is not one JSON
            object, a repeated key, a number that is not finite, half of a surrogate pair.
    """
    for where, text in load_lines(path):
        yield where, _parse_object(where, text)


def load_lines(path: str | Path) -> Iterator[tuple[Position, str]]:
    """Lines of a UTF-8 file without their line ends, unpacked when it is gzip.

    Errors: InputError for a missing or empty file, damaged gzip, text that is not UTF-8, a byte
            order mark, a line over 16 MiB; StorageError when the disk refuses.
    """
    name = str(path)
    with _open(name) as packed, _unpack(packed) as stream:
        for number in count(1):
            where = Position(name, number)
            raw = _read_line(where, stream)
            if not raw and number == 1:
                raise InputError(Position(name), "", "the file is empty")
            if not raw:
                return
            yield where, _decode(where, raw)


def _open(name: str) -> BufferedReader:
    try:
        return open(name, "rb")
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # ValueError: a NUL in it
        raise InputError(Position(name), "", "no such file") from error
    except IsADirectoryError as error:
        raise InputError(Position(name), "", "expected a file, got a folder") from error
    except OSError as error:
        raise StorageError(name, error.strerror or str(error)) from error


def _unpack(packed: BufferedReader) -> IO[bytes]:
    if packed.peek(2)[:2] == _GZIP_MAGIC:
        return cast("IO[bytes]", gzip.GzipFile(fileobj=packed))
    return packed


def _read_line(where: Position, stream: IO[bytes]) -> bytes:
    try:
        raw = stream.readline(LINE_BYTES_MAX + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(where, "", f"damaged gzip: {error}") from error
    except OSError as error:
        raise StorageError(where.file, error.strerror or str(error)) from error
    if len(raw) > LINE_BYTES_MAX:
        raise InputError(where, "", f"the line is longer than {LINE_BYTES_MAX} bytes")
    return raw


def _decode(where: Position, raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        place = where._replace(column=error.start + 1)
        raise InputError(place, "", f"not UTF-8: {error.reason}") from error
    if text.startswith(_BYTE_ORDER_MARK):
        raise InputError(where, "", "starts with a byte order mark; save it as plain UTF-8")
    return text.removesuffix("\n").removesuffix("\r")


class _NotStrictError(ValueError):
    """Something Python's parser lets through and this reader does not."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(key, problem)
        self.key, self.problem = key, problem


def _parse_object(where: Position, text: str) -> dict[str, Any]:
    if not text.strip():
        raise InputError(where, "", "blank line; expected one JSON object a line")
    try:
        value = _DECODER.decode(text)
        if "\\u" in text:  # an escape may hold half of a surrogate pair, which is no text
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise InputError(
            where._replace(column=error.colno), "", f"not JSON: {error.msg}"
        ) from error
    except _NotStrictError as error:
        key = error.key.encode(errors="replace").decode()  # it may hold half of a surrogate pair
        raise InputError(where, key, error.problem) from error
    except UnicodeEncodeError as error:
        raise InputError(where, "", "holds half of a surrogate pair") from error
    except RecursionError as error:
        raise InputError(where, "", "nested too deeply") from error
    except ValueError as error:  # Python's limit on digits
        raise InputError(where, "", "a number has too many digits") from error
    if not isinstance(value, dict):
        raise InputError(where, "", "expected a JSON object")
    return value


def _parse_float(literal: str) -> float:
    value = float(literal)
    if not math.isfinite(value):
        raise _NotStrictError("", f"{literal[:40]} is too large for a number")
    return value


def _refuse_constant(literal: str) -> None:
    raise _NotStrictError("", f"{literal} is not a JSON number")


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) != len(pairs):
        repeated, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise _NotStrictError(repeated, "the key is there twice")
    return built


_DECODER = json.JSONDecoder(
    parse_float=_parse_float, parse_constant=_refuse_constant, object_pairs_hook=_build_object
)
