"""What `sim check` writes: lines, Markdown and JUnit XML, of checks made up here."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from sim.experiment.accept import Acceptance, Change
from sim.experiment.check import ArmNote, Check, Problem
from sim.experiment.gates import GateKind, PlannedGate
from sim.experiment.judging import Verdict
from sim.metrics.outcomes import get_outcomes
from sim.report.gates_text import write_acceptance, write_check, write_end, write_markdown
from sim.report.junit import create_junit
from sim.stats.noninferiority import GateDecision, GateState

HOSTILE = "a|b<script>&\x00`*\udc80"


def create_verdict(
    state: GateState, policy: str = "chain", text: str = "so it is", kind: str = "margin"
) -> Verdict:
    gate = PlannedGate(policy, get_outcomes()["harm_per_episode"], GateKind(kind), 10.0, True)
    return Verdict(gate, state, GateDecision(state, 1.0, 0.5, 2.0, 10.0, 30), 1.0, 2.0, text)


def create_check(*states: GateState, name: str = "world") -> Check:
    verdicts = tuple(create_verdict(state) for state in states)
    arms = {"chain": ArmNote(has_same_levers=False, has_same_record=False)}
    return Check(name, "b.json", seed=1, n=30, looks=(30,), verdicts=verdicts, arms=arms)


BROKEN = Check("broken", "b.json", Problem("not comparable", "seed 2, baseline has 1", 2))
ALL = create_check(*GateState)


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ([], 0),
        ([GateState.IDENTICAL, GateState.PASS], 0),
        ([GateState.PASS, GateState.INCONCLUSIVE], 5),
        ([GateState.INCONCLUSIVE, GateState.FAIL], 1),
        ([GateState.ERROR, GateState.INCONCLUSIVE], 1),
    ],
)
def test_the_worst_gate_gives_the_exit_code(states: list[GateState], code: int) -> None:
    assert create_check(*states).exit_code == code


def test_lines_name_what_is_not_green_and_count_the_rest() -> None:
    lines = list(write_check(ALL, quiet=False))
    assert lines[0] == "world: fail"
    shown = [line.split()[0] for line in lines[1:5]]
    assert shown == ["pass", "fail", "inconclusive", "error"]
    assert "chain  harm_per_episode  1 -> 2 value: so it is" in lines[2]
    assert lines[5] == (
        "  1 identical, 1 pass, 1 fail, 1 inconclusive, 1 error; n = 30 replications, seed 1"
    )
    assert lines[6:] == [
        "  other levers than in the baseline: chain",
        "  other records than in the baseline: chain",
    ]


def test_quiet_lines_are_of_what_is_not_green_alone() -> None:
    assert list(write_check(create_check(GateState.PASS), quiet=True)) == []
    assert len(list(write_check(ALL, quiet=True))) == 4
    assert next(iter(write_check(BROKEN, quiet=True))) == "broken: not comparable"


def test_what_is_held_at_zero_is_one_line_with_its_bound_and_policies() -> None:
    text = "none seen in 30 replications: P < 9.5 % that one has any"
    verdicts = tuple(
        create_verdict(GateState.PASS, policy, text, "zero") for policy in ("chain", "layered")
    )
    check = Check("world", "b.json", seed=1, n=30, looks=(30,), verdicts=verdicts)
    lines = list(write_check(check, quiet=False))
    assert lines[1:-1] == [f"  pass          harm_per_episode: {text} (chain, layered)"]


def test_looks_are_declared() -> None:
    check = Check("w", "b", seed=1, n=40, looks=(30, 40, 50), verdicts=ALL.verdicts)
    assert "looks declared at 30, 40, 50" in "".join(write_check(check, quiet=False))


@pytest.mark.parametrize(
    ("checks", "end"),
    [
        ([create_check(GateState.PASS)], "sim check: pass (exit 0): 1 scenario, 1 pass"),
        ([ALL, BROKEN], "sim check: not comparable (exit 2): 2 scenarios, 1 identical"),
        ([BROKEN], "sim check: not comparable (exit 2): 1 scenario, no gate was decided"),
    ],
)
def test_the_last_line_says_how_it_ended(checks: list[Check], end: str) -> None:
    assert write_end(checks).startswith(end)


def read_junit(*checks: Check) -> ElementTree.Element:
    """A parsed document, checked against what readers of such files agree on."""
    root = ElementTree.fromstring(create_junit(checks))
    assert root.tag == "testsuites"
    totals = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    for suite in root:
        assert suite.tag == "testsuite"
        assert suite.get("name")
        cases = suite.findall("testcase")
        assert len(cases) == len(suite)
        counts = {
            "tests": len(cases),
            "failures": len(suite.findall("testcase/failure")),
            "errors": len(suite.findall("testcase/error")),
            "skipped": len(suite.findall("testcase/skipped")),
        }
        assert {name: int(suite.get(name, "")) for name in counts} == counts
        for case in cases:
            assert case.get("name")
            assert case.get("classname")
            for fault in (*case.findall("failure"), *case.findall("error")):
                assert fault.get("message")
                assert fault.get("type")
        totals = {name: totals[name] + counts[name] for name in totals}
    assert {name: int(root.get(name, "")) for name in totals} == totals
    return root


def test_every_gate_is_a_test_case_and_only_green_ones_are_green() -> None:
    root = read_junit(ALL, BROKEN)
    found = []
    for case in root.iter("testcase"):
        child = case[0]
        found.append((case.get("classname"), case.get("name"), child.tag, child.get("type")))
    name = "harm_per_episode: margin 10"
    assert found == [
        ("world.chain", name, "system-out", None),
        ("world.chain", name, "system-out", None),
        ("world.chain", name, "failure", "fail"),
        ("world.chain", name, "failure", "inconclusive"),
        ("world.chain", name, "error", "error"),
        ("broken", "baseline", "error", "not comparable"),
    ]


def test_hostile_names_are_text_and_nothing_else() -> None:
    verdict = create_verdict(GateState.FAIL, HOSTILE, HOSTILE)
    check = Check(HOSTILE, "b.json", seed=1, n=30, looks=(30,), verdicts=(verdict,))
    (case,) = read_junit(check).iter("testcase")
    assert case.get("classname") == "a|b<script>&\ufffd`*\ufffd.a|b<script>&\ufffd`*\ufffd"
    markdown = write_markdown([check])
    markdown.encode()
    assert "<script>" not in markdown
    (row,) = [line for line in markdown.splitlines() if line.startswith("| **fail**")]
    assert row.replace(r"\|", "").count("|") == 8
    lines = "".join(write_check(check, quiet=False))
    assert "\x00" not in lines
    lines.encode()


def test_equal_checks_give_equal_bytes() -> None:
    assert create_junit([ALL, BROKEN]) == create_junit([ALL, BROKEN])
    assert write_markdown([ALL, BROKEN]) == write_markdown([ALL, BROKEN])


def test_markdown_has_a_row_for_what_moved() -> None:
    lines = write_markdown([ALL, BROKEN]).splitlines()
    assert lines[0] == "### Safety gate: not comparable"
    assert "- **broken**: not comparable: seed 2, baseline has 1" in lines
    rows = [line for line in lines if line.startswith(("| pass", "| **"))]
    assert [row.split("|")[1].strip() for row in rows] == [
        "pass", "**fail**", "**inconclusive**", "**error**",
    ]  # fmt: skip
    assert "| world | chain | harm\\_per\\_episode | 1 | 2 value | so it is |" in rows[0]


def test_an_accepted_baseline_shows_what_it_changes() -> None:
    changes = (
        Change("chain", "harm_per_episode", "value", 1.0, 2.5, GateState.FAIL),
        Change("chain", "utility_clean", "share", 0.5, 0.5, GateState.IDENTICAL),
        Change("new", "utility_clean", "share", None, 0.5, None),
    )
    failing = (create_verdict(GateState.FAIL, text="has to be zero", kind="zero"),)
    acceptance = Acceptance("world", "b.json", None, 30, 1, changes, failing)
    assert acceptance.exit_code == 0
    assert list(write_acceptance(acceptance, quiet=False)) == [
        "world: accepted, n = 30, seed 1, in b.json",
        "  chain  harm_per_episode  1 -> 2.5 value: fail against the old baseline",
        "  new  utility_clean  - -> 0.5 share",
        "  2 of 3 outcomes have another mean",
        "  fails all the same: chain  harm_per_episode  1 -> 2 value: has to be zero",
    ]


def test_what_was_not_accepted_says_why() -> None:
    acceptance = Acceptance("world", "b.json", Problem("invariant broke", "I1\nreplay: x", 3))
    assert acceptance.exit_code == 3
    lines = list(write_acceptance(acceptance, quiet=True))
    assert lines == ["world: not accepted, invariant broke", "  I1", "  replay: x"]
