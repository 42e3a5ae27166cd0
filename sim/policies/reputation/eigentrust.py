"""Trust that flows along ratings, from those trusted from the start."""

# ruff: noqa: PLC0415 - a scenario is read without waiting for scipy
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from sim.core.units import PPM
from sim.ledger.rules import Reputation
from sim.policies.reputation.base import (
    G9,
    Ratings,
    Scores,
    View,
    compute_signed_ppm,
    count_by,
    divide_finely,
    select_weighty,
)

if TYPE_CHECKING:
    from sim.core.records import Ints

ITERATIONS_MAX = 128
AVERAGE_PPM = 500_000  # published score of an account with the average trust


class Flow(NamedTuple):
    """Where each account's trust goes.

    `incoming` is a sparse matrix of int64: row j holds c_ij for all i, in billionths; every column
    sums to one billion, but for accounts that praise nobody (`is_silent`), whose column is empty.
    """

    incoming: Any
    is_silent: Ints


@dataclass(frozen=True, slots=True)
class EigenTrust:
    """Share of all trust that comes to rest at an account, everybody trusted alike at first.

    Trust flows to those praised, in the measure of the praise; a share of it starts over at those
    trusted from the start. The raw score is that share in billionths; the published one is free of
    the number of accounts, 1/2 for the average account. Rounding leaves some trust over, which
    falls to the lowest account of those trusted most from the start.
    Source: Kamvar, Schlosser and Garcia-Molina 2003, The EigenTrust Algorithm; restart 0.15 ours.
    """

    inside: ClassVar[Reputation] = Reputation.EPOCH

    restart_ppm: int = 150_000  # share of trust that starts over in each step

    def compute(self, view: View) -> Scores:
        """Trust after at most 128 steps, or at an exact fixed point."""
        return compute_trust(view, np.arange(view.n_accounts), self.restart_ppm)


@dataclass(frozen=True, slots=True)
class EigenTrustSeeded:
    """Share of all trust that comes to rest at an account, starting from declared seeds alone.

    As `eigentrust`, with all trust from the start in the accounts declared; everybody where none
    is. A declared account is known before anybody rates it, or else nobody would ever buy first.
    What it says is only as good as that declaration.
    Source: Kamvar, Schlosser and Garcia-Molina 2003, The EigenTrust Algorithm; restart 0.15 ours.
    """

    inside: ClassVar[Reputation] = Reputation.EPOCH

    restart_ppm: int = 150_000

    def compute(self, view: View) -> Scores:
        """Trust after at most 128 steps, or at an exact fixed point."""
        everybody = np.arange(view.n_accounts)
        seeds = view.pretrusted if len(view.pretrusted) else everybody
        scores = compute_trust(view, seeds, self.restart_ppm)
        known = scores.known.copy()
        known[view.pretrusted] = True
        score_ppm = np.where(known, compute_size_free_ppm(scores.raw), view.newcomer_ppm)
        return Scores(scores.raw, score_ppm, known)


def compute_size_free_ppm(trust: Ints) -> Ints:
    """Score in which an average account has one half, however many there are."""
    score_ppm: Ints = np.minimum(trust * len(trust) // (G9 // AVERAGE_PPM), PPM)
    return score_ppm


def compute_trust(view: View, seeds: Ints, restart_ppm: int) -> Scores:
    """Trust that flows from some seeds, in equal parts."""
    n = view.n_accounts
    if n == 0:
        nothing = np.zeros(0, dtype=np.int64)
        return Scores(nothing, nothing, nothing != 0)
    ratings = select_weighty(view.ratings)
    start = np.zeros(n, dtype=np.int64)
    start[seeds] = G9 // len(seeds)
    heir = int(start.argmax())
    start[heir] += G9 - int(start.sum())
    trust = spread_trust(build_flow(ratings, n), start, restart_ppm)
    known = count_by(ratings.ratee, n) > 0
    return Scores(trust, np.where(known, compute_size_free_ppm(trust), view.newcomer_ppm), known)


def build_flow(ratings: Ratings, n_accounts: int) -> Flow:
    """Normalise what each account said: praise less blame, blame alone is nothing."""
    from scipy import sparse

    said = sparse.coo_array(
        (compute_signed_ppm(ratings), (ratings.rater, ratings.ratee)),
        shape=(n_accounts, n_accounts),
    ).tocsr()  # adds up what one account said of another, in whole numbers
    said.data = np.maximum(said.data, 0)
    said.eliminate_zeros()
    said.sort_indices()
    lengths = np.diff(said.indptr)
    is_silent = lengths == 0
    if said.nnz:
        firsts = said.indptr[:-1][~is_silent]
        totals = np.add.reduceat(said.data, firsts)
        shares = divide_finely(said.data, np.repeat(totals, lengths[~is_silent]))
        shares[find_largest(said.data, firsts, lengths[~is_silent])] += G9 - np.add.reduceat(
            shares, firsts
        )
        said.data = shares
    return Flow(said.T.tocsr(), np.flatnonzero(is_silent))


def find_largest(amounts: Ints, firsts: Ints, lengths: Ints) -> Ints:
    """Position of the first largest amount of each row; rows are adjacent and not empty."""
    largest = np.repeat(np.maximum.reduceat(amounts, firsts), lengths)
    candidates = np.flatnonzero(amounts == largest)
    rows = np.searchsorted(firsts, candidates, side="right")
    return candidates[np.concatenate(([True], np.diff(rows) > 0))]


def spread_trust(flow: Flow, start: Ints, restart_ppm: int) -> Ints:
    """Trust in billionths after the steps; it always sums to one billion.

    Every sum of products is at most 10**18, as both factors sum to one billion.
    """
    heir = int(start.argmax())
    fresh = start * restart_ppm // PPM
    trust = start
    for _ in range(ITERATIONS_MAX):
        unspent = int(trust[flow.is_silent].sum())  # goes where trust starts
        arrived = (flow.incoming @ trust + start * unspent) // G9
        after = arrived * (PPM - restart_ppm) // PPM + fresh
        after[heir] += G9 - int(after.sum())
        if np.array_equal(after, trust):
            break
        trust = after
    return trust
