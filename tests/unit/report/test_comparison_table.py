from __future__ import annotations

import re
from dataclasses import replace
from io import StringIO
from itertools import pairwise

import pytest
from rich.console import Console

from sim.consensus.sequencer import ORDERING_NAME
from sim.experiment.comparison import (
    Estimate,
    Values,
    compute_contrasts,
    compute_estimates,
    get_outcomes,
)
from sim.experiment.run import RunResult
from sim.metrics.base import Form, NullReason, Value
from sim.metrics.outcomes import OUTCOMES, OVERHEADS
from sim.policies.base import Policy, Protocol
from sim.report.comparison_table import (
    ABBREVIATED_REASONS,
    CELL_WIDTH,
    LABEL_WIDTH,
    count_methods,
    create_cell,
    create_legend,
    create_tables,
    find_best,
    format_number,
    get_rows,
    is_by_construction,
)
from sim.report.rows import ABOUT_FAULTS, COMPANIONS, ROWS
from sim.scenario.load import load_scenario
from sim.stats.intervals import Interval, Method
from tests.worlds import POLICIES, SCENARIOS

LOADED = load_scenario(SCENARIOS / "nine_seconds.yaml")
NOTHING = Value(0, 0, 0, NullReason.NO_DENOMINATOR)
NAMES = [row[0] for row in ROWS if row is not None]


def create_arm(n: int = 4, **changed: list[Value]) -> Values:
    """Every outcome of n replications: counts of ten that differ, or as told."""
    values = {}
    for name, outcome in get_outcomes().items():
        den = 1.0 if outcome.form in (Form.MEAN, Form.QUANTILE) else 10.0
        values[name] = [Value(float(k % 4 + 1), den, 10) for k in range(n)]
    return values | changed


def create_same(num: float, den: float = 1.0, n: int = 4) -> list[Value]:
    return [Value(num, den, 10)] * n


def create_result(
    arms: dict[str, Values],
    policies: dict[str, Policy] | None = None,
    primary: tuple[str, ...] = (),
) -> RunResult:
    """What a run would say of these values."""
    scenario = LOADED.scenario.model_copy(update={"primary": primary})
    baseline = next(iter(arms))
    return RunResult(
        loaded=LOADED._replace(scenario=scenario),
        policies=policies or {name: POLICIES[name] for name in arms},
        baseline=baseline,
        seed=1,
        replications=len(next(iter(arms[baseline].values()))),
        values=arms,
        estimates=compute_estimates(arms),
        contrasts=compute_contrasts(arms, baseline),
        digests=dict.fromkeys(arms, "0" * 32),
        folder=None,
    )


def render(result: RunResult, width: int = 150, *, markup: bool = True) -> str:
    """The tables as they are printed."""
    file = StringIO()
    console = Console(file=file, width=width, markup=markup, color_system=None)
    for table in create_tables(result, width):
        console.print(table)
    return file.getvalue()


# no bare zero


def find_bare_zeros(text: str) -> list[str]:
    """Cells of a printed table that are a zero, with no word below on what it is worth.

    A row is a line with the values and a line with the unit and what stands below each value.
    """
    faults = []
    lines = text.splitlines()
    for above, below in pairwise(lines):
        if not re.match(r"  \S", below):
            continue
        for left in range(LABEL_WIDTH + 1, max(len(above), len(below)), CELL_WIDTH + 1):
            value = above[left : left + CELL_WIDTH].strip().removeprefix("» ").removesuffix(" °")
            bound = below[left : left + CELL_WIDTH].strip()
            if re.fullmatch(r"[-+]?0(\.0*)?( ?%)?", value) and not bound:
                faults.append(f"{above[:LABEL_WIDTH].strip()}: {value}")
    return faults


def create_lines(value: str, bound: str) -> str:
    above = f"{'harm':<{LABEL_WIDTH}} {'3.1':>{CELL_WIDTH}} {value:>{CELL_WIDTH}}"
    below = f"{'  value':<{LABEL_WIDTH}} {'2..4':>{CELL_WIDTH}} {bound:>{CELL_WIDTH}}"
    return f"{above}\n{below}\n"


