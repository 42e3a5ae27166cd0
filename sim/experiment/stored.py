"""A finished run read from its folder: the same numbers as when it was run, without a world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.core.errors import InputError, Position, StorageError, find_nearest
from sim.experiment.cell_store import read_values
from sim.experiment.cells import compute_code_digest
from sim.experiment.pairing import check_synchronised
from sim.experiment.run import RunResult, create_result
from sim.metrics.outcomes import get_outcomes
from sim.scenario.load import load_scenario
from sim.scenario.policies import compute_policy_digest, create_policies
from sim.scenario.settings import Setting, parse_setting
from sim.trace.store import MANIFEST, load_manifest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sim.policies.base import Policy
    from sim.scenario.load import LoadedScenario

NEEDED = (
    *("policy", "policy_digest", "scenario_file", "seed", "replications"),
    *("digests", "exogenous", "code"),
)


def load_run(folder: Path, policies: Sequence[str] = (), seed: int | None = None) -> RunResult:
    """The run that `sim run` wrote into a folder, every file checked against its manifest.

    Policies come in the scenario's order, over the replications that all of them have. Without a
    seed, the scenario's own is meant, or the only one there is.
    Errors: InputError for no result, an unknown policy or seed, or levers this version lacks;
    StorageError for a file that is not what was written; InvariantError if policies did not
    face the same world.
    """
    found = find_manifests(folder)
    loaded = load_scenario(folder / str(found[0]["scenario_file"]), get_settings(found[0]))
    seed = _choose_seed(folder, found, loaded.scenario.seed if seed is None else seed, seed is None)
    chosen = _choose_code(folder, [facts for facts in found if facts["seed"] == seed])
    listed = _create_policies(folder, loaded, chosen, policies)
    replications = min(int(chosen[name]["replications"]) for name in listed)
    check_synchronised({name: _get_exogenous(chosen[name]) for name in listed}, seed)
    return create_result(
        loaded,
        listed,
        seed,
        replications,
        arms={
            name: read_values(get_cells(chosen[name]), replications, list(get_outcomes()))
            for name in listed
        },
        digests={
            name: [bytes.fromhex(text) for text in chosen[name]["digests"]][:replications]
            for name in listed
        },
        folder=folder,
    )


def _get_exogenous(facts: dict[str, Any]) -> list[bytes]:
    return [bytes.fromhex(text) for text in facts["exogenous"]]


def get_settings(facts: dict[str, Any]) -> list[Setting]:
    """What had been changed in the scenario that a result is of."""
    return [parse_setting(text) for text in facts.get("settings", ())]


def find_manifests(folder: Path) -> list[dict[str, Any]]:
    """Manifest of each result in a folder, with its own `folder` beside what was written.

    Errors: InputError where there is none; StorageError for one that is damaged.
    """
    found = []
    for path in sorted(folder.glob(f"*/{MANIFEST}")):
        facts = load_manifest(path.parent)
        missing = [name for name in NEEDED if name not in facts]
        if missing:
            raise StorageError(str(path), f"does not say {', '.join(missing)}")
        found.append({**facts, "folder": path.parent})
        for cell in get_cells(found[-1]):
            load_manifest(cell)
    if not found:
        raise InputError(Position(str(folder)), "RESULT", "no finished result in this folder")
    return found


def get_cells(facts: dict[str, Any]) -> list[Path]:
    """Folders of the cells that a policy's result consists of, in order of replications."""
    folder: Path = facts["folder"]
    return [(folder / name).parent for name in sorted(facts["files"])]


def find_table_files(folder: Path, table: str) -> list[Path]:
    """Files of one table of a policy's result, in order of replications.

    Only of the cells that its manifest names: a folder may hold more, of a longer run.
    Errors: StorageError if the manifest is damaged.
    """
    cells = get_cells({**load_manifest(folder), "folder": folder})
    return [path for cell in cells for path in sorted(cell.glob(f"{table}-*.parquet"))]


def list_tables(folder: Path) -> list[str]:
    """Names of the tables that a policy's result has."""
    cells = get_cells({**load_manifest(folder), "folder": folder})
    paths = [path for cell in cells for path in cell.glob("*.parquet")]
    return sorted({path.stem.rpartition("-")[0] for path in paths})


def _choose_seed(folder: Path, found: list[dict[str, Any]], seed: int, is_default: bool) -> int:
    seeds = sorted({int(facts["seed"]) for facts in found})
    if seed in seeds:
        return seed
    if is_default and len(seeds) == 1:
        return seeds[0]
    problem = f"no result with seed {seed} here, there are: {', '.join(map(str, seeds))}"
    raise InputError(Position(str(folder)), "seed", problem)


def _choose_code(folder: Path, found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """One manifest for each policy: of this code if there is one, else of the only other."""
    current = [facts for facts in found if facts["code"] == compute_code_digest()]
    chosen: dict[str, dict[str, Any]] = {}
    for facts in current or found:
        name = str(facts["policy"])
        if name in chosen:
            problem = f"several results of {name!r}, by other code or with other levers"
            raise InputError(Position(str(folder)), "RESULT", problem)
        chosen[name] = facts
    return chosen


def _create_policies(
    folder: Path,
    loaded: LoadedScenario,
    chosen: dict[str, dict[str, Any]],
    names: Sequence[str],
) -> dict[str, Policy]:
    where = Position(str(folder))
    for name in names:
        if name not in chosen:
            nearest = find_nearest(name, chosen)
            raise InputError(where, "--policy", f"no result of {name!r} here", nearest)
    listed = {name: policy for name, policy in create_policies(loaded).items() if name in chosen}
    if others := [name for name in chosen if name not in listed]:
        listed |= create_policies(loaded, others)
    wanted = {name: listed[name] for name in listed if name in (names or chosen)}
    for name, policy in wanted.items():
        if compute_policy_digest(policy) != chosen[name]["policy_digest"]:
            raise InputError(where, name, "was run with levers that this version does not have")
    return wanted
