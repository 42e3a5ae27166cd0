from __future__ import annotations

from typing import Any

import pytest

from sim.core.market import SignalState, Verdict
from sim.metrics.base import NullReason, Value
from sim.metrics.disputes import get_stake_of_attackers
from sim.metrics.outcomes import OUTCOMES, measure
from sim.trace.ordering import NO_ORDERING, Penalties
from tests.markets import (
    FACTS,
    HORIZON_S,
    S,
    create_chunk,
    create_market,
    create_rows,
    get_pair,
    get_value,
)

UPHELD, REJECTED = {"verdict": int(Verdict.UPHELD)}, {"verdict": int(Verdict.REJECTED)}
CLOSED, FOUND = {"state": int(SignalState.CLOSED)}, {"state": int(SignalState.FRAUDULENT)}
FRAUD = {"fraudulent": 1, "n_sales": 1, "closes_us": 50 * S}

# The worked vector of the metric reference: traders 0 to 3 are clean, 4 and 5 cheat; 6 is a
# puppet of 5. One fraud is traced to its seller, the other to the puppet; one flag is in error.
TRADERS = [
    {"n_wrong": 1, "n_convictions": 1},
    *({} for _ in range(3)),
    {"is_adversary": 1, "n_frauds": 1, "n_convictions": 1, "wealth_start": 60, "wealth_end": 50},
    {"is_adversary": 1, "n_frauds": 1, "wealth_start": 40, "wealth_end": 30},
    {"is_adversary": 1, "controller": 5, "n_frauds": 1, "wealth_end": 15},
]
SIGNALS = [FRAUD | FOUND, FRAUD | CLOSED, {"n_sales": 1}]
DISPUTES = [
    UPHELD | {"signal": 0, "accused": 4, "fraudulent": 1, "slashed": 25, "restored": 15},
    REJECTED | {"signal": 1, "accused": 6, "fraudulent": 1},
    UPHELD | {"signal": 2, "accused": 0, "slashed": 5, "restored": 5},
]
SALES = [
    {"signal": 0, "buyer": 1, "seller": 4, "price": 4, "paid": 4, "harm": 36, "fraudulent": 1},
    {"signal": 1, "buyer": 2, "seller": 5, "price": 3, "paid": 3, "harm": 7, "fraudulent": 1},
    {"signal": 2, "buyer": 3, "seller": 0, "price": 9, "paid": 9, "worth": 11},
]
VECTOR: dict[str, Any] = {
    "traders": TRADERS,
    "signals": SIGNALS,
    "disputes": DISPUTES,
    "sales": SALES,
}


@pytest.mark.parametrize(
    ("name", "num", "den"),
    [
        ("attribution_accuracy", 1, 2),
        ("false_accusation_rate", 1, 4),
        ("wrongful_slash_share", 5, 30),
        ("slash_recall", 1, 2),
        ("restitution_ratio", 15, 50),
        ("attacker_return", -5, 100),
        ("attacker_payoff", -5, 1),
        ("attacker_payoff_plain", -5, 1),
        ("fraud_loss_rate", 50, 50 + 20),
        ("dispute_correctness", 1, 3),
        ("unchallenged_fraud_rate", 1, 2),
    ],
)
def test_the_worked_vector_of_the_reference(name: str, num: float, den: float) -> None:
    assert get_pair(name, **VECTOR) == (num, den)


# who did it


@pytest.mark.parametrize(
    ("accused", "right"),
    [(4, 1), (5, 1), (6, 0), (99, 0)],  # the last two: a puppet, and nobody
)
def test_only_the_true_name_is_right(accused: int, right: int) -> None:
    disputes = [{"accused": accused, "fraudulent": 1}]
    assert get_pair("attribution_accuracy", traders=TRADERS, disputes=disputes) == (right, 1)


def test_how_many_flags_there_were_stands_beside() -> None:
    assert get_value("attribution_accuracy", **VECTOR).n_obs == 2


def test_a_flag_in_error_is_no_attribution() -> None:
    value = get_value("attribution_accuracy", traders=TRADERS, disputes=DISPUTES[2:])
    assert value.reason is NullReason.NO_DENOMINATOR


# who is hurt


def test_an_adversary_without_a_fraud_is_clean_by_its_deeds() -> None:
    traders = [{"is_adversary": 1, "n_wrong": 2}, {}, {"n_frauds": 1, "n_wrong": 1}]
    assert get_pair("false_accusation_rate", traders=traders) == (1, 2)


def test_who_is_convicted_of_a_fraud_nobody_bought_is_not_falsely_accused() -> None:
    assert get_pair("false_accusation_rate", traders=[{"n_convictions": 1}, {}]) == (0, 2)


def get_both(penalties: Penalties, slashes: bool = True, **tables: Any) -> dict[str, Value]:
    """The outcomes of slashing where there are validators and a market."""
    chunk = create_chunk(
        create_market(**tables), FACTS._replace(has_validators=True, slashes=slashes)
    )
    chunk = chunk._replace(ordering=NO_ORDERING._replace(penalties=penalties))
    return measure([chunk], [OUTCOMES["wrongful_slash_share"], OUTCOMES["slash_recall"]])


def test_slashes_of_validators_and_of_sellers_add_up() -> None:
    values = get_both(Penalties(4, 3, 70, 10), **VECTOR)
    assert values["wrongful_slash_share"][:2] == (15, 100)
    assert values["slash_recall"][:2] == (4, 6)


def test_where_sellers_cannot_lose_stake_their_frauds_are_not_held_against_the_validators() -> None:
    assert get_both(Penalties(4, 3), slashes=False, **VECTOR)["slash_recall"][:2] == (3, 4)