@pytest.mark.parametrize("value", ["0", "0 %", "» 0", "0 °", "» 0 °", "0.0", "-0", "0.00 %"])
def test_the_checker_finds_a_planted_zero(value: str) -> None:
    assert find_bare_zeros(create_lines(value, "")) != []


@pytest.mark.parametrize(
    ("value", "bound"),
    [("0", "P < 22 %"), ("0", "every time"), ("none seen", ""), ("-", ""), ("0.5", ""), ("10", "")],
)
def test_the_checker_lets_a_zero_with_its_bound_pass(value: str, bound: str) -> None:
    assert find_bare_zeros(create_lines(value, bound)) == []


ZEROES: dict[str, list[Value]] = {
    name: create_same(0, 1.0 if outcome.form in (Form.MEAN, Form.QUANTILE) else 10.0)
    for name, outcome in get_outcomes().items()
}


def test_where_nothing_was_ever_seen_no_zero_stands_alone() -> None:
    result = create_result({"unguarded": create_arm(), "gateway": create_arm(**ZEROES)})
    assert find_bare_zeros(render(result)) == []


def test_where_no_policy_cost_anything_no_zero_stands_alone() -> None:
    arms = {name: create_arm(**ZEROES) for name in ("unguarded", "gateway", "chain")}
    assert find_bare_zeros(render(create_result(arms))) == []


def test_one_replication_has_no_bare_zero_either() -> None:
    zeroes = {name: values[:1] for name, values in ZEROES.items()}
    arms = {"unguarded": create_arm(n=1), "chain": create_arm(n=1, **zeroes)}
    assert find_bare_zeros(render(create_result(arms))) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_zero_has_its_bound_in_every_row(name: str) -> None:
    arms = {"unguarded": create_arm(), "gateway": create_arm(**ZEROES)}
    cell = create_cell(create_result(arms).estimates["gateway"][name])
    if cell.value.strip() in ("0", "0 %"):
        assert cell.interval


# cells


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1, "1"),
        (0.05, "0.05"),
        (-0.25, "-0.25"),
        (99.96, "100"),
        (999, "999"),
        (123_456, "123k"),
        (1e6, "1M"),
        (-3e6, "-3M"),
        (2.5e9, "2.5G"),
    ],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert format_number(value) == text


@pytest.mark.parametrize("value", [0.0004, 0.123456, 9.996, 99.95, 999.6, 9_996, 123_456_789.0])
def test_a_short_number_is_close_to_what_it_stands_for(value: float) -> None:
    text = format_number(value)
    scale = {"k": 1e3, "M": 1e6, "G": 1e9}.get(text[-1], 1.0)
    assert float(text.rstrip("kMG")) * scale == pytest.approx(value, rel=0.006)
    assert len(text) <= 7


@pytest.mark.parametrize("reason", list(NullReason))
def test_every_reason_for_no_number_has_words(reason: NullReason) -> None:
    cell = create_cell(Estimate("m", "share", None, 3, reason))
    assert cell.value == ABBREVIATED_REASONS[reason.value]
    assert cell.value
    assert not cell.value[0].isdigit()


def test_a_rate_never_seen_says_so_with_its_bound() -> None:
    interval = Interval(0.0, 0.0, 0.0951, 30, Method.ZERO_BOUND)
    cell = create_cell(Estimate("m", "share", interval, 30))
    assert cell.value == "none seen"
    assert "9.5" in cell.interval
    assert "<" in cell.interval


def test_a_rate_of_always_has_its_bound_too() -> None:
    interval = Interval(1.0, 0.9049, 1.0, 30, Method.ZERO_BOUND)
    cell = create_cell(Estimate("m", "share", interval, 30))
    assert "90" in cell.interval


def test_a_value_stands_above_its_interval() -> None:
    cell = create_cell(Estimate("m", "messages a task", Interval(12, 11, 13, 9, Method.T), 9))
    assert cell == ("12", "11..13")


def test_without_limits_nothing_is_claimed() -> None:
    lone = Interval(12, None, None, 1, Method.NO_INTERVAL)
    assert create_cell(Estimate("m", "s", lone, 1)).interval == ""


