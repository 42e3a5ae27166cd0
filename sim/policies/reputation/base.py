"""What every rule of reputation sees and answers, and the arithmetic several of them share."""

# ruff: noqa: PLC0415 - a scenario is read without waiting for numba
from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

import numpy as np

from sim.core.records import ACCOUNT, Ints
from sim.core.units import PPM
from sim.ledger.rules import Reputation, Rules, create_rules

if TYPE_CHECKING:
    from numpy.typing import NDArray

G9 = 1_000_000_000  # billionths: what a `raw` score counts in, unless its rule says otherwise
G9_PER_PPM = G9 // PPM
WEIGHT_MAX_PPM = 4 * PPM  # of one rating
PRIOR_WEIGHT_MAX = 1_000_000  # ratings


class Ratings(NamedTuple):
    """Accepted ratings, in order of time; nobody rates himself.

    Shapes: int64 (n,) each.
    Units:  rater, ratee are account indices; value 0..1_000_000 (1_000_000: good), though a record
            of an open registry may hold anything up to 2**62 in size; weight_ppm 0..4_000_000.
    """

    rater: Ints
    ratee: Ints
    value: Ints
    weight_ppm: Ints
    height: Ints


class View(NamedTuple):
    """What a rule may know at the end of an epoch.

    Shapes: before_ppm int64 (n_accounts,); pretrusted int64 (any,), account indices, ascending.
    Units:  before_ppm holds what the last epoch published, the score of a newcomer where unknown.
    """

    ratings: Ratings
    n_accounts: int
    before_ppm: Ints
    pretrusted: Ints
    newcomer_ppm: int


class Scores(NamedTuple):
    """What a rule makes of every account.

    Shapes: (n_accounts,) each; raw and score_ppm int64.
    Units:  raw orders accounts more finely than ppm; score_ppm in 0..1_000_000, that of a newcomer
            where nothing is known.
    """

    raw: Ints
    score_ppm: Ints
    known: NDArray[np.bool_]


class Rule(Protocol):
    """One rule of reputation: a frozen dataclass whose fields are its knobs."""

    inside: ClassVar[Reputation]  # what the transition does with a rating under this rule

    def compute(self, view: View) -> Scores:
        """Scores of all accounts. Errors: none; what is out of range is held to it."""


def compile_reputation(rule: Rule, rules: Rules, newcomer_ppm: int) -> Rules:
    """Write a rule's part of the transition, and its knobs there, into the ledger's rules.

    Errors: ValueError for a share outside 0..1_000_000, or a prior that weighs more than a million
            ratings: the product of the ledger would not fit.
    """
    knobs = ("forgetting_ppm", "prior_weight")
    numbers = {name: getattr(rule, name) for name in knobs if hasattr(rule, name)}
    compiled = rules._replace(
        reputation_rule=int(rule.inside), newcomer_ppm=newcomer_ppm, **numbers
    )
    shares_ppm = compiled.newcomer_ppm, compiled.forgetting_ppm
    if min(shares_ppm) < 0 or max(shares_ppm) > PPM:
        raise ValueError(f"newcomer and forgetting must be in 0..{PPM}, got {shares_ppm}")
    if not 0 <= compiled.prior_weight <= PRIOR_WEIGHT_MAX:
        raise ValueError(f"a prior weighs 0..{PRIOR_WEIGHT_MAX} ratings")
    return compiled


def rate_inside(rule: Rule, view: View) -> tuple[Ints, Ints, Ints]:
    """Positive, negative and score_ppm of each account after all ratings, by the ledger's code."""
    from sim.ledger.reputation import rate_accounts

    accounts = np.zeros(view.n_accounts, dtype=ACCOUNT)
    accounts["reputation_ppm"] = view.newcomer_ppm
    rules = compile_reputation(rule, create_rules(), view.newcomer_ppm)
    ratings = view.ratings
    rate_accounts(rules, accounts, ratings.ratee, ratings.value, ratings.weight_ppm)
    return accounts["positive"], accounts["negative"], accounts["reputation_ppm"].copy()


def select_weighty(ratings: Ratings) -> Ratings:
    """Ratings that count, values and weights held to their range."""
    kept = ratings.weight_ppm > 0
    return Ratings(
        rater=ratings.rater[kept],
        ratee=ratings.ratee[kept],
        value=np.clip(ratings.value[kept], 0, PPM),
        weight_ppm=np.minimum(ratings.weight_ppm[kept], WEIGHT_MAX_PPM),
        height=ratings.height[kept],
    )


def compute_signed_ppm(ratings: Ratings) -> Ints:
    """Weight of each rating, negative below a value of one half: -4_000_000..4_000_000.

    Rounded toward zero, so that praise and blame of one size cancel.
    """
    twice = 2 * ratings.value - PPM
    size: Ints = np.abs(twice) * ratings.weight_ppm // PPM
    return np.sign(twice) * size


def count_by(accounts: Ints, n_accounts: int) -> Ints:
    """How often each account appears."""
    return np.bincount(accounts, minlength=n_accounts).astype(np.int64)


def sum_by(accounts: Ints, amounts: Ints, n_accounts: int) -> Ints:
    """Exact sum of whole amounts for each account; the caller bounds it below 2**63."""
    sums = np.zeros(n_accounts, dtype=np.int64)
    np.add.at(sums, accounts, amounts)
    return sums


def divide_finely(num: Ints, den: Ints) -> Ints:
    """floor(num / den) in billionths, by long division: three digits at a time.

    Units: num in 0..9 * 10**15, den above 0 and below 9 * 10**15, entry by entry.
    """
    quotient, rest = np.divmod(num, den)
    for _ in range(3):
        digit, rest = np.divmod(rest * 1_000, den)
        quotient = quotient * 1_000 + digit
    return quotient


def publish(raw: Ints, known: NDArray[np.bool_], newcomer_ppm: int) -> Scores:
    """Scores from a raw score in billionths; those of a newcomer where nothing is known."""
    raw = np.where(known, raw, newcomer_ppm * G9_PER_PPM)
    return Scores(raw, np.clip(raw // G9_PER_PPM, 0, PPM), known)
