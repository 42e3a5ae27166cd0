from __future__ import annotations

import json

import pytest

from sim.core.errors import InputError
from sim.experiment.ratings import (
    Options,
    build_document,
    compute_settled,
    compute_study,
)
from sim.importers.ratings import RatingNetwork
from sim.policies.reputation.peertrust import PeerTrustTvm
from sim.policies.reputation.registry import load_reputation_rules
from tests.ratings_world import create_network, create_view

# 1 praises a and blames x: that made the labels. What others say of them says the opposite.
EDGES = [
    ("1", "a", 10),
    ("1", "x", -10),
    ("p", "x", 2),
    ("q", "a", -2),
    ("p", "q", 4),
    ("q", "p", 4),
    ("r", "x", -6),
    ("r", "s", -6),
]
NETWORK = create_network(EDGES)
LABELS = {"1": 1, "a": 1, "x": -1}


def measure(options: Options, network: RatingNetwork = NETWORK) -> dict[str, float | None]:
    study = compute_study(network, LABELS, options)
    return {row.rule: row.auc_masked for row in study.rules}


def test_the_ratings_that_made_the_labels_flatter_and_the_mask_takes_them_away() -> None:
    study = compute_study(NETWORK, LABELS, Options(rules=("mean",)))
    (mean,) = study.rules
    assert mean == study.baseline
    assert mean.auc == 1.0  # x below a and 1
    assert mean.auc_masked == 0.75  # x -.2 like a, and below 1, whom nobody rated
    assert study.labels is not None
    assert study.labels.rebuilt == 3
    assert (study.labels.ratings, study.labels.ratings_masked) == (8, 6)


def test_every_rule_but_none_is_judged_by_default_in_the_order_of_the_registry() -> None:
    study = compute_study(NETWORK, LABELS, Options())
    assert [row.rule for row in study.rules] == list(load_reputation_rules())[1:]
    assert study.mask == "labelling"
    assert study.one_record_shift[0].rule == "erc8004_mean"


def test_names_choose_and_the_baseline_is_always_there() -> None:
    study = compute_study(NETWORK, None, Options(rules=("beta", "sum", "beta")))
    assert [row.rule for row in study.rules] == ["sum", "beta"]
    assert study.baseline.rule == "mean"
    assert study.one_record_shift == []
    assert (study.labels, study.later, study.mask) == (None, None, "none")
    assert {row.auc for row in study.rules} == {None}


def test_the_trusted_user_is_1_or_the_first_rater_or_as_asked() -> None:
    others = create_network([("p", "q", 1), ("a", "q", 1)])
    assert compute_study(NETWORK, None, Options(("mean",))).trust_seed == "1"
    assert compute_study(others, None, Options(("mean",))).trust_seed == "p"
    asked = compute_study(others, None, Options(("mean",), trust_seed="a"))
    assert (asked.trust_seed, asked.is_seed_given) == ("a", True)


def test_a_lead_is_over_the_baseline_under_the_mask_chosen() -> None:
    labels = {**LABELS, "s": -1}
    masked = compute_study(NETWORK, labels, Options(("mean", "sum")))
    seen = compute_study(NETWORK, labels, Options(("mean", "sum"), mask="none"))
    for study, field in ((masked, "auc_masked"), (seen, "auc")):
        mean, total = study.rules
        assert (mean.lead, mean.lead_margin) == (0.0, 0.0)
        assert total.lead == pytest.approx(getattr(total, field) - getattr(mean, field))
        assert total.lead_margin is not None
    assert masked.rules[1].lead != seen.rules[1].lead
    alone = compute_study(NETWORK, LABELS, Options(("sum",))).rules[0]
    assert (alone.lead, alone.lead_margin) == (None, None)  # one fraud has no variance


def test_later_ratings_are_foreseen_from_earlier_ones() -> None:
    study = compute_study(NETWORK, None, Options(("mean", "sum"), split=0.5))
    assert study.later is not None
    assert study.later._asdict() == {
        "learned": 4,
        "judged": 1,  # r of x; nobody had rated q, p or s
        "judged_negative": 1,
        "ratee_unknown": 3,
        "ratee_unknown_negative": 1,
    }
    assert study.rules[0].auc_later is None  # no positive rating to tell it from
    mixed = [*EDGES[:4], ("p", "a", 5), ("r", "x", -5)]
    study = compute_study(create_network(mixed), None, Options(("mean",), split=0.67))
    assert study.rules[0].auc_later == 1.0


def test_a_ring_lifts_its_leader_where_nothing_is_asked_of_raters() -> None:
    study = compute_study(NETWORK, None, Options(("mean", "eigentrust_seeded"), collective=5))
    percentile = {row.rule: row.leader_percentile for row in study.rules}
    # of a, x, p, q, s nobody has 1: a has .4, x -.47, p and q .4, s -.6
    assert percentile["mean"] == 1.0
    assert percentile["eigentrust_seeded"] is not None
    assert percentile["eigentrust_seeded"] < 0.5  # no trust flows to it: level with the last


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(rules=("betta",)), "--rule: unknown name 'betta'; did you mean 'beta'?"),
        (Options(mask="labeling"), "--mask: unknown name 'labeling'; expected one of none, "),
        (Options(mask="closure"), "--mask: there are no labels whose origin could be masked"),
        (Options(trust_seed="zz"), "made.csv: --trust-seed: no user is named 'zz'"),
        (Options(split=0.0), "--split: expected a share in 0..1"),
        (Options(split=1.0), "--split: expected a share in 0..1"),
        (Options(split=0.01), "--split: expected a share in 0..1"),
        (Options(split=float("nan")), "--split: expected a share in 0..1"),
    ],
)
def test_a_wrong_option_is_refused(options: Options, message: str) -> None:
    with pytest.raises(InputError) as caught:
        compute_study(NETWORK, None, options)
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_mask_orders_and_changes_no_figure() -> None:
    assert measure(Options(mask="none")) == measure(Options(mask="closure"))


def test_who_is_labelled_and_in_no_rating_has_the_default() -> None:
    network = create_network(EDGES, extra=["ghost"])
    labels = {"ghost": -1, "a": 1, "s": -1}
    (row,) = compute_study(network, labels, Options(("mean",))).rules
    assert row.auc == 0.5 * 2 / 2 + 0.5  # a .4 above ghost 0 and above s -.6
    assert row.auc_masked == 0.5  # a -.2: below ghost, above s


def test_scores_settle_over_epochs() -> None:
    rows = [(0, 2, 10**6), (1, 2, 0), (3, 0, 0), (3, 1, 10**6)]
    view = create_view(rows, 4)
    rule = PeerTrustTvm()
    once, settled = rule.compute(view), compute_settled(rule, view)
    assert (once.score_ppm[2], settled.score_ppm[2]) == (500_000, 0)  # 0 has lost its word


def test_a_document_is_plain_json() -> None:
    study = compute_study(NETWORK, LABELS, Options(split=0.5, collective=2))
    document = json.loads(json.dumps(build_document(study), allow_nan=False))
    assert {"rule", "auc", "auc_masked", "auc_closure"} <= set(document["rules"][0])
    assert document["labels"]["fraud"] == 1
    assert document["later"]["learned"] == 4
    assert document["one_record_shift"][1]["moved_percent"] is None
    assert build_document(compute_study(NETWORK, None, Options(("sum",))))["labels"] is None