@pytest.mark.parametrize("unit", sorted({outcome.unit for outcome in OUTCOMES.values()}))
def test_a_cell_fits_its_column(unit: str) -> None:
    for mean, low, high in ((0.123456, -0.6543, 0.87654), (123_456.7, -98_765.4, 7_654_321.0)):
        cell = create_cell(Estimate("m", unit, Interval(mean, low, high, 9, Method.T), 9))
        assert len(f"» {cell.value} °") <= CELL_WIDTH
        assert len(cell.interval) <= CELL_WIDTH


# best marks


def create_pair(name: str, first: float, second: float) -> RunResult:
    """Two policies that differ in one outcome; both got it by acting, not by construction."""
    den = 1.0 if get_outcomes()[name].form in (Form.MEAN, Form.QUANTILE) else 10.0
    arms = {
        "gateway": create_arm(**{name: create_same(first, den)}),
        "chain": create_arm(**{name: create_same(second, den)}),
    }
    return create_result(arms)


@pytest.mark.parametrize(
    ("name", "best"),
    [
        ("unauthorized_execution_rate", "gateway"),
        ("harm_per_episode", "gateway"),
        ("commit_latency_p95", "gateway"),
        ("utility_under_attack", "chain"),
        ("utility_clean", "chain"),
        ("four_tuple_completeness", "chain"),
    ],
)
def test_the_best_is_the_smallest_or_the_largest_as_the_outcome_says(name: str, best: str) -> None:
    assert find_best(name, create_pair(name, 1, 9)) == {best}


def test_the_best_cost_is_the_least_added() -> None:
    arms = {
        "unguarded": create_arm(task_fee=create_same(0, 10)),
        "gateway": create_arm(task_fee=create_same(2, 10)),
        "chain": create_arm(task_fee=create_same(5, 10)),
    }
    assert "chain" not in find_best("policy_overhead_fee", create_result(arms))


def test_where_all_are_equal_none_is_best() -> None:
    assert find_best("harm_per_episode", create_pair("harm_per_episode", 3, 3)) == set()


def test_those_that_share_the_best_mean_share_the_mark() -> None:
    same = create_arm(harm_per_episode=create_same(1))
    arms = {"gateway": same, "anchored": same, "chain": create_arm()}
    assert find_best("harm_per_episode", create_result(arms)) == {"gateway", "anchored"}


def test_a_bound_is_never_best() -> None:
    arms = {
        "gateway": create_arm(harm_per_episode=create_same(2)),
        "chain": create_arm(harm_per_episode=create_same(3)),
        "oracle": create_arm(harm_per_episode=create_same(0)),
    }
    assert find_best("harm_per_episode", create_result(arms)) == {"gateway"}


def test_a_policy_without_a_number_is_not_best() -> None:
    arms = {
        "gateway": create_arm(false_denial_rate=[NOTHING] * 4),
        "chain": create_arm(false_denial_rate=create_same(1, 10)),
        "layered": create_arm(false_denial_rate=create_same(2, 10)),
    }
    assert find_best("false_denial_rate", create_result(arms)) == {"chain"}


def test_what_has_no_direction_has_no_best() -> None:
    name = "unauthorized_unmediated_share"
    assert find_best(name, create_pair(name, 1, 9)) == set()


# what only restates a setting


def is_marked(name: str, policy: Policy) -> bool:
    label = policy.name
    arms = {"unguarded": create_arm(), label: create_arm()}
    policies = {"unguarded": POLICIES["unguarded"], label: policy}
    return is_by_construction(name, label, create_result(arms, policies))


@pytest.mark.parametrize("bound", ["deny_all", "reference_monitor", "oracle"])
@pytest.mark.parametrize("name", ["unauthorized_execution_rate", "false_denial_rate"])
def test_a_bound_is_what_it_is_by_definition(name: str, bound: str) -> None:
    assert is_marked(name, POLICIES[bound])


@pytest.mark.parametrize("name", ["utility_under_attack", "harm_per_episode", "approval_load"])
@pytest.mark.parametrize("policy", ["unguarded", "gateway", "chain", "oracle"])
def test_what_was_found_out_is_not_marked(name: str, policy: str) -> None:
    assert not is_marked(name, POLICIES[policy])


