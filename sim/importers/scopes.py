"""What each run would have been granted, had access been scoped in one of six ways.

A call is allowed when one grant that stands at the call holds its bit and, at level ARGUMENTS,
all ids of its checked arguments (a call without any passes).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.errors import InputError, Position, find_nearest
from sim.core.records import Effect, ScopeLevel
from sim.importers.catalogue import KNOWN_MASK, NULL_SCOPE, UNKNOWN_BIT
from sim.importers.recording import create_layout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sim.core.records import Ints, Records
    from sim.importers.recording import Recording

EVERYTHING_MASK = KNOWN_MASK | 1 << UNKNOWN_BIT  # only without any scope at all

RECORDED_GRANT = create_layout(
    "run",
    "mask",
    "arguments_from",  # range in `Recording.named`; empty below level ARGUMENTS
    "arguments_to",
    "level",  # ScopeLevel
    "first_call",  # first and last call it stands for, both included
    "last_call",
)


class _Segments(NamedTuple):
    """Stretches of calls of one run under one scope."""

    run: Ints
    org: Ints
    scope_mask: Ints  # -1: no scope
    first_call: Ints
    last_call: Ints


def compute_grants(recording: Recording, scope: str) -> Records:
    """Grants each run would hold under a scope, in the order of the calls they stand for.

    Shapes: RECORDED_GRANT; one row, or two (what the task needs, then quiet reads), for every
            stretch of equal scope inside a run; none for a run without calls.
    Errors: InputError for an unknown scope, or for `arguments` without tasks.jsonl.
    Source: Debenedetti et al. 2024, AgentDojo, for the task as the unit of authority.
    """
    if scope not in SCOPES:
        place = Position(recording.source)
        raise InputError(place, "scope", f"unknown name {scope!r}", find_nearest(scope, SCOPES))
    return SCOPES[scope](recording, _find_segments(recording))


def _grant_everything(_: Recording, segments: _Segments) -> Records:
    """Scope `none`: also tools that nobody knows."""
    return _build_grants(segments, EVERYTHING_MASK, ScopeLevel.ROLE)


def _grant_role(recording: Recording, segments: _Segments) -> Records:
    """Scope `role`: whatever any task of the org may use."""
    masks = recording.role_masks[segments.org] | _compute_null_masks(segments)
    return _build_grants(segments, masks, ScopeLevel.ROLE)


def _grant_task_exact(_: Recording, segments: _Segments) -> Records:
    """Scope `task_exact`: what this task may use and nothing more."""
    return _build_grants(segments, _compute_task_masks(segments), ScopeLevel.TASK)


def _grant_task(recording: Recording, segments: _Segments) -> Records:
    """Scope `task`: what this task may use, and reads that carry nothing out."""
    needed = _grant_task_exact(recording, segments)
    return _join(needed, _grant_quiet_reads(recording, segments))


def _grant_arguments(recording: Recording, segments: _Segments) -> Records:
    """Scope `arguments`: as `task`, but with arguments that the task names."""
    if not recording.has_tasks:
        problem = "scope 'arguments' needs the companion tasks.jsonl, which says what a task names"
        raise InputError(Position(recording.source), "scope", problem)
    needed = _build_grants(segments, _compute_task_masks(segments), ScopeLevel.ARGUMENTS)
    task = recording.tasks[recording.runs["task"][segments.run]]
    needed["arguments_from"], needed["arguments_to"] = task["named_from"], task["named_to"]
    return _join(needed, _grant_quiet_reads(recording, segments))


def _grant_reads(recording: Recording, segments: _Segments) -> Records:
    """Scope `read_only`: every read, also those that can carry data out."""
    masks = _compute_read_masks(recording, egress_max=1)[segments.org]
    return _build_grants(segments, masks, ScopeLevel.ROLE)


def _grant_quiet_reads(recording: Recording, segments: _Segments) -> Records:
    masks = _compute_read_masks(recording, egress_max=0)[segments.org]
    return _build_grants(segments, masks, ScopeLevel.TASK)


SCOPES: Mapping[str, Callable[[Recording, _Segments], Records]] = {
    "none": _grant_everything,
    "role": _grant_role,
    "task_exact": _grant_task_exact,
    "task": _grant_task,
    "arguments": _grant_arguments,
    "read_only": _grant_reads,
}


def _find_segments(recording: Recording) -> _Segments:
    run, scope_mask = recording.calls["run"], recording.calls["scope_mask"]
    changed = (run[1:] != run[:-1]) | (scope_mask[1:] != scope_mask[:-1])
    first_call = np.concatenate([[0], np.flatnonzero(changed) + 1])
    return _Segments(
        run=run[first_call],
        org=recording.runs["org"][run[first_call]],
        scope_mask=scope_mask[first_call],
        first_call=first_call,
        last_call=np.append(first_call[1:], len(run)) - 1,
    )


def _compute_task_masks(segments: _Segments) -> Ints:
    is_null = segments.scope_mask == NULL_SCOPE
    return np.where(is_null, np.int64(KNOWN_MASK), segments.scope_mask)


def _compute_null_masks(segments: _Segments) -> Ints:
    is_null = segments.scope_mask == NULL_SCOPE
    return np.where(is_null, np.int64(KNOWN_MASK), np.int64(0))


def _compute_read_masks(recording: Recording, egress_max: int) -> Ints:
    """For each org, the bits of its reads; the others with egress above the bound left out."""
    operations = recording.operations
    reads = operations[(operations["effect"] == Effect.READ) & (operations["egress"] <= egress_max)]
    masks = np.zeros(len(recording.orgs), dtype=np.int64)
    np.bitwise_or.at(masks, reads["org"], np.int64(1) << reads["bit"])
    return masks


def _build_grants(segments: _Segments, masks: Ints | int, level: ScopeLevel) -> Records:
    grants = np.zeros(len(segments.run), dtype=RECORDED_GRANT)
    grants["run"], grants["mask"], grants["level"] = segments.run, masks, level
    grants["first_call"], grants["last_call"] = segments.first_call, segments.last_call
    return grants


def _join(needed: Records, reads: Records) -> Records:
    """Both grants of every stretch side by side."""
    return np.stack([needed, reads], axis=1).reshape(-1)
