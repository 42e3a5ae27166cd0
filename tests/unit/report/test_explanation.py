from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from sim.core.reasons import PENDING, PROSE, Reason
from sim.experiment.explain import Explanation
from sim.ledger.explain import Check
from sim.report.explanation import create_checks_table, create_heading

HOSTILE = ["[red]evil[/red]", "[bold", "[/]", "a:smile:b", "[link=https://x.example]y[/link]"]


def create_explanation(code: int | None = 0, **changes: Any) -> Explanation:
    fields: dict[str, Any] = {
        "policy": "gateway",
        "call": "worker-0/1/2/0",
        "operation": "wipe",
        "code": code,
        "mediated": True,
        "submitted_s": 1.25,
        "final_s": 2.5,
        "checks": [],
    }
    return Explanation(**(fields | changes))


def create_check(
    reason: Reason = Reason.CAPABILITY_DENIED,
    *,
    binds: bool = True,
    fails: bool = False,
    seen: bool | None = None,
    required: str = "wipe",
    held: str = "look",
) -> Check:
    return Check(reason, binds, fails, fails if seen is None else seen, required, held)


def render(explanation: Explanation, width: int = 160) -> str:
    """As it is printed, but with markup allowed: nothing may depend on its being off."""
    file = StringIO()
    console = Console(file=file, width=width, color_system=None, emoji=True, markup=True)
    console.print(create_checks_table(explanation))
    return file.getvalue()


def read_verdict(check: Check, code: int = 0) -> str:
    (line,) = render(create_explanation(code, checks=[check])).splitlines()[1:]
    return line[len(check.reason.name) :].split("  ")[1].strip()


def test_an_executed_call_says_who_what_when_and_when_it_was_final() -> None:
    heading = create_heading(create_explanation())
    assert heading == (
        "gateway: worker-0/1/2/0 called wipe at 1.250 s, through the enforcement point: "
        "executed, final at 2.500 s"
    )


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.APPLIED])
def test_a_refusal_comes_with_its_reason_in_words(reason: Reason) -> None:
    heading = create_heading(create_explanation(int(reason)))
    assert f"refused: {reason.name} ({PROSE[reason]})" in heading
    assert heading.endswith("final at 2.500 s")


def test_a_pending_call_has_no_final_time() -> None:
    heading = create_heading(create_explanation(PENDING))
    assert heading.endswith("pending at the horizon")
    assert "final" not in heading


def test_a_call_that_was_never_made_is_told_in_a_line() -> None:
    heading = create_heading(create_explanation(None, operation=""))
    assert heading == "gateway: the call was never made"


def test_a_path_round_the_enforcement_point_is_said() -> None:
    assert "round it: executed" in create_heading(create_explanation(mediated=False))


@pytest.mark.parametrize(
    ("check", "code", "verdict"),
    [
        (create_check(), 0, "passes"),
        (create_check(binds=False), 0, "passes (not binding)"),
        (create_check(fails=True), 13, "FAILS, and decides"),
        (create_check(fails=True), 3, "fails"),
        (create_check(fails=True, binds=False), 0, "fails, but does not bind"),
        (create_check(fails=True, seen=False), 0, "fails, unseen here"),
        (create_check(fails=False, seen=True), 12, "refused on somebody's word"),
    ],
)
def test_each_verdict_has_its_words(check: Check, code: int, verdict: str) -> None:
    assert read_verdict(check, code) == verdict


def test_checks_stand_in_their_order_with_what_was_required_and_held() -> None:
    checks = [
        create_check(Reason.BAD_SIGNATURE, required="key 0", held="key 1", fails=True),
        create_check(Reason.RATE_LIMITED, required="1 token", held="0.20 tokens"),
    ]
    lines = render(create_explanation(3, checks=checks)).splitlines()
    assert lines[0].split() == ["check", "verdict", "required", "held"]
    assert lines[1].split("  ")[0] == "BAD_SIGNATURE"
    assert "key 0" in lines[1]
    assert "key 1" in lines[1]
    assert lines[2].startswith("RATE_LIMITED")
    assert len(lines) == 3


@pytest.mark.parametrize("name", HOSTILE)
def test_names_in_markup_are_text_in_the_table(name: str) -> None:
    checks = [create_check(required=name, held=f"look, {name}")]
    text = render(create_explanation(checks=checks))
    assert text.count(name) == 2


@pytest.mark.parametrize("name", HOSTILE)
def test_names_in_markup_are_text_in_the_heading(name: str) -> None:
    heading = create_heading(create_explanation(policy=name, call=f"{name}/0/0/0", operation=name))
    assert heading.count(name) == 3


def test_the_name_of_a_check_is_whole_in_a_narrow_terminal() -> None:
    check = create_check(
        Reason.INSUFFICIENT_REPUTATION, required="a long word " * 9, held="x " * 40
    )
    lines = render(create_explanation(checks=[check]), width=80).splitlines()
    assert "INSUFFICIENT_REPUTATION" in lines[1]
    assert max(map(len, lines)) <= 80
