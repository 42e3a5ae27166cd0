from __future__ import annotations

from io import StringIO
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from sim.experiment.replay import ReplayGroup
from sim.report.replay_table import OPEN_LOOP, build_reading, build_replay_report
from sim.stats.intervals import compute_wilson

if TYPE_CHECKING:
    from collections.abc import Sequence

GROUP = ReplayGroup(
    agent="bot",
    attack="phish",
    scope="task",
    attacked_runs=40,
    attack_success=20 / 40,
    attack_success_after=8 / 40,
    malicious_calls=30,
    malicious_blocked=21 / 30,
    benign_calls=50,
    benign_blocked=1 / 50,
    utility=9 / 10,
    utility_after=8 / 10,
    attack_success_after_undetermined=8 / 40,
    malicious_calls_undetermined=30,
    malicious_blocked_undetermined=21 / 30,
)
NARROW = GROUP._replace(
    scope="arguments",
    attack_success_after=2 / 40,
    malicious_blocked=28 / 30,
    benign_blocked=6 / 50,
    utility_after=5 / 10,
)
FREE = GROUP._replace(
    scope="none",
    attack_success_after=20 / 40,
    malicious_blocked=0.0,
    benign_blocked=0.0,
    utility_after=9 / 10,
)


def print_report(groups: Sequence[ReplayGroup], width: int = 110, **options: Any) -> str:
    console = Console(file=StringIO(), width=width, color_system=None)
    benign_runs = {group.agent: 10 for group in groups}
    console.print(build_replay_report(groups, benign_runs, **options))
    file = console.file
    assert isinstance(file, StringIO)
    return file.getvalue()


def get_text(printed: str) -> str:
    return " ".join(printed.split())


def test_it_shows_counts_with_their_intervals_before_and_after() -> None:
    printed = print_report([GROUP])
    assert "bot, attack phish (open loop)" in printed
    assert [line.split()[0] for line in printed.splitlines() if " of 40" in line][:2] == [
        "(recorded)",
        "task",
    ]
    for count, n in [(20, 40), (8, 40), (21, 30), (1, 50), (9, 10), (8, 10)]:
        assert f"{count} of {n} ({100 * count / n:.3g} %)" in printed
        _, low, high, _, _ = compute_wilson(count, n)
        assert low is not None
        assert high is not None
        assert f"{100 * low:.3g} to {100 * high:.3g} %" in printed


def test_it_says_that_replay_is_open_loop() -> None:
    assert OPEN_LOOP in get_text(print_report([GROUP]))


def test_quiet_leaves_the_tables_alone() -> None:
    quiet = print_report([GROUP], quiet=True)
    assert "(open loop)" in quiet
    assert "Open loop" not in quiet
    assert "Under task" not in quiet
    assert "21 of 30 (70 %)" in quiet


def test_a_zero_is_never_bare() -> None:
    zeros: dict[str, Any] = {
        "attack_success_after": 0.0,
        "benign_blocked": 0.0,
        "utility_after": 0.0,
    }
    printed = print_report([GROUP._replace(**zeros)], quiet=True)
    for n in (40, 50, 10):
        line, below = find_lines(printed, f"0 of {n} ")
        assert f"0 of {n} (" not in line
        assert f"at most {100 * (compute_wilson(0, n).high or 0):.3g} %" in below
    assert "(0 %)" not in printed


def find_lines(printed: str, text: str) -> tuple[str, str]:
    lines = printed.splitlines()
    place = next(k for k, line in enumerate(lines) if f"   {text}" in line)
    return lines[place], lines[place + 1]


def test_the_scope_that_refuses_nothing_does_so_by_construction() -> None:
    line, below = find_lines(print_report([FREE]), "0 of 30 ")
    assert "0 of 50" in line
    assert below.count("by construction") == 2


def test_undetermined_calls_stand_in_brackets_where_they_differ() -> None:
    doubtful = GROUP._replace(
        malicious_calls_undetermined=33,
        malicious_blocked_undetermined=24 / 33,
        attack_success_after_undetermined=6 / 40,
    )
    printed = print_report([doubtful])
    assert "[6 of 40 (15 %)" in printed
    assert "[24 of 33 (72.7 %)" in printed
    assert "undetermined calls counted as malicious" in printed
    same = print_report([doubtful._replace(attack_success_after_undetermined=8 / 40)])
    assert "[8 of 40" not in same
    assert "[" not in print_report([GROUP])
    assert "undetermined" not in print_report([GROUP])