@pytest.mark.parametrize(
    ("changed", "counts"),
    [
        ({"closes_us": HORIZON_S * S}, True),
        ({"closes_us": HORIZON_S * S + 1}, False),
        ({"n_sales": 0}, False),
        ({"fraudulent": 0}, False),
    ],
)
def test_an_offence_is_provable_if_it_was_sold_and_its_window_is_over(
    changed: dict[str, int], counts: bool
) -> None:
    signals, disputes = [FRAUD | changed], [{"signal": 0, "slashed": 1, "fraudulent": 1}]
    value = get_value("slash_recall", signals=signals, disputes=disputes)
    assert value[:2] == ((1, 1) if counts else (0, 0))


def test_a_signal_disputed_twice_is_one_offence() -> None:
    disputes = [{"signal": 0, "fraudulent": 1}, {"signal": 0, "slashed": 3, "fraudulent": 1}]
    assert get_pair("slash_recall", signals=[FRAUD], disputes=disputes) == (1, 1)


# what comes back, and what it pays


def test_buyers_can_get_more_than_they_lost() -> None:
    disputes = [DISPUTES[0] | {"restored": 75}]
    assert get_pair("restitution_ratio", **(VECTOR | {"disputes": disputes})) == (75, 50)


def test_an_attacker_is_all_its_names_together() -> None:
    """Money that follows to a fresh name is no gain, and what it brings in is no profit."""
    traders = [
        {"is_adversary": 1, "wealth_start": 100, "wealth_end": 0, "left_us": 9},
        {"controller": 0, "wealth_end": 130, "capital_added": 20},
        {"wealth_start": 7, "wealth_end": 1},
    ]
    assert get_pair("attacker_return", traders=traders) == (10, 120)
    assert get_pair("attacker_payoff", traders=traders) == (10, 1)
    assert get_value("attacker_return", traders=traders).n_obs == 1
    assert get_stake_of_attackers(create_rows("traders", traders)) == 100


def test_without_an_attacker_there_is_no_payoff() -> None:
    value = get_value("attacker_payoff", traders=[{"wealth_end": 5}])
    assert value == Value(0, 0, 0, NullReason.NO_DENOMINATOR)


# how disputes go


def test_a_dispute_is_right_if_its_end_is_what_the_signal_deserves() -> None:
    kinds = [
        UPHELD | {"fraudulent": 1},
        UPHELD | {"fraudulent": 0},
        REJECTED | {"fraudulent": 0},
        REJECTED | {"fraudulent": 1},
        REJECTED | {"fraudulent": 0},
        {"verdict": int(Verdict.OPEN)},
        {"verdict": int(Verdict.UNDECIDED)},
    ]
    assert get_pair("dispute_correctness", disputes=kinds) == (3, 5)


def test_a_fraud_is_unchallenged_once_it_is_closed_as_if_sound() -> None:
    signals = [
        *(FRAUD | CLOSED, FRAUD | FOUND, FRAUD | FOUND),
        FRAUD | {"state": int(SignalState.STANDING)},
        FRAUD | {"state": int(SignalState.DISPUTED)},
        FRAUD | CLOSED | {"n_sales": 0},
        FRAUD | CLOSED | {"fraudulent": 0},
    ]
    assert get_pair("unchallenged_fraud_rate", signals=signals) == (1, 3)


def create_disputes(n: int, n_open: int) -> list[dict[str, int]]:
    """Disputes that took 1, 2, 3 seconds and so on, the last of them still open."""
    return [
        {"opened_us": 5 * S, "decided_us": (6 + k) * S} | UPHELD
        if k < n - n_open
        else {"opened_us": 5 * S, "decided_us": -1, "verdict": int(Verdict.OPEN)}
        for k in range(n)
    ]


@pytest.mark.parametrize(
    ("share", "n", "n_open", "expected"),
    [
        ("p50", 20, 0, Value(10, 1, 20)),
        ("p50", 20, 10, Value(10, 1, 20)),
        ("p50", 20, 11, Value(0, 0, 20, NullReason.BEYOND_HORIZON)),
        ("p50", 19, 0, Value(0, 0, 19, NullReason.FEW_OBSERVATIONS)),
        ("p95", 100, 5, Value(95, 1, 100)),
        ("p95", 100, 6, Value(0, 0, 100, NullReason.BEYOND_HORIZON)),
        ("p95", 99, 0, Value(0, 0, 99, NullReason.FEW_OBSERVATIONS)),
    ],
)
def test_a_dispute_that_is_open_counts_as_longer_than_any(
    share: str, n: int, n_open: int, expected: Value
) -> None:
    disputes = create_disputes(n, n_open)
    assert get_value(f"dispute_resolution_time_{share}", disputes=disputes) == expected


def test_bonds_are_locked_until_a_dispute_ends_or_the_run_does() -> None:
    disputes = [
        UPHELD | {"bond": 10, "opened_us": 5 * S, "decided_us": 7 * S},
        {"bond": 3, "opened_us": 20 * S, "decided_us": -1},
    ]
    sales = [{"price": 30}, {"price": 40}]
    expected = (10 * 2 + 3 * (HORIZON_S - 20), 70)
    assert get_pair("dispute_capital_locked", disputes=disputes, sales=sales) == expected


def test_a_signal_sold_is_examined_if_anybody_looked() -> None:
    signals = [{"n_sales": 1, "n_examined": 2}, {"n_sales": 4}, {"n_examined": 1}]
    assert get_pair("verifier_participation", signals=signals) == (1, 2)