def test_no_guard_executes_everything_by_construction() -> None:
    for name in ("unauthorized_execution_rate", "overscoped_execution_rate"):
        assert is_marked(name, POLICIES["unguarded"])


def test_no_guard_under_another_name_is_still_no_guard() -> None:
    """What a policy is lies in its levers: a name is only a label."""
    delayed = replace(POLICIES["unguarded"], name="nothing_much")
    for name in ("unauthorized_execution_rate", "overscoped_execution_rate"):
        assert is_marked(name, delayed) == is_marked(name, POLICIES["unguarded"])


def test_a_policy_under_the_name_of_no_guard_is_not_no_guard() -> None:
    guarded = replace(POLICIES["gateway"], name="unguarded", mediation_ppm=500_000)
    result = create_result({"unguarded": create_arm()}, {"unguarded": guarded})
    assert not is_by_construction("unauthorized_execution_rate", "unguarded", result)


def test_over_scoped_calls_pass_only_where_a_path_goes_round_the_check() -> None:
    name = "overscoped_execution_rate"
    assert is_marked(name, POLICIES["chain"])
    assert not is_marked(name, replace(POLICIES["chain"], name="leaky", mediation_ppm=999_999))


def test_a_delayed_effect_does_not_make_a_check_bind() -> None:
    """`unguarded` with a delay checks nothing: that few over-scoped acts last was found out."""
    delayed = replace(POLICIES["unguarded"], name="delay", commit_delay_us=10**9)
    assert not is_marked("overscoped_execution_rate", delayed)


def test_where_an_owner_does_not_check_over_scoped_calls_were_found_to_pass() -> None:
    """In a world with a negligent owner no check binds on every path."""
    arms = {"gateway": create_arm()}
    result = create_result(arms)
    careless = load_scenario(SCENARIOS / "cross_org_calls.yaml")
    result = replace(result, loaded=careless)
    assert not is_by_construction("overscoped_execution_rate", "gateway", result)


def test_no_mark_stands_on_what_has_no_number() -> None:
    empty = {name: [NOTHING] * 4 for name in ("overscoped_execution_rate", "false_denial_rate")}
    text = render(create_result({"unguarded": create_arm(), "deny_all": create_arm(**empty)}))
    assert not re.search(r"(none to count|too few|past horizon|-|not recorded) °", text)


# the table


def test_every_policy_has_a_column_and_every_row_its_unit() -> None:
    names = list(POLICIES)
    result = create_result({name: create_arm() for name in names})
    faulted = load_scenario(SCENARIOS / "byzantine_validators.yaml")
    text = render(replace(result, loaded=faulted), width=400)
    header = text.splitlines()[0] + text.splitlines()[1]
    for name in names:
        assert all(part in header for part in name.split("_"))
    assert "n = 4" in text
    for row in ROWS:
        assert row is None or row[1] in text


def test_rows_about_faults_are_left_out_where_the_scenario_has_none() -> None:
    text = render(create_result({name: create_arm() for name in POLICIES}), width=400)
    for row in ROWS:
        if row is not None:
            assert (row[1] in text) is (row[0] not in ABOUT_FAULTS), row


