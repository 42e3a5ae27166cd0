"""A recorded network of ratings as rules see it: all of it, parts of it, or with a ring in it.

Holds the circle around one trusted user, whose own ratings may have made the labels that a study
is judged by, and the masks that hide them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.units import PPM
from sim.importers.ratings import compute_weights_ppm
from sim.policies.reputation.base import Ratings, View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sim.core.records import Ints
    from sim.importers.ratings import RatingNetwork

    Mask = NDArray[np.bool_]

NEWCOMER_PPM = 500_000
MASKS = ("none", "labelling", "closure")


class Circle(NamedTuple):
    """The trusted user with those he praises, and with those they praise; bool (n_users,) each.

    Praise is a rating of at least half the largest one, blame its opposite.
    """

    inner: Mask
    closure: Mask


class Part(NamedTuple):
    """What a rule sees of a network, and which user each account is.

    Shapes: users int64 (n_accounts,), ascending indices into the users of the network.
    """

    view: View
    users: Ints


def find_circle(network: RatingNetwork, seed: int) -> Circle:
    """The circle around one user, whose index is given."""
    praise = 2 * network.rating_micro >= network.scale_micro
    inner = np.zeros(len(network.users), dtype=np.bool_)
    inner[seed] = True
    inner[network.ratee[praise & (network.rater == seed)]] = True
    closure = inner.copy()
    closure[network.ratee[praise & inner[network.rater]]] = True
    return Circle(inner, closure)


def rebuild_labels(network: RatingNetwork, seed: int) -> dict[str, int]:
    """Labels as the ratings of the circle alone would give them: 1 benign, -1 fraud.

    Benign is the closure less whom the trusted user blames; fraud is whom anybody in the inner
    circle blames and who is not benign.
    Source: Kumar et al. 2018, REV2, ground truth of Bitcoin OTC.
    """
    circle = find_circle(network, seed)
    blame = 2 * network.rating_micro <= -network.scale_micro
    benign = circle.closure.copy()
    benign[network.ratee[blame & (network.rater == seed)]] = False
    fraud = np.zeros_like(benign)
    fraud[network.ratee[blame & circle.inner[network.rater]]] = True
    labels = np.where(benign, 1, np.where(fraud, -1, 0))
    return {network.users[user]: int(labels[user]) for user in np.flatnonzero(labels)}


def mask_edges(network: RatingNetwork, seed: int, mask: str) -> Mask:
    """Ratings that stay: all, all but those of the inner circle, or of its closure."""
    if mask == "none":
        return np.ones(len(network.rater), dtype=np.bool_)
    circle = find_circle(network, seed)
    hidden = circle.inner if mask == "labelling" else circle.closure
    return ~hidden[network.rater]


def create_part(
    network: RatingNetwork, kept: Mask, always: Sequence[int], seed: int, is_registry: bool = False
) -> Part:
    """View of some ratings: accounts are the users in them, and those that are always there.

    A rating is good or bad by its sign and weighs its size; in an open registry (`is_registry`)
    it is one record whose value runs from the worst rating to the best, and nothing weighs.
    """
    rater, ratee = network.rater[kept], network.ratee[kept]
    users = np.unique(np.concatenate([rater, ratee, np.array([*always, seed], dtype=np.int64)]))
    if is_registry:
        value = compute_record_ppm(network)[kept]
        weight_ppm = np.full(len(rater), PPM, dtype=np.int64)
    else:
        value = np.where(network.rating_micro[kept] > 0, PPM, 0)
        weight_ppm = compute_weights_ppm(network)[kept]
    ratings = Ratings(
        np.searchsorted(users, rater),
        np.searchsorted(users, ratee),
        value,
        weight_ppm,
        network.time_us[kept],
    )
    before_ppm = np.full(len(users), NEWCOMER_PPM, dtype=np.int64)
    return Part(
        View(ratings, len(users), before_ppm, np.searchsorted(users, [seed]), NEWCOMER_PPM), users
    )


def compute_record_ppm(network: RatingNetwork) -> Ints:
    """Each rating on a scale from the worst, 0, to the best, 1_000_000."""
    scale = network.scale_micro
    return (network.rating_micro + scale) * PPM // (2 * scale)


def add_collective(view: View, n_members: int) -> View:
    """The network with a ring of newcomers in it, who rate each other and one more, the leader.

    Each member gives the best rating, once, to the leader and to every other member, after all
    else has happened. The leader is account `n_accounts` of the network given, members follow.
    """
    leader = view.n_accounts
    members = leader + 1 + np.arange(n_members)
    rater = np.repeat(members, n_members + 1)
    ratee = np.tile(np.concatenate(([leader], members)), n_members)
    is_other = rater != ratee
    n_new = int(is_other.sum())
    last = int(view.ratings.height.max(initial=0))
    best = np.full(n_new, PPM, dtype=np.int64)
    added = Ratings(rater[is_other], ratee[is_other], best, best, np.full(n_new, last + 1))
    columns = [np.concatenate(pair) for pair in zip(view.ratings, added, strict=True)]
    newcomers = np.full(n_members + 1, view.newcomer_ppm, dtype=np.int64)
    return view._replace(
        ratings=Ratings(*columns),
        n_accounts=view.n_accounts + n_members + 1,
        before_ppm=np.concatenate([view.before_ppm, newcomers]),
    )
