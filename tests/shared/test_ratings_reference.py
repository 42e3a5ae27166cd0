"""The reference table of Bitcoin OTC through the rules' own code, and what the registry holds."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import pytest

from sim.experiment.rating_views import find_circle, mask_edges, rebuild_labels
from sim.experiment.ratings import Options, RatingStudy, compute_study
from sim.experiment.registry_shift import PUBLISHED_PERCENT
from sim.importers.ratings import RatingNetwork, load_labels, load_network

FOLDER = Path(__file__).parents[2].parent / "shared" / "data"
RATINGS, REGISTRY = FOLDER / "ratings", FOLDER / "erc8004"

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"needs the recordings in {FOLDER}"),
]

TOLERANCE = 0.001
RULE_OF_SCORER = {
    "mean_received": "mean",
    "sum_received": "sum",
    "beta_reputation": "beta",
    "FG_goodness": "fairness_goodness",
    "FG_fairness": "fairness",
    "eigentrust_uniform_a0.15": "eigentrust",
    "eigentrust_founder1_a0.15": "eigentrust_seeded",
}
FIELD_OF_VARIANT = {
    "all_edges": "auc",
    "drop_edges_from_founder_plus_35": "auc_masked",
    "drop_edges_from_138_closure": "auc_closure",
}
RATINGS_OF_VARIANT = dict(zip(FIELD_OF_VARIANT, (35_592, 33_387, 28_545), strict=True))
RULE_OF_PUBLISHED = {
    "R0 deployed getSummary": "erc8004_mean",
    "R1 per tag only": "per tag",
    "R2 range clamp [0 100]": "erc8004_clamped",
    "R3 median": "erc8004_median",
    "R4 one record per reviewer": "erc8004_one_per_rater",
    "R5 10% trimmed mean": "trimmed mean",
}


def load_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


@cache
def load_reference() -> list[dict[str, str]]:
    return load_rows(RATINGS / "otc_reference_auc.csv")


@cache
def load_otc() -> tuple[RatingNetwork, dict[str, int]]:
    labels = load_labels(RATINGS / "otc_labels.csv")
    return load_network(RATINGS / "soc-sign-bitcoinotc.csv", labels), labels


@cache
def study_otc() -> RatingStudy:
    network, labels = load_otc()
    rules = (*RULE_OF_SCORER.values(), *(name for name in PUBLISHED_PERCENT if "erc" in name))
    return compute_study(network, labels, Options(rules=rules))


def test_the_reference_is_covered_whole() -> None:
    rows = load_reference()
    assert len(rows) == 21
    assert {row["scorer"] for row in rows} == set(RULE_OF_SCORER)
    assert {row["variant"] for row in rows} == set(FIELD_OF_VARIANT)


@pytest.mark.parametrize("variant", FIELD_OF_VARIANT)
@pytest.mark.parametrize("scorer", RULE_OF_SCORER)
def test_every_area_is_that_of_the_reference(scorer: str, variant: str) -> None:
    (row,) = [r for r in load_reference() if (r["scorer"], r["variant"]) == (scorer, variant)]
    (figures,) = [r for r in study_otc().rules if r.rule == RULE_OF_SCORER[scorer]]
    found = getattr(figures, FIELD_OF_VARIANT[variant])
    assert abs(found - float(row["auc_fraud"])) <= TOLERANCE
    assert int(row["edges"]) == RATINGS_OF_VARIANT[variant]


def test_the_network_is_the_one_described() -> None:
    network, labels = load_otc()
    assert (len(network.users), len(network.rater)) == (5_881, 35_592)
    assert len(set(network.rater.tolist())) == 4_814
    assert len(set(network.ratee.tolist())) == 5_858
    assert network.scale_micro == 10_000_000
    assert (network.rating_micro > 0).mean() == pytest.approx(0.8999, abs=5e-5)
    assert sorted(labels.values()) == [-1] * 180 + [1] * 136


def test_the_labels_follow_from_the_ratings_without_an_error() -> None:
    network, labels = load_otc()
    founder = network.users.index("1")
    circle = find_circle(network, founder)
    assert (int(circle.inner.sum()), int(circle.closure.sum())) == (36, 138)
    assert rebuild_labels(network, founder) == labels
    in_closure = {network.users[user] for user in circle.closure.nonzero()[0]}
    assert in_closure - {name for name, label in labels.items() if label > 0} == {"62", "905"}


def test_the_masks_leave_the_ratings_described() -> None:
    network, _ = load_otc()
    founder = network.users.index("1")
    left = [int(mask_edges(network, founder, m).sum()) for m in ("none", "labelling", "closure")]
    assert left == list(RATINGS_OF_VARIANT.values())
    assert study_otc().labels is not None
    assert study_otc().labels[:3] == (136, 180, 316)  # type: ignore[index]


def test_the_published_shifts_are_those_of_the_study() -> None:
    rows = load_rows(REGISTRY / "aggregation_rules_published.csv")
    published = {RULE_OF_PUBLISHED[r["rule"]]: float(r["agents_moved_50pct_percent"]) for r in rows}
    assert published == PUBLISHED_PERCENT


def test_one_record_moves_every_agent_of_the_deployed_rule_and_few_of_a_clamped_one() -> None:
    moved = {shift.rule: shift.moved_percent for shift in study_otc().one_record_shift}
    assert moved["erc8004_mean"] == 100.0
    for name in ("erc8004_clamped", "erc8004_median", "erc8004_one_per_rater"):
        share = moved[name]
        assert share is not None
        assert share < 30


def test_the_counts_of_the_registry_that_its_files_hold() -> None:
    requests = load_rows(REGISTRY / "validation_requests_base.csv")
    responses = load_rows(REGISTRY / "validation_responses_base.csv")
    assert (len(requests), len(responses)) == (74, 68)
    assert {len({row["contract"] for row in rows}) for rows in (requests, responses)} == {9}
    assert len({row["agentId"] for row in requests}) == 19
    assert len({row["validatorAddress"] for row in requests}) == 5
    answered = {row["requestHash"] for row in responses}
    assert sum(row["requestHash"] in answered for row in requests) == 66


def test_the_revocations_that_its_files_hold() -> None:
    revoked = load_rows(REGISTRY / "revoked_base.csv")
    assert len(revoked) == 82
    assert len({row["clientAddress"] for row in revoked}) == 16
    assert len({row["agentId"] for row in revoked}) == 2
    assert load_rows(REGISTRY / "revoked_ethereum.csv") == []
