"""From a path to a checked scenario."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sim.scenario.document import Findings, MapNode, load_document
from sim.scenario.groups import ReplayGroup
from sim.scenario.notes import find_position, format_place
from sim.scenario.reader import resolve_inside, validate_model
from sim.scenario.references import check_references
from sim.scenario.schema import Scenario, create_schema
from sim.scenario.settings import Setting, apply_settings

if TYPE_CHECKING:
    from collections.abc import Sequence


# prose, and how much of the world is run, under which policies
OUTSIDE_WORLD = {
    *("title", "question", "expectation", "replications", "seed", "policies", "primary"),
    *("gates", "sweep"),
}


class LoadedScenario(NamedTuple):
    """A scenario with what a message about it needs, and its digest."""

    scenario: Scenario
    path: Path
    tree: MapNode
    companions: dict[str, Path]  # files it names, by the text that names them
    digest: str  # of everything it says and every file it names; 16 hexadecimal digits
    settings: tuple[Setting, ...] = ()  # what was changed from outside, in this order

    @property
    def name(self) -> str:
        """Name in tables and folders: the file's stem."""
        return self.path.stem

    @property
    def stream(self) -> str:
        """Name of its draws."""
        return self.scenario.stream or self.path.stem


def load_scenario(path: Path, settings: Sequence[Setting] = ()) -> LoadedScenario:
    """Read a scenario file, change what is set, and check it against the schema and itself.

    Errors: InputErrors with every refusal in file order.
    """
    return read_scenario(path, load_document(path), settings)


def read_scenario(path: Path, written: MapNode, settings: Sequence[Setting] = ()) -> LoadedScenario:
    """What a file says, already read as a tree, with every setting in it.

    Errors: InputErrors with every refusal in file order.
    """
    tree = apply_settings(written, settings)
    scenario = validate_model(tree, create_schema())
    findings = Findings()
    check_references(scenario, tree, findings)
    findings.check()
    companions = _find_companions(scenario, tree, path)
    return LoadedScenario(
        scenario,
        path,
        tree,
        companions,
        compute_scenario_digest(scenario, scenario.stream or path.stem, companions),
        tuple(settings),
    )


def _find_companions(scenario: Scenario, tree: MapNode, path: Path) -> dict[str, Path]:
    companions = {}
    for index, group in enumerate(scenario.agents):
        if not isinstance(group, ReplayGroup):
            continue
        for key, text in group.recording.model_dump(exclude_none=True).items():
            place = ("agents", index, "recording", key)
            position = find_position(tree, place)
            companions[text] = resolve_inside(path.parent, text, position, format_place(place))
    return companions


def compute_scenario_digest(scenario: Scenario, stream: str, companions: dict[str, Path]) -> str:
    """Digest of the world: what is only prose, and how much of it is run, leave it unchanged."""
    digest = hashlib.blake2b(digest_size=8)
    digest.update(scenario.model_dump_json(exclude=OUTSIDE_WORLD, exclude_none=True).encode())
    digest.update(stream.encode())
    for text in sorted(companions):
        digest.update(hashlib.blake2b(companions[text].read_bytes()).digest())
    return digest.hexdigest()