@pytest.mark.parametrize("width", [40, 80, 100, 150, 400])
def test_tables_fit_the_width_and_lose_no_policy(width: int) -> None:
    result = create_result({name: create_arm() for name in POLICIES})
    text = render(result, width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= max(
        width, LABEL_WIDTH + CELL_WIDTH + 2
    )
    columns = sum(len(table.columns) - 1 for table in create_tables(result, width))
    assert columns == len(POLICIES)


def test_rows_that_say_nothing_are_left_out() -> None:
    empty = {name: [NOTHING] * 4 for name in OUTCOMES if name.startswith("approval")}
    result = create_result({"unguarded": create_arm(**empty), "gateway": create_arm(**empty)})
    names = [row[0] for row in get_rows(result, list(result.policies)) if row is not None]
    assert not any(name.startswith("approval") for name in names)
    assert "harm_per_episode" in names


def test_the_guards_against_gaming_are_kept() -> None:
    """M1 and M59 never without M2 and M4; approvals with both errors; harm with its companion."""
    result = create_result({"unguarded": create_arm(), "gateway": create_arm()})
    names = {row[0] for row in get_rows(result, list(result.policies)) if row is not None}
    for together in (
        {"unauthorized_execution_rate", "overscoped_execution_rate", "false_denial_rate"},
        {"utility_under_attack", "utility_clean", "harm_per_1000_tasks", "harm_per_episode"},
        {"approval_load", "approval_false_approve_rate", "approval_false_refuse_rate"},
        {"approval_bypass_rate", "forgery_acceptance_rate"},
        {"ledger_safety_violations", "wrongful_slash_share"},
        set(OVERHEADS),
    ):
        assert together <= names


def test_primary_outcomes_are_marked_and_no_others() -> None:
    result = create_result({"unguarded": create_arm()}, primary=("harm_per_episode",))
    text = render(result)
    assert text.count("*") == 1
    label = next(row[1] for row in ROWS if row is not None and row[0] == "harm_per_episode")
    assert f"{label}*" in text


@pytest.mark.parametrize(
    "name", ["[red]red[/red]", "[bold", "[/]", "[link=x]y[/link]", "a:smile:b"]
)
def test_a_policy_named_in_markup_prints_as_text(name: str) -> None:
    policies = {"unguarded": POLICIES["unguarded"], name: replace(POLICIES["chain"], name=name)}
    arms = {"unguarded": create_arm(), name: create_arm()}
    result = create_result(arms, policies)
    left = LABEL_WIDTH + 1 + CELL_WIDTH + 1  # the second column; a long name takes two lines
    lines = render(result).splitlines()[: 1 + (len(name) > CELL_WIDTH)]
    assert "".join(line[left : left + CELL_WIDTH].strip() for line in lines) == name


def test_the_legend_explains_every_mark_and_assumption() -> None:
    arms = {name: create_arm() for name in ("unguarded", "chain", "oracle")}
    legend = "\n".join(create_legend(create_result(arms)))
    for mark in ("»", "*", "°", "none seen", "95 %", "4 validators", "bounds", "below 30"):
        assert mark in legend
    plain = "\n".join(create_legend(create_result({"gateway": create_arm(n=30)})))
    for mark in ("Order ", "validators", "not policies one could run", "below 30"):
        assert mark not in plain


def test_the_legend_says_by_which_protocols_validators_agreed_and_what_that_bears() -> None:
    levers = {"three": Protocol.HOTSTUFF_3, "two": Protocol.HOTSTUFF_2}
    policies = {n: replace(POLICIES["layered"], name=n, protocol=p) for n, p in levers.items()}
    arms = {name: create_arm() for name in policies}
    legend = " ".join(create_legend(create_result(arms, policies)))
    assert "4 validators by hotstuff_2, hotstuff_3, message by message" in legend
    assert "excluded up to 1 Byzantine ones" in legend
    assert "sequencer" not in legend


@pytest.mark.parametrize(
    ("protocol", "n_validators", "warns"),
    [
        ("hotstuff_3", 4, True),
        ("hotstuff_3", 10, True),
        ("hotstuff_3", 5, False),
        ("hotstuff_3", 3, False),
        ("hotstuff_2", 4, False),
        ("hotstuff_basic", 4, False),
    ],
)
def test_the_legend_warns_where_silence_can_stop_three_chains(
    protocol: str, n_validators: int, warns: bool
) -> None:
    policy = replace(POLICIES["chain"], protocol=Protocol(protocol))
    result = create_result({"chain": create_arm()}, {"chain": policy})
    scenario = result.loaded.scenario
    chain = scenario.chain.model_copy(update={"validators": n_validators})
    scenario = scenario.model_copy(update={"chain": chain})
    result = replace(result, loaded=result.loaded._replace(scenario=scenario))
    assert ("may never commit" in " ".join(create_legend(result))) is warns


def test_the_legend_says_what_an_ideal_sequencer_stands_for() -> None:
    ideal = replace(POLICIES["chain"], protocol=Protocol.SEQUENCER)
    legend = " ".join(create_legend(create_result({"chain": create_arm()}, {"chain": ideal})))
    assert f"Order under protocol sequencer: {ORDERING_NAME}; it never fails." in legend
    assert "Byzantine" not in legend


def test_methods_are_named() -> None:
    result = create_result({"unguarded": create_arm()})
    methods = list(count_methods(result))
    assert methods == sorted(set(methods))
    assert set(methods) <= {method.value for method in Method}


# rows that never stand alone

GUARDS = [(name, other) for name, others in COMPANIONS.items() for other in others]
LACKING = [Value(0, 0, 0, NullReason.NOT_APPLICABLE)] * 4


def get_names(result: RunResult) -> set[str]:
    return {row[0] for row in get_rows(result, list(result.policies)) if row is not None}


@pytest.mark.parametrize(("name", "other"), GUARDS)
def test_what_a_row_could_be_won_at_stands_beside_it(name: str, other: str) -> None:
    result = create_result({"gateway": create_arm(**{other: [NOTHING] * 4})})
    assert {name, other} <= get_names(result)
    result = create_result({"gateway": create_arm(**{other: LACKING})})
    assert name in get_names(result)
    assert other not in get_names(result)
    result = create_result(
        {"gateway": create_arm(**{guard: [NOTHING] * 4 for guard in (*COMPANIONS, other)})}
    )
    assert other not in get_names(result)


def test_slashes_recalled_stand_next_to_wrongful_ones_and_convictions() -> None:
    first = NAMES.index("slash_recall")
    together = ["slash_recall", "wrongful_slash_share", "false_accusation_rate"]
    assert NAMES[first : first + 3] == together


def test_what_can_be_below_zero_is_shown_below_zero() -> None:
    for name, unit in (("attacker_return", "share"), ("market_welfare", "value")):
        interval = Interval(-0.05, -0.07, -0.03, 9, Method.T)
        cell = create_cell(Estimate(name, unit, interval, 9))
        scale = 100 if unit == "share" else 1
        expected = (f"{-0.05 * scale:.3g}", f"{-0.07 * scale:.3g}..{-0.03 * scale:.3g}")
        assert cell == expected
    zero = create_cell(Estimate("market_welfare", "value", Interval(0, -1, 1, 9, Method.T), 9))
    assert zero == ("0", "-1..1")


def test_what_takes_a_market_long_is_in_seconds() -> None:
    interval = Interval(90, 80, 100, 9, Method.T)
    assert create_cell(Estimate("time_to_demote", "s", interval, 9)) == ("90", "80..100")
    assert create_cell(Estimate("commit_latency_p50", "s", interval, 9)).value == "90k"
    text = render(create_result({"gateway": create_arm()}))
    (below,) = [b for a, b in pairwise(text.splitlines()) if a.startswith("time to demote")]
    assert below.startswith("  s ")


def test_a_ratio_to_nothing_says_so() -> None:
    plain = [Value(number, 1, 1) for number in (1.0, -1.0, 2.0, -2.0)]
    result = create_result({"gateway": create_arm(attacker_payoff_plain=plain)})
    assert create_cell(result.estimates["gateway"]["sybil_gain"]).value == "base near 0"
    assert {"sybil_gain", "sybil_gain_difference"} - get_names(result) == {"sybil_gain"}


def test_where_nothing_can_be_disputed_nobody_is_convicted_by_construction() -> None:
    assert is_marked("false_accusation_rate", POLICIES["unguarded"])
    assert is_marked("false_accusation_rate", POLICIES["oracle"])


def test_a_legend_speaks_of_a_market_where_there_is_one() -> None:
    legend = " ".join(create_legend(create_result({"gateway": create_arm()})))
    assert "Market: prices, bonds and stakes in base units" in legend
    closed = create_result({"gateway": create_arm(market_volume=LACKING)})
    assert "Market" not in " ".join(create_legend(closed))


@pytest.mark.parametrize("reason", NullReason)
def test_every_reason_for_no_number_fits_a_cell(reason: NullReason) -> None:
    cell = create_cell(Estimate("m", "share", None, 9, reason))
    assert 0 < len(cell.value) <= CELL_WIDTH
