from __future__ import annotations

import numpy as np
import pytest

from sim.core.units import PPM
from sim.experiment.rating_views import (
    add_collective,
    compute_record_ppm,
    create_part,
    find_circle,
    mask_edges,
    rebuild_labels,
)
from tests.ratings_world import create_network

# 1 praises a, who praises b, who praises c; 1 blames b; a blames x and c; b blames y.
EDGES = [
    ("1", "a", 10),
    ("1", "b", -5),
    ("1", "w", 4),
    ("a", "b", 5),
    ("a", "x", -5),
    ("a", "w", -4),
    ("b", "c", 9),
    ("b", "y", -10),
    ("w", "z", 3),
]
NETWORK = create_network(EDGES)
USERS = NETWORK.users  # 1 a b c w x y z
SEED = USERS.index("1")


def get_names(mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> str:
    return "".join(name for name, is_in in zip(USERS, mask, strict=True) if is_in)


def test_the_circle_is_whom_the_trusted_praise_and_whom_those_praise() -> None:
    circle = find_circle(NETWORK, SEED)
    assert get_names(circle.inner) == "1a"
    assert get_names(circle.closure) == "1ab"


def test_labels_follow_from_the_ratings_of_the_circle() -> None:
    assert rebuild_labels(NETWORK, SEED) == {"1": 1, "a": 1, "b": -1, "x": -1}


def test_blame_of_a_benign_user_by_another_is_not_fraud() -> None:
    network = create_network([("1", "a", 10), ("1", "b", 10), ("a", "b", -10)])
    assert rebuild_labels(network, 0) == {"1": 1, "a": 1, "b": 1}


@pytest.mark.parametrize(
    ("mask", "raters"), [("none", "111aaabbw"), ("labelling", "bbw"), ("closure", "w")]
)
def test_a_mask_hides_the_ratings_of_a_circle(mask: str, raters: str) -> None:
    kept = mask_edges(NETWORK, SEED, mask)
    assert "".join(USERS[user] for user in NETWORK.rater[kept]) == raters


def test_accounts_are_the_users_of_the_ratings_left_and_those_always_there() -> None:
    kept = mask_edges(NETWORK, SEED, "closure")
    part = create_part(NETWORK, kept, [USERS.index("x")], SEED)
    assert "".join(USERS[user] for user in part.users) == "1wxz"
    assert part.view.n_accounts == 4
    assert part.view.pretrusted.tolist() == [0]
    assert [column.tolist() for column in part.view.ratings] == [
        [1],
        [3],
        [PPM],
        [300_000],
        [8_000_000],
    ]


def test_a_rating_is_good_or_bad_by_its_sign_and_weighs_its_size() -> None:
    ratings = create_part(NETWORK, mask_edges(NETWORK, SEED, "none"), [], SEED).view.ratings
    assert ratings.value[:3].tolist() == [PPM, 0, PPM]
    assert ratings.weight_ppm[:3].tolist() == [PPM, 500_000, 400_000]


def test_as_a_record_it_has_a_value_and_no_weight() -> None:
    view = create_part(NETWORK, mask_edges(NETWORK, SEED, "none"), [], SEED, True).view
    assert view.ratings.value[:3].tolist() == [PPM, 250_000, 700_000]
    assert set(view.ratings.weight_ppm.tolist()) == {PPM}
    assert compute_record_ppm(NETWORK)[7] == 0


def test_a_collective_praises_its_leader_and_each_other_once() -> None:
    view = create_part(NETWORK, mask_edges(NETWORK, SEED, "none"), [], SEED).view
    joined = add_collective(view, 3)
    n, n_before = view.n_accounts, len(view.ratings.rater)
    added = [column[n_before:] for column in joined.ratings]
    pairs = set(zip(added[0].tolist(), added[1].tolist(), strict=True))
    members = [n + 1, n + 2, n + 3]
    assert pairs == {(a, b) for a in members for b in [n, *members] if a != b}
    assert len(added[0]) == len(pairs) == 9
    assert {*added[2].tolist(), *added[3].tolist()} == {PPM}
    assert added[4].min() > view.ratings.height.max()
    assert joined.n_accounts == len(joined.before_ppm) == n + 4
