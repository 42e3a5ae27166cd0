from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from sim.core.reasons import PENDING, Reason
from sim.experiment.explain import Explanation
from sim.ledger.explain import Check
from sim.report.explanation_columns import (
    create_coloured_heading,
    create_columns_heading,
    create_columns_table,
    create_document,
)

NEVER = Explanation("late", "w/0/0/0", "", None, False, 0.0, 0.0, [])
DENIED = Check(Reason.CAPABILITY_DENIED, True, True, True, "wipe", "look")
PASSED = Check(Reason.BAD_SIGNATURE, False, False, False, "key 0", "key 0")


def create(policy: str, code: int, *checks: Check) -> Explanation:
    return Explanation(policy, "w/0/0/0", "wipe", code, True, 1.25, 2.5, list(checks))


REFUSED = create("gateway", int(Reason.CAPABILITY_DENIED), PASSED, DENIED)
EXECUTED = create("open", 0, PASSED, DENIED._replace(binds=False))
WAITING = create("slow", PENDING)


def render(printed: Any, **options: Any) -> str:
    file = StringIO()
    Console(file=file, width=160, **options).print(printed)
    return file.getvalue()


def test_a_row_for_each_check_and_a_column_for_each_policy() -> None:
    text = render(create_columns_table([NEVER, REFUSED, EXECUTED, WAITING]))
    lines = {line.split("  ")[0]: line for line in text.splitlines()}
    header, verdict = text.splitlines()[:2]
    assert header.split() == ["late", "gateway", "open", "slow"]
    assert "never made" in verdict
    assert "refused: CAPABILITY_DENIED" in verdict
    assert "pending at the horizon" in verdict
    assert lines["BAD_SIGNATURE"].split().count("-") == 2  # never made, and not decided
    assert "FAILS, and decides" in lines["CAPABILITY_DENIED"]
    assert "fails, but does not bind" in lines["CAPABILITY_DENIED"]
    assert text.count("required wipe") == 2
    assert text.index("\nBAD_SIGNATURE") < text.index("\nCAPABILITY_DENIED")


def test_the_heading_is_that_of_a_policy_under_which_the_call_was_made() -> None:
    assert create_columns_heading([NEVER, EXECUTED]) == "w/0/0/0 called wipe"


@pytest.mark.parametrize(
    ("explanation", "colour"), [(REFUSED, "31"), (EXECUTED, "32"), (WAITING, "33")]
)
def test_a_verdict_has_its_colour_on_a_terminal_that_has_any(
    explanation: Explanation, colour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = {"force_terminal": True, "color_system": "standard", "no_color": False}
    for printed in (create_coloured_heading(explanation), create_columns_table([explanation])):
        assert f"{colour}m{explanation.verdict}" in render(printed, **shown)
        assert "\x1b" not in render(printed)  # not a terminal
        assert f"{colour}m" not in render(printed, **(shown | {"no_color": True}))


def test_a_document_says_null_for_what_is_not_known() -> None:
    document = create_document([NEVER, REFUSED, WAITING])
    assert (document["call"], document["operation"]) == ("w/0/0/0", "wipe")
    never, refused, waiting = document["policies"]
    assert (never["verdict"], never["submitted_s"], never["final_s"]) == ("never made", None, None)
    assert (waiting["verdict"], waiting["submitted_s"], waiting["final_s"]) == (
        "pending",
        1.25,
        None,
    )
    assert (refused["reason"], refused["final_s"]) == ("CAPABILITY_DENIED", 2.5)
    assert refused["checks"][1] == {
        "name": "CAPABILITY_DENIED",
        "outcome": "fails",
        "binding": True,
        "seen": True,
        "decides": True,
        "required": "wipe",
        "held": "look",
        "text": "FAILS, and decides",
    }
