"""The long searches run when asked for by name; what searches came to is said at the end."""

from __future__ import annotations

import pytest

from tests.search.random_search import compute_failure_bound

LONG = ("twins", "search")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long searches out unless `-m` names their marker."""
    asked = config.option.markexpr
    left_out = [
        item
        for item in items
        if any(item.get_closest_marker(name) and name not in asked for name in LONG)
    ]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line a kind of search: how much was run, and what zero violations say."""
    totals: dict[str, list[int]] = {}
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, ()):
            for name, numbers in getattr(report, "user_properties", ()):
                if name.startswith("search: "):
                    total = totals.setdefault(name, [0] * len(numbers))
                    totals[name] = [a + b for a, b in zip(total, numbers, strict=True)]
    for name, (n_runs, n_faulted, n_healed, n_violations) in sorted(totals.items()):
        line = f"{name}: {n_runs} schedules, {n_faulted} faulted views"
        line += f", {n_healed} healed views" if n_healed else ""
        line += f", {n_violations} violations"
        if not n_violations and "drawn" in name:  # of an enumeration there is nothing left
            bound = compute_failure_bound(n_runs)
            line += f" (95 %: at most {bound:.1e} of such schedules fail)"
        terminalreporter.write_line(line)
