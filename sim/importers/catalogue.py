"""Which tools an org has, and the capability bit of each of their variants."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sim.core.errors import InputError
from sim.core.records import Effect

if TYPE_CHECKING:
    from sim.core.errors import Position
    from sim.importers.calls import Scope

BITS_MAX = 62  # known variants take the bits 0..61
UNKNOWN_BIT = 62  # shared by every tool that is not known; no scope grants it
KNOWN_MASK = 2**UNKNOWN_BIT - 1
NULL_SCOPE = -1  # in place of a mask: no scope recorded, so nothing is out of scope


class Variant(NamedTuple):
    """One of the ways in which a tool was called."""

    effect: Effect
    egress: bool


class Catalogue:
    """Tools of one org, filled line by line.

    A tool is known once a scope names it, or it is called as a read, or under no scope at all.
    Every variant of a known tool has a bit of its own, so that a grant of reads can tell them
    apart; a scope that names the tool grants them all.
    """

    def __init__(self, org: str) -> None:
        self.org = org
        self._known: dict[str, None] = {}
        self._variants: dict[str, list[Variant]] = {}
        self._scopes: set[Scope] = set()
        self._n_bits = 0

    def add_scope(self, where: Position, scope: Scope) -> None:
        """Know every tool that the scope names.

        Errors: InputError when a tool would need a 63rd bit.
        """
        if scope in self._scopes:
            return
        self._scopes.add(scope)
        for tool in scope or ():
            self._add_known(where, tool)

    def add_call(self, where: Position, tool: str, variant: Variant, scope: Scope) -> None:
        """Note how a tool was called, and know it when that says enough.

        Errors: InputError when a tool would need a 63rd bit.
        """
        variants = self._variants.setdefault(tool, [])
        if variant not in variants:
            variants.append(variant)
            if tool in self._known and len(variants) > 1:
                self._add_bits(where, tool, 1)
        if variant.effect == Effect.READ or scope is None:
            self._add_known(where, tool)

    def compute_bits(self) -> dict[tuple[str, Variant], int]:
        """Bit of every variant called; tools that are not known share `UNKNOWN_BIT`."""
        bits = {
            (tool, variant): UNKNOWN_BIT
            for tool, variants in self._variants.items()
            for variant in variants
        }
        for tool, first in self._compute_first_bits().items():
            for bit, variant in enumerate(self._variants.get(tool, ()), first):
                bits[tool, variant] = bit
        return bits

    def compute_masks(self) -> dict[str, int]:
        """Mask of every known tool: the bits of all its variants."""
        return {
            tool: ((1 << self._count_bits(tool)) - 1) << first
            for tool, first in self._compute_first_bits().items()
        }

    def _add_known(self, where: Position, tool: str) -> None:
        if tool not in self._known:
            self._known[tool] = None
            self._add_bits(where, tool, self._count_bits(tool))

    def _add_bits(self, where: Position, tool: str, n_bits: int) -> None:
        self._n_bits += n_bits
        if self._n_bits > BITS_MAX:
            owner = f"org {self.org!r}" if self.org else "the log without an org"
            problem = f"{tool!r} is one too many: {owner} can have {BITS_MAX} known tools"
            raise InputError(where, "tool", problem)

    def _count_bits(self, tool: str) -> int:
        """Bits a known tool takes: one even if it was never called."""
        return max(1, len(self._variants.get(tool, ())))

    def _compute_first_bits(self) -> dict[str, int]:
        first_bits, bit = {}, 0
        for tool in self._known:
            first_bits[tool] = bit
            bit += self._count_bits(tool)
        return first_bits
