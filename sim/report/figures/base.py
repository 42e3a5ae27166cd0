"""What a figure is: everything it shows as rows, in words, and where the rows come from."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, NamedTuple

from sim.report.figures.style import Shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from sim.experiment.tables import StoredResult
    from sim.report.figures.style import Sheet

Cell = str | float | int  # "" where there is none
Row = tuple[Cell, ...]


class FigureData(NamedTuple):
    """A figure before it is drawn."""

    name: str  # also of its CSV file
    title: str  # what one sees, as a sentence
    caption: str  # how to read it: n, intervals, assumptions
    alt: str  # the same picture in words, with its main numbers
    columns: tuple[str, ...]
    rows: list[Row]  # everything drawn
    source: str  # result, policies, seed and replication the rows come from
    policies: tuple[Shown, ...] = ()  # all of the result, in order, drawn or not

    def get_column(self, name: str) -> list[Cell]:
        """One column of all rows."""
        place = self.columns.index(name)
        return [row[place] for row in self.rows]

    def get_records(self) -> list[dict[str, Cell]]:
        """Rows with their columns' names."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


class Maker(NamedTuple):
    """How one figure comes about."""

    summary: str
    has_data: Callable[[StoredResult], bool]
    create: Callable[[StoredResult], FigureData]
    draw: Callable[[Figure, FigureData, Sheet], None]


def create_csv(data: FigureData) -> str:
    """Rows of a figure as RFC 4180 text, numbers as Python reads them back unchanged.

    Text that a spreadsheet would take for a formula gets a quote in front.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(data.columns)
    writer.writerows([[_defuse(cell) for cell in row] for row in data.rows])
    return text.getvalue()


def _defuse(cell: Cell) -> Cell:
    is_formula = isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{cell}" if is_formula else cell


def get_shown(result: StoredResult) -> tuple[Shown, ...]:
    """Policies of a result in order, each with the preset it starts from."""
    presets = {
        getattr(entry, "name", entry): getattr(entry, "preset", entry)
        for entry in result.run.loaded.scenario.policies
    }
    return tuple(
        Shown(name, str(presets.get(name, name)), policy.is_bound)
        for name, policy in result.run.policies.items()
    )


def describe_source(result: StoredResult, table: str, replication: int | None = None) -> str:
    """Which result, table, seed and replications rows come from, as one line."""
    run = result.run
    which = (
        f"replications 0 to {run.replications - 1}"
        if replication is None
        else f"replication {replication}"
    )
    return (
        f"{run.loaded.name}-{run.loaded.digest}: {table} of {', '.join(result.policies)}; "
        f"seed {run.seed}, {which}; digest {run.digest}"
    )