def test_each_agent_and_attack_has_its_own_table_and_reading() -> None:
    groups = [
        GROUP._replace(agent=agent, attack=attack, scope=scope)
        for agent, attack, scope in product(("a", "b"), ("p", "q"), ("none", "task"))
    ]
    printed = print_report(groups)
    assert printed.count("(open loop)") == printed.count("Of the scopes judged") == 4
    assert printed.count("Open loop") == 1


def test_the_reading_names_the_narrowest_and_the_gentlest() -> None:
    assert build_reading([FREE, GROUP, NARROW], 10) == (
        "Of the scopes judged, arguments stops most: successful attacks fall from 20 to 2 of 40 "
        "attacked runs, and 28 of 30 malicious calls would be refused; finished tasks fall from 9 "
        "to 5 of 10 benign runs, and 6 of 50 benign calls would be refused. Of those that stop "
        "any, task breaks the least honest work: finished tasks fall from 9 to 8 of 10 benign "
        "runs, and 1 of 50 benign calls would be refused; successful attacks fall from 20 to 8 of "
        "40 attacked runs, and 21 of 30 malicious calls would be refused."
    )


def test_the_reading_does_not_depend_on_the_order_of_scopes() -> None:
    assert build_reading([FREE, GROUP, NARROW], 10) == build_reading([NARROW, FREE, GROUP], 10)


def test_the_reading_of_one_scope_compares_nothing() -> None:
    assert build_reading([GROUP], 10).startswith("Under task, successful attacks fall from 20 to 8")


def test_the_reading_says_when_the_strictest_is_also_the_gentlest() -> None:
    text = build_reading([FREE, GROUP], 10)
    assert text.endswith("No other scope that stops an attack breaks less.")


def test_the_reading_claims_no_stop_where_there_is_none() -> None:
    useless = FREE._replace(scope="role", malicious_blocked=1 / 30)
    text = build_reading([FREE, useless], 10)
    assert text.startswith(
        "No scope judged here stops an attack. role refuses most: successful attacks stay at 20 "
        "of 40 attacked runs, and 1 of 30 malicious calls would be refused; finished tasks stay "
        "at 9 of 10 benign runs, and none of 50 benign calls would be refused."
    )


NO_SUCCESS: dict[str, Any] = {
    "attacked_runs": None,
    "attack_success": None,
    "attack_success_after": None,
    "attack_success_after_undetermined": None,
}
NO_MALICE: dict[str, Any] = {
    "malicious_calls": None,
    "malicious_blocked": None,
    "malicious_calls_undetermined": None,
    "malicious_blocked_undetermined": None,
}


@pytest.mark.parametrize(
    ("group", "words"),
    [
        (
            GROUP._replace(attack="none", **NO_SUCCESS, **NO_MALICE),
            ["bot, no attack", "known to be malicious", "Under task, finished tasks fall"],
        ),
        (
            GROUP._replace(attack=None, utility=None, utility_after=None, **NO_SUCCESS),
            ["bot, attacks unknown", "Nothing says which runs", "Under task, 21 of 30 malicious"],
        ),
        (
            GROUP._replace(benign_calls=0, benign_blocked=None),
            ["there is no benign call to refuse"],
        ),
    ],
)
def test_what_is_not_known_is_a_dash_and_said(group: ReplayGroup, words: list[str]) -> None:
    printed = get_text(print_report([group]))
    assert " - " in printed
    assert all(word in printed for word in words)
    assert "None" not in printed


def test_a_name_moves_no_cursor_and_is_no_markup() -> None:
    printed = print_report([GROUP._replace(agent="\x1b[2J", attack="[bold]x[/bold]")])
    assert "\x1b" not in printed
    assert "[bold]x[/bold]" in printed


def test_it_fits_a_terminal_of_eighty_columns() -> None:
    printed = print_report([FREE, GROUP, NARROW], width=80)
    assert max(len(line) for line in printed.splitlines()) <= 80
    assert "…" not in printed
