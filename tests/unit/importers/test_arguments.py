from __future__ import annotations

import pytest

from sim.importers.arguments import CHECKED_NAMES, compute_checked_texts, compute_text


@pytest.mark.parametrize(
    ("scalar", "text"),
    [
        (True, "true"), (False, "false"), (None, "none"), (7, "7"), (50.0, "50.0"), (0.1, "0.1"),
        (1e16, "1e+16"), ("  Ann@ACME.example\n", "ann@acme.example"), ("", ""),
    ],
)  # fmt: skip
def test_a_scalar_has_one_text_form(scalar: object, text: str) -> None:
    assert compute_text(scalar) == text


@pytest.mark.parametrize("name", sorted(CHECKED_NAMES))
def test_a_checked_argument_is_opened_to_its_scalars(name: str) -> None:
    value = ["A", {"id": "B", "deep": [{"x": None}, [2]]}, [], {}]
    assert set(compute_checked_texts({name: value})) == {"a", "b", "none", "2"}


def test_other_arguments_are_not_looked_at() -> None:
    assert compute_checked_texts({"body": "x", "Recipient": "x", "to": {"recipient": "x"}}) == ()


def test_a_text_is_there_once() -> None:
    assert compute_checked_texts({"recipient": "Ann", "recipients": [" ann ", "ANN"]}) == ("ann",)


def test_depth_is_no_limit() -> None:
    value: object = "Bottom"
    for _ in range(100_000):
        value = [value]
    assert compute_checked_texts({"id": value}) == ("bottom",)
