from __future__ import annotations

import pytest

from sim.core.errors import InputError, Position
from sim.core.records import Effect
from sim.importers.catalogue import BITS_MAX, UNKNOWN_BIT, Catalogue, Variant

QUIET_READ, LOUD_READ = Variant(Effect.READ, False), Variant(Effect.READ, True)
WRITE = Variant(Effect.WRITE, False)


def at(line: int) -> Position:
    return Position("calls.jsonl", line)


def test_a_tool_is_known_by_scope_by_reading_or_for_want_of_scopes() -> None:
    catalogue = Catalogue("acme")
    catalogue.add_scope(at(1), ("named",))
    for tool, variant, scope in (
        ("stray", WRITE, ("named",)),
        ("read", QUIET_READ, ("named",)),
        ("free", WRITE, None),
        ("named", WRITE, ("named",)),
    ):
        catalogue.add_call(at(1), tool, variant, scope)
    assert catalogue.compute_masks() == {"named": 0b1, "read": 0b10, "free": 0b100}
    assert catalogue.compute_bits() == {
        ("named", WRITE): 0, ("read", QUIET_READ): 1, ("free", WRITE): 2,
        ("stray", WRITE): UNKNOWN_BIT,
    }  # fmt: skip


def test_each_variant_of_a_known_tool_has_its_bit_and_a_scope_grants_all() -> None:
    catalogue = Catalogue("acme")
    catalogue.add_call(at(1), "fetch", WRITE, ())
    catalogue.add_call(at(2), "fetch", LOUD_READ, ())
    catalogue.add_call(at(3), "fetch", QUIET_READ, ())
    catalogue.add_scope(at(4), ("idle", "fetch"))
    assert catalogue.compute_masks() == {"fetch": 0b111, "idle": 0b1000}
    assert list(catalogue.compute_bits().values()) == [0, 1, 2]


def test_the_last_bit_is_given_and_one_more_is_refused() -> None:
    catalogue = Catalogue("acme")
    catalogue.add_scope(at(1), tuple(f"tool{n}" for n in range(BITS_MAX)))
    catalogue.add_call(at(2), "stray", WRITE, ())
    assert catalogue.compute_masks()["tool61"] == 1 << 61
    with pytest.raises(
        InputError, match=r":3: tool: 'stray' is one too many: org 'acme' can have 62"
    ):
        catalogue.add_call(at(3), "stray", QUIET_READ, ())


def test_the_limit_counts_variants() -> None:
    catalogue = Catalogue("")
    catalogue.add_scope(at(1), tuple(f"tool{n}" for n in range(BITS_MAX)))
    catalogue.add_call(at(2), "tool0", WRITE, ())
    with pytest.raises(
        InputError, match=r":3: tool: 'tool0' is one too many: the log without an org"
    ):
        catalogue.add_call(at(3), "tool0", LOUD_READ, ())


def test_variants_seen_before_a_tool_was_known_count_when_it_is() -> None:
    catalogue = Catalogue("acme")
    catalogue.add_scope(at(1), tuple(f"tool{n}" for n in range(BITS_MAX - 1)))
    catalogue.add_call(at(2), "stray", WRITE, ())
    catalogue.add_call(at(3), "stray", Variant(Effect.WRITE, True), ())
    with pytest.raises(InputError, match=":4: tool: 'stray'"):
        catalogue.add_scope(at(4), ("stray",))
