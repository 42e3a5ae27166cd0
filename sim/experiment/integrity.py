"""The files of a result, each against the manifest that lists it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sim.core.errors import InputError, Position, StorageError
from sim.experiment.cell_store import CELL, StoredCell, check_cell, find_cells
from sim.experiment.run import SOURCES
from sim.experiment.sweep import SWEEP
from sim.trace.store import MANIFEST, TEMPORARY, check_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CELLS_OF_SWEEP = "cells"


class IntactCell(NamedTuple):
    """A cell whose every byte is what was written, with the facts in its manifest."""

    stored: StoredCell
    facts: dict[str, Any]


class Family(NamedTuple):
    """Cells of one policy; facts of its manifest, or none where cells stand for themselves."""

    folder: Path
    facts: dict[str, Any]
    cells: list[IntactCell]


class Inventory(NamedTuple):
    """What a result consists of, and what of it is not what was written."""

    folder: Path
    families: list[Family]
    damaged: list[StorageError]
    n_files: int  # that were looked at


def take_inventory(folder: Path) -> Inventory:
    """Every file of a run or sweep, read once and compared with what lists it.

    Errors: InputError for a folder that is no result.
    """
    is_sweep = (folder / CELLS_OF_SWEEP).is_dir()
    folders = list(_find_families(folder / CELLS_OF_SWEEP if is_sweep else folder))
    if not folders:
        problem = "no result here: name the folder that `sim run` or `sim sweep` named"
        raise InputError(Position(str(folder)), "RESULT", problem)
    inspection = _Inspection()
    inspection.look_at(folder, SOURCES)
    for design in sorted(folder.glob(f"*/{SWEEP}")):
        inspection.look_at(design.parent, SWEEP)
    families = [inspection.look_at_family(path, has_manifest=not is_sweep) for path in folders]
    return Inventory(folder, families, inspection.damaged, inspection.n_files)


def _find_families(folder: Path) -> Iterator[Path]:
    """Folders of cells, the unfinished among them."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        is_family = path.is_dir() and not CELL.fullmatch(path.name) and TEMPORARY not in path.name
        if is_family and ((path / MANIFEST).is_file() or find_cells(path)):
            yield path


class _Inspection:
    """Collects damage instead of stopping at the first."""

    def __init__(self) -> None:
        self.damaged: list[StorageError] = []
        self.n_files = 0

    def look_at(self, folder: Path, name: str) -> dict[str, Any]:
        """Facts of a manifest; empty if it is damaged itself."""
        try:
            facts, damaged = check_files(folder, name)
        except StorageError as error:
            self.damaged.append(error)
            return {}
        self.damaged += damaged
        self.n_files += 1 + len(facts["files"])
        return facts

    def look_at_family(self, folder: Path, *, has_manifest: bool) -> Family:
        """A policy's cells, those of them that are whole."""
        facts = self.look_at(folder, MANIFEST) if has_manifest else {}
        cells = []
        for cell in find_cells(folder).values():
            n_damaged = len(self.damaged)
            if cell.path.is_dir():
                self.look_at(cell.path, MANIFEST)
                self._find_strangers(cell.path)
            else:
                self.n_files += 1
            if len(self.damaged) > n_damaged:
                continue
            try:
                cells.append(IntactCell(cell, check_cell(cell)))
            except StorageError as error:
                self.damaged.append(error)
        return Family(folder, facts, cells)

    def _find_strangers(self, folder: Path) -> None:
        """A table that was put beside the others would be read with them."""
        try:
            listed = {*check_files(folder)[0]["files"], MANIFEST}
        except StorageError:
            return  # told already
        self.damaged += [
            StorageError(str(path), "is in no manifest")
            for path in sorted(folder.iterdir())
            if path.name not in listed
        ]
