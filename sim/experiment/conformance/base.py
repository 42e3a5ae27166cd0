"""What a check of a plug-in is, and those that hold for plug-ins of every kind."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any, NamedTuple, TypeAlias


class Plugin(NamedTuple):
    """Something a scenario can name: what kind it is, its name, and itself."""

    kind: str  # "policy", "strategy", "trader" or "reputation rule"
    name: str
    itself: Any  # a class; of a policy, the setting


class Nonconformity(Exception):  # noqa: N818 - a finding about a plug-in, not an error of this code
    """A plug-in does not keep to something; the text says how that shows."""


Check: TypeAlias = Callable[[Plugin], None]  # raises Nonconformity; its docstring says what holds


def require(holds: Any, fault: str) -> None:
    """Go on if something holds.

    Errors: Nonconformity with the text of the fault.
    """
    if not holds:
        raise Nonconformity(fault)


def get_title(check: Check) -> str:
    """Name of a check as it is printed."""
    return check.__name__.removeprefix("check_").replace("_", " ")


def check_it_is_frozen_and_keeps_no_state(plugin: Plugin) -> None:
    """A frozen dataclass with slots: nothing can be remembered from one replication to another."""
    kind = plugin.itself
    require(is_dataclass(kind), "it is no dataclass")
    require(kind.__dataclass_params__.frozen, "its dataclass is not frozen")
    has_slots = all("__slots__" in vars(base) for base in kind.__mro__[:-1] if is_dataclass(base))
    require(has_slots, "its dataclass has no slots: anything could be kept on it")


def check_its_docstring_names_a_source(plugin: Plugin) -> None:
    """The docstring says in a sentence what it does, and after `Source:` where it is from."""
    lines = inspect.cleandoc(plugin.itself.__doc__ or "").splitlines()
    require(lines and lines[0].endswith("."), "the first line of its docstring is no sentence")
    has_source = any(re.match(r"Source: \S", line) for line in lines)
    require(has_source, "its docstring has no line `Source: ...`")
