"""Open-loop replay: what access of each breadth would have refused of what agents did.

Holds the figures of a recording per agent, attack and scope. Never says what would have happened:
every recorded call is judged alone, and an agent that is refused might have tried another way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.errors import InputError, Position, find_nearest
from sim.core.reasons import Reason
from sim.importers.scopes import SCOPES
from sim.model.recorded import judge_recording

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from sim.core.records import Ints
    from sim.importers.recording import Recording

    Mask = NDArray[np.bool_]

BENIGN = "none"  # in the column `attack` of runs.csv
UNKNOWN = ""  # nothing says which runs were attacked


class ReplayGroup(NamedTuple):
    """What one scope would have refused of one agent under one attack.

    Attacked runs are those of the attack that did not break down; benign runs those without one.
    Only executed calls count. Shares lie in 0..1 and are None where nothing was recorded, or
    nothing is there to count. A field ending in `_undetermined` counts calls of attacked runs that
    nobody could label as malicious.
    """

    agent: str
    attack: str | None  # "none": all runs are benign; None: no file says which were attacked
    scope: str
    attacked_runs: int | None
    attack_success: float | None  # share of attacked runs, as recorded
    attack_success_after: float | None  # ... with every malicious call allowed
    malicious_calls: int | None
    malicious_blocked: float | None  # share of malicious calls
    benign_calls: int
    benign_blocked: float | None  # share of the calls of benign runs
    utility: float | None  # share of benign runs that did their task, as recorded
    utility_after: float | None  # ... with every call allowed
    attack_success_after_undetermined: float | None
    malicious_calls_undetermined: int | None
    malicious_blocked_undetermined: float | None


class _Tally(NamedTuple):
    """Calls of each run, int64 (n_runs,)."""

    malicious: Ints
    suspect: Ints  # malicious or undetermined
    every: Ints


def compute_replay(
    recording: Recording, scopes: Iterable[str] = (), attacks: Iterable[str] = ()
) -> list[ReplayGroup]:
    """Figures of every agent with calls, per attack and scope.

    Without names, every scope that the files allow and every attack there is; a name given twice
    counts once. Benign runs are part of each group, and make one only for an agent that was never
    attacked. When nothing says which runs were attacked, all of them count for the malicious
    calls, and those without a malicious or undetermined call as benign.

    Return: in order of the names of agent and attack, and of the scopes as given. A run whose
            outcome is empty counts as one without success, unless it is empty in all of them.
    Errors: InputError for an unknown scope or attack, or for `arguments` without tasks.jsonl.
    """
    pairs = _find_pairs(recording, list(attacks))
    executed = _count_calls(recording, np.ones(len(recording.calls), dtype=np.bool_))
    refused = {
        scope: _count_calls(recording, judge_recording(recording, scope) != Reason.APPLIED)
        for scope in list(scopes) or find_scopes(recording)
    }
    return [
        _measure(recording, agent, attack, scope, executed, refused[scope])
        for agent, attack in pairs
        for scope in refused
    ]


def find_scopes(recording: Recording) -> list[str]:
    """Scopes that can be judged with the companions there are."""
    return [scope for scope in SCOPES if scope != "arguments" or recording.has_tasks]


def count_benign_runs(recording: Recording) -> dict[str, int]:
    """Benign runs of each agent: what `utility` is a share of."""
    agents = recording.runs["agent"][_find_benign(recording)]
    counts = np.bincount(agents, minlength=len(recording.agents)).tolist()
    return dict(zip(recording.agents, counts, strict=True))


def _find_pairs(recording: Recording, attacks: list[str]) -> list[tuple[str, str]]:
    """Agent and attack of each group; agents that only runs.csv knows have no calls to judge."""
    runs = recording.runs
    judged = set(runs["agent"][runs["n_calls"] > 0].tolist())
    found: dict[str, set[str]] = {}
    for agent, attack in set(runs[["agent", "attack"]].tolist()):
        if agent in judged:
            found.setdefault(recording.agents[agent], set()).add(recording.attacks[attack])
    pairs = [
        (agent, attack)
        for agent, names in sorted(found.items())
        for attack in sorted(names - {BENIGN}) or [BENIGN]
    ]
    known = {attack for _, attack in pairs}
    for attack in attacks:
        _validate_attack(recording, attack, known)
    return [pair for pair in pairs if not attacks or pair[1] in attacks]


def _validate_attack(recording: Recording, attack: str, known: set[str]) -> None:
    where = Position(recording.source)
    if known == {UNKNOWN}:
        raise InputError(where, "attack", "no attack has a name without a runs.csv that says so")
    if attack not in known:
        problem = f"no attack is named {attack!r}"
        raise InputError(where, "attack", problem, find_nearest(attack, known))


def _count_calls(recording: Recording, chosen: Mask) -> _Tally:
    """Executed calls among the chosen ones, counted by run."""
    calls, n_runs = recording.calls, len(recording.runs)
    chosen = chosen & (calls["executed"] == 1)

    def count(labelled: Mask) -> Ints:
        return np.bincount(calls["run"][chosen & labelled], minlength=n_runs)

    return _Tally(
        malicious=count(calls["malicious"] == 1),
        suspect=count(calls["malicious"] != 0),
        every=count(chosen),
    )


def _find_benign(recording: Recording) -> Mask:
    if recording.attacks == (UNKNOWN,):
        is_suspect = recording.calls["malicious"] != 0
        benign = np.ones(len(recording.runs), dtype=np.bool_)
        benign[recording.calls["run"][is_suspect]] = False
        return benign
    return _find_attacked(recording, BENIGN)


def _find_attacked(recording: Recording, attack: str) -> Mask:
    names = np.array([name == attack for name in recording.attacks])
    attacked: Mask = names[recording.runs["attack"]]
    return attacked


def _measure(
    recording: Recording, agent: str, attack: str, scope: str, executed: _Tally, refused: _Tally
) -> ReplayGroup:
    runs = recording.runs
    mine = runs["agent"] == recording.agents.index(agent)
    benign = mine & _find_benign(recording)
    attacked = mine & _find_attacked(recording, attack) & (runs["aborted"] == 0)
    attacked &= attack != BENIGN
    is_named = attack not in (BENIGN, UNKNOWN)
    successes = runs["attack_success"][attacked & is_named]
    n_malicious = int(executed.malicious[attacked].sum())
    n_suspect = int(executed.suspect[attacked].sum())
    n_benign = int(executed.every[benign].sum())
    return ReplayGroup(
        agent=agent,
        attack=attack or None,
        scope=scope,
        attacked_runs=int(attacked.sum()) if is_named else None,
        attack_success=_compute_rate(successes),
        attack_success_after=_compute_rate(successes, refused.malicious[attacked]),
        malicious_calls=None if attack == BENIGN else n_malicious,
        malicious_blocked=_compute_share(refused.malicious[attacked], n_malicious),
        benign_calls=n_benign,
        benign_blocked=_compute_share(refused.every[benign], n_benign),
        utility=_compute_rate(runs["utility"][benign]),
        utility_after=_compute_rate(runs["utility"][benign], refused.every[benign]),
        attack_success_after_undetermined=_compute_rate(successes, refused.suspect[attacked]),
        malicious_calls_undetermined=None if attack == BENIGN else n_suspect,
        malicious_blocked_undetermined=_compute_share(refused.suspect[attacked], n_suspect),
    )


def _compute_rate(outcomes: Ints, refused: Ints | None = None) -> float | None:
    """Share of runs with outcome 1, and no call of theirs refused; None if none is recorded."""
    if not (outcomes >= 0).any():
        return None
    kept = outcomes == 1 if refused is None else (outcomes == 1) & (refused == 0)
    return float(kept.mean())


def _compute_share(refused: Ints, n_calls: int) -> float | None:
    return int(refused.sum()) / n_calls if n_calls else None
