"""A finished search on disk: every trial, the judgement, and the worst attackers as settings."""

from __future__ import annotations

import hashlib
import shlex
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.experiment.attack import DEFAULT
from sim.experiment.cells import compute_code_digest
from sim.scenario.policies import compute_policy_digest
from sim.trace.store import create_folder, seal, write_bytes, write_table

if TYPE_CHECKING:
    from pathlib import Path

    from sim.experiment.attack import AttackResult, Judged, Plan, PolicyAttack
    from sim.experiment.attack_search import Settings

TRIALS = "trials.parquet"
HOLDOUT = "holdout.parquet"


def write_attack(result: AttackResult, out: Path) -> Path:
    """Write a search whole or not at all; return its folder.

    Errors: StorageError if the disk refuses; what stood there before then still does.
    """
    facts = describe_plan(result.plan)
    final = out / get_folder_name(result.plan, facts)
    temporary = final.with_name(f"{final.name}.tmp")
    create_folder(temporary)
    write_table(temporary / TRIALS, create_trials(result))
    write_table(temporary / HOLDOUT, create_holdout(result))
    for name, attack in result.attacks.items():
        lines = [f"{format_set(setting)}\n" for setting in attack.found.trial.settings]
        write_bytes(temporary / f"worst-{name}.txt", "".join(lines).encode())
    found = {
        name: [str(setting) for setting in attack.found.trial.settings]
        for name, attack in result.attacks.items()
    }
    seal(temporary, final, {**facts, "found": found})
    return final


def describe_plan(plan: Plan) -> dict[str, Any]:
    """Every input of a search."""
    return {
        "scenario": plan.loaded.name,
        "scenario_digest": plan.loaded.digest,
        "settings": [str(setting) for setting in plan.loaded.settings],
        "policies": {name: compute_policy_digest(policy) for name, policy in plan.policies.items()},
        "outcome": plan.outcome.name,
        "factors": [str(factor) for factor in plan.factors],
        "seed": plan.seed,
        "holdout_seed": plan.holdout_seed,
        "trials": plan.trials,
        "replications": plan.replications,
        "holdout": plan.holdout,
        "optuna": version("optuna"),
        "version": version("ambit-sim"),
        "code": compute_code_digest(),
    }


def get_folder_name(plan: Plan, facts: dict[str, Any]) -> str:
    """Folder of a search: another one for every other input."""
    digest = hashlib.blake2b(repr(sorted(facts.items())).encode(), digest_size=8).hexdigest()
    return f"attack-{plan.loaded.name}-{plan.loaded.digest}-{digest}"


def format_set(setting: object) -> str:
    """A setting as `sim run` takes it."""
    return f"--set {shlex.quote(str(setting))}"


def create_trials(result: AttackResult) -> dict[str, Any]:
    """A row for each trial: what was set, and what the outcome came to on the search's draws.

    Trial -1 is the scenario's own attacker, in which nothing is set; an outcome without a number
    is null.
    """
    rows = [
        (name, trial)
        for name, attack in result.attacks.items()
        for found in attack.searches
        for trial in found.trials
    ]
    sign = result.plan.sign
    columns: dict[str, Any] = {
        "policy": [name for name, _ in rows],
        "sampler": [str(trial.sampler) for _, trial in rows],
        "trial": np.array([trial.number for _, trial in rows], dtype=np.int64),
        "outcome": [None if t.score is None else sign * t.score for _, t in rows],
    }
    for factor in result.plan.factors:
        columns[factor.path] = [_get_text(trial.settings, factor.path) for _, trial in rows]
    return columns


def _get_text(settings: Settings, path: str) -> str | None:
    return next((setting.text for setting in settings if setting.path == path), None)


def create_holdout(result: AttackResult) -> dict[str, Any]:
    """A row for each attacker that was judged and each replication of the holdout."""
    rows = [
        (name, attacker, replication, value)
        for name, attack in result.attacks.items()
        for attacker, judged in list_judged(attack).items()
        for replication, value in enumerate(judged.values)
    ]
    return {
        "policy": [row[0] for row in rows],
        "attacker": [row[1] for row in rows],
        "replication": np.array([row[2] for row in rows], dtype=np.int64),
        "num": np.array([row[3].num for row in rows]),
        "den": np.array([row[3].den for row in rows]),
        "null_reason": [row[3].reason.value if row[3].reason else "" for row in rows],
    }


def list_judged(attack: PolicyAttack) -> dict[str, Judged]:
    """The scenario's own attacker, then the worst of each sampler."""
    return {DEFAULT: attack.default, **attack.worst}
