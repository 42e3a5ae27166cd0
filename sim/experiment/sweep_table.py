"""The table of a sweep: point x policy x outcome, read from the cells, written as it goes."""

from __future__ import annotations

import csv
import os
from array import array
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from sim.core.errors import StorageError
from sim.experiment.design import get_column
from sim.experiment.sensitivity import compute_error_variance
from sim.metrics.outcomes import get_outcomes
from sim.trace.store import get_temporary, sync_folder

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from sim.experiment.comparison import Estimate, Values
    from sim.experiment.design import Design, Point

GROUP_ROWS = 10_000  # of the table in one group of the Parquet file
FAILED = "failed"  # null reason of a cell that has no result
FIGURES = {
    "unit": pa.string(),
    "mean": pa.float64(),
    "low": pa.float64(),
    "high": pa.float64(),
    "n": pa.int64(),
    "interval": pa.string(),
    "null_reason": pa.string(),
}


class TableWriter:
    """`table.parquet` and `table.csv`, under their names once both are whole."""

    def __init__(self, folder: Path, design: Design) -> None:
        self.columns = [get_column(factor) for factor in design.factors]
        kinds = {"point": pa.string()}
        for (name, read), factor in zip(self.columns, design.factors, strict=True):
            is_text = isinstance(read(factor.get_text(0.0)), str)
            kinds[name] = pa.string() if is_text else pa.float64()
        kinds |= {"policy": pa.string(), "outcome": pa.string(), **FIGURES}
        self.schema = pa.schema(list(kinds.items()))
        self.finals = [folder / "table.parquet", folder / "table.csv"]
        self.temporaries = [get_temporary(path) for path in self.finals]
        self.rows: list[dict[str, Any]] = []
        self.stack = ExitStack()

    def __enter__(self) -> TableWriter:
        """Open both files.

        Errors: StorageError if the disk refuses.
        """
        try:
            self.sink = self.stack.enter_context(self.temporaries[0].open("wb"))
            self.text = self.stack.enter_context(
                self.temporaries[1].open("w", encoding="utf-8", newline="")
            )
        except OSError as error:
            raise _refuse(self.temporaries[0], error) from error
        self.parquet = pq.ParquetWriter(
            self.sink, self.schema, compression="zstd", write_statistics=False
        )
        self.csv = csv.DictWriter(self.text, self.schema.names, lineterminator="\n")
        self.csv.writeheader()
        return self

    def add(
        self, point: Point, digest: str, policy: str, estimates: dict[str, Estimate | None]
    ) -> None:
        """The rows of one policy at one point; None for an outcome of a cell that failed.

        Errors: StorageError if the disk refuses.
        """
        start: dict[str, Any] = {"point": digest}
        for (name, read), setting in zip(self.columns, point.settings, strict=True):
            start[name] = read(setting.text)
        for outcome, estimate in estimates.items():
            figures = create_figures(estimate)
            self.rows.append({**start, "policy": policy, "outcome": outcome, **figures})
        if len(self.rows) >= GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        try:
            self.parquet.write_table(pa.Table.from_pylist(self.rows, self.schema))
            self.csv.writerows(self.rows)
        except OSError as error:
            raise _refuse(self.finals[0], error) from error
        self.rows = []

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Flush and rename, or drop what is not whole.

        Errors: StorageError if the disk refuses; the old tables then stand.
        """
        try:
            if kind is None:
                self._finish()
        except OSError as refusal:
            raise _refuse(self.finals[0], refusal) from refusal
        finally:
            self.stack.close()
            for path in self.temporaries:
                path.unlink(missing_ok=True)

    def _finish(self) -> None:
        self._flush()
        self.parquet.close()
        for file in (self.sink, self.text):
            file.flush()
            os.fsync(file.fileno())
        self.stack.close()
        for temporary, final in zip(self.temporaries, self.finals, strict=True):
            os.replace(temporary, final)
        sync_folder(self.finals[0].parent)


def _refuse(path: Path, error: OSError) -> StorageError:
    return StorageError(str(path), f"cannot be written: {error.strerror or error}")


def create_figures(estimate: Estimate | None) -> dict[str, Any]:
    """What a row says of one outcome."""
    if estimate is None:
        return dict.fromkeys(FIGURES) | {"unit": "", "n": 0, "interval": "", "null_reason": FAILED}
    interval = estimate.interval
    return {
        "unit": estimate.unit,
        "mean": interval.mean if interval else None,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "n": estimate.n,
        "interval": interval.method.value if interval else "",
        "null_reason": estimate.reason.value if estimate.reason else "",
    }


class Surfaces:
    """Each outcome of each policy over the points, with the variance of its error."""

    def __init__(self) -> None:
        self.means: dict[tuple[str, str], array[float]] = {}
        self.error_variances: dict[tuple[str, str], array[float]] = {}

    def add(
        self, policy: str, estimates: dict[str, Estimate | None], values: Values | None
    ) -> None:
        """One more point; NaN where an outcome has no number there, or the cell failed."""
        for outcome in get_outcomes():
            key = policy, outcome
            estimate = estimates[outcome]
            interval = estimate.interval if estimate else None
            mean = interval.mean if interval else float("nan")
            variance = compute_error_variance(values[outcome]) if values and interval else 0.0
            self.means.setdefault(key, array("d")).append(mean)
            self.error_variances.setdefault(key, array("d")).append(variance)
