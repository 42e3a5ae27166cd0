"""Every scalar type of a scenario: what it accepts, what it becomes, what it refuses."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from sim.scenario.literals import (
    Amount,
    Count,
    Duration,
    Name,
    Share,
    Text,
    compute_duration_us,
    compute_number,
    compute_share_ppm,
    compute_truth,
    compute_whole,
    is_typed_by_yaml,
)


class Sample(BaseModel):
    wait: Duration = 250_000
    pause: Duration = Field(1_000, ge=1_000)
    delay: Annotated[Duration, Field(ge=1_000)] | None = None
    share: Share = 500_000
    amount: Amount = 0
    few: Count = Field(0, le=100)
    name: Name = "a"
    title: Text = ""


@pytest.mark.parametrize(
    ("text", "expected_us"),
    [
        ("0s", 0),
        ("7us", 7),
        ("250ms", 250_000),
        ("9s", 9_000_000),
        ("1.5h", 5_400_000_000),
        ("10min", 600_000_000),
        ("48h", 172_800_000_000),
        ("2d", 172_800_000_000),
        (f"{2**62}us", 2**62),
    ],
)
def test_a_duration_becomes_whole_microseconds(text: str, expected_us: int) -> None:
    assert compute_duration_us(text) == expected_us


@pytest.mark.parametrize("text", ["9", "0", "1.5", "-3", "1e3"])
def test_a_bare_number_is_told_the_units(text: str) -> None:
    with pytest.raises(ValueError, match="needs a unit: us, ms, s, min, h or d"):
        compute_duration_us(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "9m",
        "9 s",
        "-9s",
        "+9s",
        "09s",
        "9S",
        "1e3s",
        "1_0s",
        "0.5us",
        "1:30",
        ".nan",
        f"{2**62 + 1}us",
        "9" * 5_000 + "s",
        "9s\n",
        "٩s",
    ],
)
def test_any_other_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        compute_duration_us(text)


@pytest.mark.parametrize(
    ("text", "expected_ppm"),
    [
        ("0", 0),
        ("1", 1_000_000),
        ("0.25", 250_000),
        (".5", 500_000),
        ("0.000001", 1),
        ("1e-3", 1_000),
        ("0.50000000", 500_000),
    ],
)
def test_a_share_becomes_parts_per_million(text: str, expected_ppm: int) -> None:
    assert compute_share_ppm(text) == expected_ppm


@pytest.mark.parametrize("text", ["-0.1", "1.000001", "0.0000001", "50%", ".nan", "00.5", "1/2"])
def test_any_other_share_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="from 0 to 1 with at most 6 decimals"):
        compute_share_ppm(text)


def test_whole_numbers_end_at_two_to_the_sixty_two() -> None:
    assert compute_whole(str(2**62)) == 2**62
    assert compute_whole(str(-(2**62))) == -(2**62)
    for text in (str(2**62 + 1), str(-(2**62) - 1), "1e9999", "1e99999", "9" * 5_000):
        with pytest.raises(ValueError, match="expected a whole number"):
            compute_whole(text)


def test_a_fraction_is_no_whole_number_but_an_exact_exponent_is() -> None:
    assert compute_whole("1.5e+3") == 1_500
    assert compute_whole("2.0") == 2
    for text in ("1.5", "1e-1", "1e-9999"):
        with pytest.raises(ValueError, match="expected a whole number"):
            compute_whole(text)


def test_a_number_is_finite() -> None:
    assert compute_number("-1.5e3") == -1_500.0
    for text in (".nan", ".inf", "-.inf", "nan", "inf", "Infinity", "1e400"):
        with pytest.raises(ValueError, match="expected a finite number"):
            compute_number(text)


@pytest.mark.parametrize("text", ["010", "0o10", "0x1F", "0b11", "1_000"])
def test_a_foreign_spelling_is_told_the_plain_one(text: str) -> None:
    with pytest.raises(ValueError, match="plain decimal digits"):
        compute_whole(text)


def test_only_two_words_are_truth_values() -> None:
    assert [compute_truth("true"), compute_truth("false")] == [True, False]
    for text in ("True", "yes", "1", ""):
        with pytest.raises(ValueError, match="expected true or false"):
            compute_truth(text)


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "on",
        "TRUE",
        "010",
        "089",
        "0o10",
        "0x1F",
        "0b11",
        "1_000",
        "1:30",
        "1e3",
        "1.5e+3",
        ".nan",
        ".inf",
        "~",
        "",
        "null",
        "2024-01-01",
        "12345678901234567890",
        "=",
        "<<",
        ".5",
    ],
)
def test_what_some_loader_retypes_is_known(text: str) -> None:
    assert is_typed_by_yaml(text)


@pytest.mark.parametrize("text", ["nothing", "honest", "1.2.3", "10-12", "9s", "e3", "-", "a b"])
def test_plain_words_are_text(text: str) -> None:
    assert not is_typed_by_yaml(text)


@pytest.mark.parametrize("name", ["a", "A_b-c.9", "x" * 64])
def test_names(name: str) -> None:
    assert Sample(name=name).name == name


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "é", "a\n", "a/b"])
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="letters, digits"):
        Sample(name=name)


def test_text_is_printable_and_bounded() -> None:
    assert Sample(title="Nine seconds: é\nand more").title
    for text in ("\x00", "\x1b[31m", "\u202e", "a\tb"):
        with pytest.raises(ValidationError, match="printable"):
            Sample(title=text)
    with pytest.raises(ValidationError, match="at most 4000"):
        Sample(title="x" * 4_001)


@pytest.mark.parametrize(
    "values",
    [
        {"pause": 999},
        {"delay": 999},
        {"pause": "999us"},
        {"few": 101},
        {"few": -1},
        {"wait": 2**62 + 1},
        {"wait": -1},
        {"amount": 2**62 + 1},
        {"share": 1_000_001},
    ],
)
def test_a_field_narrows_the_bounds_of_its_type_and_keeps_the_rest(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Sample(**values)


@pytest.mark.parametrize("kind", [Duration, Share, Amount, Count])
@pytest.mark.parametrize("value", [True, 1.0, None, b"1", float("nan")])
def test_python_gives_stored_integers_only(kind: Any, value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(value)


def test_a_count_ends_at_ten_million() -> None:
    assert TypeAdapter(Count).validate_python(10_000_000) == 10_000_000
    with pytest.raises(ValidationError):
        TypeAdapter(Count).validate_python(10_000_001)


def test_a_dumped_model_is_valid_again() -> None:
    sample = Sample(wait="9s", delay="2h", share="0.25")
    assert Sample.model_validate(sample.model_dump()) == sample


def test_json_spells_values_as_files_do() -> None:
    dumped = Sample(wait="90s", delay="48h", share="0.25").model_dump(mode="json")
    assert (dumped["wait"], dumped["delay"], dumped["share"]) == ("90s", "2d", 0.25)


def test_the_json_schema_describes_the_file() -> None:
    schema = Sample.model_json_schema()
    Draft202012Validator.check_schema(schema)
    good = {"wait": "9s", "share": 0.5, "amount": 5, "few": 100, "name": "a", "title": "A"}
    validator = Draft202012Validator(schema)
    assert list(validator.iter_errors(good)) == []
    bad = {"wait": 9, "share": 1.5, "amount": -1, "few": 101, "name": "a b", "title": 1}
    assert {error.path[0] for error in validator.iter_errors(bad)} == bad.keys()


def test_the_json_schema_shows_defaults_as_files_spell_them() -> None:
    properties = Sample.model_json_schema(mode="serialization")["properties"]
    assert (properties["wait"]["default"], properties["share"]["default"]) == ("250ms", 0.5)
