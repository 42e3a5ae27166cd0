"""The policies a scenario compares, as settings of levers."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from sim.core.errors import InputError, Position, find_nearest
from sim.core.records import Effect
from sim.policies.registry import load_policies
from sim.scenario.document import ListNode, ScalarNode
from sim.scenario.levers import PolicyEntry
from sim.scenario.reader import validate_model
from sim.scenario.settings import apply_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sim.policies.base import Policy
    from sim.scenario.load import LoadedScenario
    from sim.scenario.settings import Setting

FIELDS = {
    "mediation": "mediation_ppm",
    "anchor_every": "anchor_blocks",
    "revocation_lag": "revocation_lag_us",
    "commit_delay": "commit_delay_us",
    "window": "window_us",
    "offer": "offer_us",
    "escrow_fee": "escrow_fee_ppm",
    "verdict": "verdict_us",
    "audit": "audit_ppm",
    "slash_rate": "slash_rate_ppm",
    "slash_harm": "slash_harm_ppm",
    "epoch": "epoch_us",
    "reputation_min": "reputation_ppm_min",
    "newcomer": "newcomer_ppm",
}
EFFECTS = {"read": Effect.READ, "write": Effect.WRITE, "destructive": Effect.DESTRUCTIVE}


def create_policies(loaded: LoadedScenario, names: Sequence[str] = ()) -> dict[str, Policy]:
    """Policies by name in the scenario's order; only some of them if names are given.

    A name of a preset that the scenario does not list may be asked for too.
    Errors: InputError for an unknown name.
    """
    return _choose(loaded, loaded.scenario.policies, names)


def change_policies(
    loaded: LoadedScenario, settings: Sequence[Setting], names: Sequence[str] = ()
) -> dict[str, Policy]:
    """Policies with some of their levers changed; the rest of the file is not read again.

    Errors: InputErrors for a lever that cannot be so; InputError for an unknown name.
    """
    listed = apply_settings(loaded.tree, settings).entries["policies"][1]
    items = listed.items if isinstance(listed, ListNode) else []
    entries = [
        item.text if isinstance(item, ScalarNode) else validate_model(item, PolicyEntry)
        for item in items
    ]
    return _choose(loaded, entries, names)


def _choose(
    loaded: LoadedScenario, entries: Iterable[str | PolicyEntry], names: Sequence[str]
) -> dict[str, Policy]:
    presets = load_policies()
    listed: dict[str, Policy] = {}
    for entry in entries:
        if isinstance(entry, PolicyEntry):
            listed[entry.name] = create_policy(entry, presets[entry.preset])
        else:
            listed[entry] = presets[entry]
    if not names:
        return listed
    known = {**presets, **listed}
    for name in names:
        if name not in known:
            where = Position(str(loaded.path))
            problem = f"unknown policy {name!r}"
            raise InputError(where, "--policy", problem, find_nearest(name, known))
    return {name: known[name] for name in dict.fromkeys(names)}


def create_policy(entry: PolicyEntry, preset: Policy) -> Policy:
    """A preset with the levers of an entry."""
    levers: dict[str, Any] = {
        FIELDS.get(name, name): value
        for name, value in entry.model_dump(exclude={"name", "preset"}).items()
        if value is not None
    }
    if "approval" in levers:
        levers["approval"] = tuple(EFFECTS[name] for name in levers["approval"])
    return replace(preset, name=entry.name, **levers)


def compute_policy_digest(policy: Policy) -> str:
    """Digest of all levers; the name is only a label. 16 hexadecimal digits."""
    levers = {name: value for name, value in asdict(policy).items() if name != "name"}
    text = "\n".join(f"{name}={value!s}" for name, value in sorted(levers.items()))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
