from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from sim.experiment.ratings import Labelling, Later, RatingStudy, RuleFigures
from sim.experiment.registry_shift import Shift
from sim.report.ratings_table import build_ratings_report, build_reading, rank_rules

PLAIN = RuleFigures("mean", 0.99, 0.93, 0.89, 50, 0.55, 0.0, 0.0, None, None)
BETA = PLAIN._replace(
    rule="beta", auc=0.95, auc_masked=0.94, auc_closure=0.85, lead=0.01, lead_margin=0.004
)
FAIR = PLAIN._replace(rule="fairness", auc=0.5, auc_masked=0.6, auc_closure=0.91, known=40)
LABELS = Labelling(13, 18, 31, 350, 330, 280)
STUDY = RatingStudy(
    source="otc.csv",
    users=58,
    ratings=350,
    scale=10.0,
    trust_seed="1",
    is_seed_given=False,
    mask="labelling",
    labels=LABELS,
    later=None,
    collective=0,
    baseline=PLAIN,
    rules=[PLAIN, BETA, FAIR],
    one_record_shift=[],
)


def render(study: RatingStudy, quiet: bool = False) -> str:
    stream = StringIO()
    console = Console(file=stream, width=160, markup=False, highlight=False)
    console.print(build_ratings_report(study, quiet))
    return stream.getvalue()


def find_row(printed: str, rule: str) -> str:
    return next(line for line in printed.splitlines() if line.strip().startswith(rule))


def test_each_figure_stands_beside_that_of_the_plain_mean() -> None:
    row = find_row(render(STUDY), "beta")
    assert row.split() == [
        *("beta", "0.9500", "(0.9900)", "0.9400", "(0.9300)", "0.8500", "(0.8900)"),
        *("50", "0.5500"),
    ]


@pytest.mark.parametrize(
    ("mask", "order"),
    [
        ("none", ["mean", "beta", "fairness"]),
        ("labelling", ["beta", "mean", "fairness"]),
        ("closure", ["fairness", "mean", "beta"]),
    ],
)
def test_the_mask_chosen_orders_the_rows_and_has_the_star(mask: str, order: list[str]) -> None:
    study = STUDY._replace(mask=mask)
    assert [row.rule for row in rank_rules(study)] == order
    headings = {"none": "AUC, all *", "labelling": "AUC, masked *", "closure": "AUC, closure *"}
    assert [heading in render(study) for heading in headings.values()] == [
        each == mask for each in headings
    ]


def test_the_words_say_who_is_best_and_how_little_that_may_mean() -> None:
    text = build_reading(STUDY)
    assert "beta tells fraud from benign best: AUC 0.9400, against 0.9300" in text
    assert "1 of 3 rules stand above the mean; by more than the luck" in text
    assert "(95 %, each alone): beta. beta leads by 0.0100 +- 0.0040." in text
    lucky = STUDY._replace(rules=[BETA._replace(lead_margin=0.02)])
    assert "each alone): none of them. beta leads by 0.0100 +- 0.0200." in build_reading(lucky)


def test_where_no_rule_beats_the_mean_it_says_so() -> None:
    text = build_reading(STUDY._replace(rules=[FAIR]))
    assert text.endswith("None of 1 rules stand above the mean.")


def test_labels_of_one_kind_tell_nothing_apart() -> None:
    blind = RuleFigures("mean", None, None, None, 50, 0.55, None, None, None, None)
    study = STUDY._replace(baseline=blind, rules=[blind], labels=LABELS._replace(fraud=0))
    assert build_reading(study).startswith("The labels hold only one kind of user")
    assert find_row(render(study), "mean").split()[:4] == ["mean", "-", "-", "-"]


def test_the_notes_say_that_the_labels_follow_from_the_ratings() -> None:
    printed = " ".join(render(STUDY).split())
    assert "31 of 31 follow from the ratings that the circle of user 1 gave" in printed
    assert "330 of 350 ratings" in printed
    free = STUDY._replace(labels=LABELS._replace(rebuilt=0))
    assert "flatters" in printed
    assert "flatters" not in render(free)


def test_what_was_not_asked_for_is_not_shown() -> None:
    bare = STUDY._replace(labels=None, mask="none")
    assert "AUC" not in render(bare)
    assert "One record" not in render(STUDY)
    assert "Later ratings" not in render(STUDY)


def test_what_was_asked_for_is_shown() -> None:
    row = BETA._replace(auc_later=0.61, leader_percentile=0.997)
    study = STUDY._replace(
        later=Later(20, 10, 4, 6, 3),
        collective=5,
        baseline=PLAIN._replace(auc_later=0.6, leader_percentile=0.5),
        rules=[row],
        is_seed_given=True,
        one_record_shift=[
            Shift("erc8004_median", 15.06, 40, 9.0),
            Shift("per tag", 100, None, None),
        ],
    )
    printed = render(study)
    assert "0.6100 (0.6000)" in find_row(printed, "beta")
    assert "99.7 % (50.0 %)" in find_row(printed, "beta")
    assert find_row(printed, "erc8004_median").split()[1:] == ["15.06", "%", "9.00", "%", "40"]
    assert find_row(printed, "per tag").split()[2:] == ["100.00", "%", "-", "published", "only"]
    words = " ".join(printed.split())
    assert "learned from the first 20, judged on 10 of which 4 are negative" in words
    assert "user 1, as asked" in words
    assert "5 newcomers rate each other" in words


def test_quiet_leaves_the_tables_alone() -> None:
    printed = render(STUDY, quiet=True)
    assert "beta" in printed
    assert "Trusted from the start" not in printed


def test_names_cannot_move_a_cursor() -> None:
    study = STUDY._replace(source="a\x1b[2Jb", trust_seed="\x1b[1m")
    assert "\x1b" not in render(study)
    assert "a\\x1b[2Jb" in render(study)
