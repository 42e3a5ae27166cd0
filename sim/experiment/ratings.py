"""What each rule of reputation makes of a recorded network of ratings, and how good that is.

Holds figures only: every score comes from the rule itself, the same code that a simulation runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sim.core.errors import InputError, Position, find_nearest
from sim.core.units import PPM
from sim.experiment.rating_views import (
    MASKS,
    add_collective,
    create_part,
    mask_edges,
    rebuild_labels,
)
from sim.experiment.registry_shift import Shift, compute_shifts
from sim.policies.reputation.base import count_by
from sim.policies.reputation.registry import load_reputation_rules
from sim.stats.areas import compute_area, compute_lead, compute_placements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from sim.core.records import Ints
    from sim.experiment.rating_views import Part
    from sim.importers.ratings import RatingNetwork
    from sim.policies.reputation.base import Rule, Scores, View
    from sim.stats.areas import Lead, Placements

    Mask = NDArray[np.bool_]

BASELINE = "mean"
SEED_BY_DEFAULT = "1"
REGISTRY_PREFIX = "erc8004"  # rules that read a rating as one record of a registry
ROUNDS_MAX = 10
COLLECTIVE_MAX = 500  # its ratings grow with the square
_COMMAND = Position("sim ratings")


class Options(NamedTuple):
    """What a study is asked for; None and 0 ask for nothing."""

    rules: tuple[str, ...] = ()  # all but `none` by default
    mask: str | None = None  # ratings that the ranking may see; `labelling` by default
    trust_seed: str | None = None  # user 1, or else the first rater, by default
    split: float | None = None  # share of the ratings to learn from, in (0, 1)
    collective: int = 0  # members of a ring to inject


class RuleFigures(NamedTuple):
    """One rule on one network. Areas, shares and scores lie in 0..1; None: not asked for.

    An area under the curve (AUC) is the chance that a random fraud scores below a random benign
    user, ties counting one half; None also where one of the two kinds is missing.
    """

    rule: str
    auc: float | None  # every rating seen: those that made the labels among them
    auc_masked: float | None  # without the ratings by the trusted user's circle
    auc_closure: float | None  # ... nor by those whom it praises
    known: int  # users of whom the rule says something, from every rating
    median_score: float | None  # of those
    lead: float | None  # of the AUC under the mask chosen over the baseline's
    lead_margin: float | None  # half its 95 % interval, as to which users are labelled
    auc_later: float | None  # learned from earlier ratings: a later bad one goes to a lower score
    leader_percentile: float | None  # share of rated users below the leader of a ring


class Labelling(NamedTuple):
    """The labels, and how many of them the network itself gives away."""

    benign: int
    fraud: int
    rebuilt: int  # labels that follow from the ratings of the trusted user's circle
    ratings: int
    ratings_masked: int
    ratings_closure: int


class Later(NamedTuple):
    """Ratings after the split."""

    learned: int
    judged: int  # later ratings whose ratee had been rated before
    judged_negative: int
    ratee_unknown: int  # later ratings nothing could be said of
    ratee_unknown_negative: int


class RatingStudy(NamedTuple):
    """Everything that was asked of one network."""

    source: str
    users: int
    ratings: int
    scale: float  # largest rating in size
    trust_seed: str
    is_seed_given: bool
    mask: str  # ratings that the order of the rules is made with
    labels: Labelling | None
    later: Later | None
    collective: int
    baseline: RuleFigures
    rules: list[RuleFigures]
    one_record_shift: list[Shift]


def compute_study(
    network: RatingNetwork, labels: Mapping[str, int] | None, options: Options
) -> RatingStudy:
    """Figures of every rule asked for, in the order of the registry, the baseline beside them.

    Errors: InputError for an unknown rule, mask or user, for a mask without labels, and for a
            split that leaves nothing on one of its sides.
    """
    names, mask = _find_rules(options.rules), _find_mask(options.mask, labels)
    seed = _find_seed(network, options.trust_seed)
    asked = _Asked(network, labels or {}, seed, options._replace(mask=mask))
    figures = {name: asked.measure(name) for name in dict.fromkeys((BASELINE, *names))}
    has_registry = any(name.startswith(REGISTRY_PREFIX) for name in names)
    return RatingStudy(
        source=network.source,
        users=len(network.users),
        ratings=len(network.rater),
        scale=network.scale_micro / 10**6,
        trust_seed=network.users[seed],
        is_seed_given=options.trust_seed is not None,
        mask=mask,
        labels=asked.describe_labels() if labels is not None else None,
        later=asked.describe_later() if options.split is not None else None,
        collective=options.collective,
        baseline=figures[BASELINE],
        rules=[figures[name] for name in names],
        one_record_shift=compute_shifts(asked.get_part("none", True).view) if has_registry else [],
    )


def build_document(study: RatingStudy) -> dict[str, Any]:
    """A study as plain values, for JSON."""
    document: dict[str, Any] = study._asdict()
    for name in ("labels", "later", "baseline"):
        part = document[name]
        document[name] = None if part is None else part._asdict()
    for name in ("rules", "one_record_shift"):
        document[name] = [row._asdict() for row in document[name]]
    return document


def compute_settled(rule: Rule, view: View) -> Scores:
    """Scores once what a rule published last changes them no more, or after ten rounds."""
    scores = rule.compute(view)
    for _ in range(ROUNDS_MAX - 1):
        again = rule.compute(view._replace(before_ppm=scores.score_ppm))
        if np.array_equal(again.raw, scores.raw):
            break
        scores = again
    return scores


class _Asked:
    """One network and what is asked of it; each part of it is built once."""

    def __init__(
        self, network: RatingNetwork, labels: Mapping[str, int], seed: int, options: Options
    ) -> None:
        self.network, self.seed, self.options = network, seed, options
        self.labels = labels
        index = {name: user for user, name in enumerate(network.users)}
        self.benign = [index[name] for name, label in labels.items() if label > 0]
        self.fraud = [index[name] for name, label in labels.items() if label < 0]
        self.n_learned = _count_learned(network, options.split)
        self.parts: dict[tuple[str, bool], Part] = {}
        self.rules = load_reputation_rules()
        self.baseline: Placements | None = None

    def get_part(self, which: str, is_registry: bool) -> Part:
        """The ratings a mask leaves, or the earlier ones (`earlier`)."""
        key = which, is_registry
        if key not in self.parts:
            if which == "earlier":
                kept = np.arange(len(self.network.rater)) < self.n_learned
            else:
                kept = mask_edges(self.network, self.seed, which)
            always = [] if which == "earlier" else self.benign + self.fraud
            self.parts[key] = create_part(self.network, kept, always, self.seed, is_registry)
        return self.parts[key]

    def measure(self, name: str) -> RuleFigures:
        """Every figure asked for of one rule."""
        is_registry = name.startswith(REGISTRY_PREFIX)
        rule, whole = self.rules[name](), self.get_part("none", is_registry)
        scores = compute_settled(rule, whole.view)
        placed: dict[str, Placements | None] = {}
        for mask in MASKS if self.labels else ():
            part = self.get_part(mask, is_registry)
            seen = scores if mask == "none" else compute_settled(rule, part.view)
            placed[mask] = self._place(part, seen)
        lead = self._compare(name, placed.get(self.options.mask or "none"))
        known = scores.score_ppm[scores.known]
        return RuleFigures(
            rule=name,
            auc=compute_area(placed.get("none")),
            auc_masked=compute_area(placed.get("labelling")),
            auc_closure=compute_area(placed.get("closure")),
            known=len(known),
            median_score=float(np.median(known)) / PPM if len(known) else None,
            lead=lead and lead.difference,
            lead_margin=lead and lead.margin,
            auc_later=self._foresee(rule, is_registry) if self.n_learned else None,
            leader_percentile=self._infiltrate(rule, whole) if self.options.collective else None,
        )

    def _place(self, part: Part, scores: Scores) -> Placements | None:
        suspect, innocent = (
            scores.raw[np.searchsorted(part.users, users)] for users in (self.fraud, self.benign)
        )
        return compute_placements(suspect, innocent)

    def _compare(self, name: str, placed: Placements | None) -> Lead | None:
        """Lead over the baseline, which is measured first."""
        if name == BASELINE:
            self.baseline = placed
        if placed is None or self.baseline is None:
            return None
        return compute_lead(placed, self.baseline)

    def _foresee(self, rule: Rule, is_registry: bool) -> float | None:
        part = self.get_part("earlier", is_registry)
        raw = compute_settled(rule, part.view).raw
        later, is_known = self._find_later()
        chosen = later[is_known]
        learned = raw[np.searchsorted(part.users, self.network.ratee[chosen])]
        is_negative = self.network.rating_micro[chosen] < 0
        return compute_area(compute_placements(learned[is_negative], learned[~is_negative]))

    def _find_later(self) -> tuple[Ints, Mask]:
        """Later ratings, and whether their ratee had been rated before."""
        network = self.network
        later = np.arange(self.n_learned, len(network.rater))
        heard = count_by(network.ratee[: self.n_learned], len(network.users))
        return later, heard[network.ratee[later]] > 0

    def _infiltrate(self, rule: Rule, whole: Part) -> float:
        view = add_collective(whole.view, self.options.collective)
        raw, leader = compute_settled(rule, view).raw, whole.view.n_accounts
        others = raw[:leader][count_by(whole.view.ratings.ratee, leader) > 0]
        below, equal = int((others < raw[leader]).sum()), int((others == raw[leader]).sum())
        return (2 * below + equal) / (2 * len(others))

    def describe_labels(self) -> Labelling:
        """Counts of the labels and of the ratings that each mask leaves."""
        rebuilt = rebuild_labels(self.network, self.seed)
        agreed = sum(rebuilt.get(name) == label for name, label in self.labels.items())
        n_seen = {m: int(mask_edges(self.network, self.seed, m).sum()) for m in MASKS}
        n_masked, n_closure = n_seen["labelling"], n_seen["closure"]
        n_benign, n_fraud, n = len(self.benign), len(self.fraud), n_seen["none"]
        return Labelling(n_benign, n_fraud, agreed, n, n_masked, n_closure)

    def describe_later(self) -> Later:
        """Counts of the ratings after the split."""
        later, is_known = self._find_later()
        is_negative = self.network.rating_micro[later] < 0
        return Later(
            learned=self.n_learned,
            judged=int(is_known.sum()),
            judged_negative=int((is_known & is_negative).sum()),
            ratee_unknown=int((~is_known).sum()),
            ratee_unknown_negative=int((~is_known & is_negative).sum()),
        )


def _find_rules(names: Iterable[str]) -> list[str]:
    known = load_reputation_rules()
    for name in names:
        if name not in known:
            raise InputError(
                _COMMAND, "--rule", f"unknown name {name!r}", find_nearest(name, known)
            )
    chosen = set(names) or set(known) - {"none"}
    return [name for name in known if name in chosen]


def _find_mask(mask: str | None, labels: Mapping[str, int] | None) -> str:
    if mask is None:
        return "none" if labels is None else "labelling"
    if mask not in MASKS:
        problem = f"unknown name {mask!r}; expected one of {', '.join(MASKS)}"
        raise InputError(_COMMAND, "--mask", problem, find_nearest(mask, MASKS))
    if mask != "none" and labels is None:
        problem = "there are no labels whose origin could be masked; give --labels"
        raise InputError(_COMMAND, "--mask", problem)
    return mask


def _find_seed(network: RatingNetwork, given: str | None) -> int:
    if given is None:
        users = network.users
        is_there = SEED_BY_DEFAULT in users
        return users.index(SEED_BY_DEFAULT) if is_there else int(network.rater[0])
    if given not in network.users:
        nearest = find_nearest(given, network.users)
        problem = f"no user is named {given!r}"
        raise InputError(Position(network.source), "--trust-seed", problem, nearest)
    return network.users.index(given)


def _count_learned(network: RatingNetwork, split: float | None) -> int:
    if split is None:
        return 0
    n = len(network.rater)
    n_learned = int(split * n) if 0 < split < 1 else 0
    if not n_learned:
        problem = f"expected a share in 0..1 that leaves ratings on both sides, got {split:g}"
        raise InputError(_COMMAND, "--split", problem)
    return n_learned
