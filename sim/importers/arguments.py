"""The arguments a scope looks at, in the text form in which tasks name them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKED_NAMES = frozenset(
    {
        "recipient", "recipients", "participants", "url", "email", "user_email", "user", "channel",
        "file_id", "event_id", "email_id", "hotel", "restaurant", "company", "password", "id",
    }
)  # fmt: skip


def compute_checked_texts(arguments: dict[str, Any]) -> tuple[str, ...]:
    """Distinct text forms of all scalars inside the checked top-level arguments."""
    checked = [value for name, value in arguments.items() if name in CHECKED_NAMES]
    return tuple(dict.fromkeys(compute_text(scalar) for scalar in _find_scalars(checked)))


def compute_text(scalar: object) -> str:
    """Text form of a scalar: as Python prints it, stripped, lower-cased.

    Return: `true` for true, `none` for null, `7` for 7, `50.0` for 50.0.
    """
    return str(scalar).strip().lower()


def _find_scalars(value: object) -> Iterator[object]:
    """Scalars at any depth, keys of objects left out; a stack, as depth is the sender's choice."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
        else:
            yield item
