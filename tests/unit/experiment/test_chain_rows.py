from __future__ import annotations

from pathlib import Path

import pytest

from sim.core.reasons import PENDING
from sim.core.records import Kind
from sim.experiment.chain_rows import (
    has_latencies,
    has_views,
    iterate_latencies,
    list_episodes,
    list_views,
)
from tests.unit.experiment.stored_tables import Rows, store

S = 1_000_000
CALL = {"kind": int(Kind.CALL), "agent": 3, "trader": -1}


def create_calls(waits_ms: list[int], n_pending: int = 0) -> Rows:
    calls: Rows = [{**CALL, "submitted_us": 5, "final_us": 5 + 1000 * w} for w in waits_ms]
    return calls + [{**CALL, "submitted_us": 5, "final_us": -1, "code": PENDING}] * n_pending


def test_quantiles_are_the_smallest_value_not_exceeded(tmp_path: Path) -> None:
    result = store(tmp_path, {"transactions": create_calls([*range(1, 201)])})
    (latencies,) = iterate_latencies(result)
    by_share = dict(
        zip(latencies.shares.round(3).tolist(), latencies.latencies_s.tolist(), strict=True)
    )
    assert latencies.n == 200
    assert (by_share[0.5], by_share[0.95], by_share[1.0]) == (0.1, 0.19, 0.2)


def test_what_is_pending_is_later_than_everything(tmp_path: Path) -> None:
    result = store(tmp_path, {"transactions": create_calls([1, 2, 3], n_pending=1)})
    (latencies,) = iterate_latencies(result)
    assert (latencies.n, latencies.n_pending) == (4, 1)
    assert latencies.shares.max() == 0.75
    assert latencies.latencies_s.max() == 0.003


def test_nobody_waits_for_an_orgs_own_records(tmp_path: Path) -> None:
    grant = {"kind": int(Kind.GRANT), "agent": -1, "trader": -1, "final_us": 9 * S}
    result = store(tmp_path, {"transactions": [grant, *create_calls([7])]})
    (latencies,) = iterate_latencies(result)
    assert latencies.latencies_s.max() == 0.007


def test_decisions_at_once_are_no_latencies(tmp_path: Path) -> None:
    assert not has_latencies(store(tmp_path / "a", {"transactions": create_calls([0, 0])}))
    assert not has_latencies(store(tmp_path / "b", {"transactions": create_calls([], 3)}))
    assert has_latencies(store(tmp_path / "c", {"transactions": create_calls([0, 1])}))


def create_view(view: int, proposed_us: int, committed_us: int) -> dict[str, int]:
    return {
        "view": view,
        "leader": view % 4,
        "proposed_us": proposed_us,
        "certified_us": committed_us,
        "committed_us": committed_us,
        "n_transactions": 2,
    }


def test_a_view_is_wasted_only_if_a_later_one_committed(tmp_path: Path) -> None:
    views = [
        create_view(1, 0, S),
        create_view(2, S, -1),
        create_view(3, -1, -1),
        create_view(4, 3 * S, 4 * S),
        create_view(5, 5 * S, -1),
    ]
    result = store(tmp_path, {"views": views})
    assert has_views(result)
    listed = [(view.view, view.outcome, view.proposed_s) for view in list_views(result)]
    assert listed == [
        (1, "committed", 0.0),
        (2, "wasted", 1.0),
        (3, "wasted", 1.0),  # proposed nothing: when the one before it began
        (4, "committed", 3.0),
        (5, "open at the end", 5.0),
    ]


@pytest.mark.parametrize(("until_us", "until_s"), [(-1, None), (3 * S, 3.0)])
def test_a_fault_lasts_to_its_end_or_to_the_horizon(
    tmp_path: Path, until_us: int, until_s: float | None
) -> None:
    fault = {"fault": "crash", "validators": "1 3", "from_us": S, "until_us": until_us}
    (episode,) = list_episodes(store(tmp_path, {"faults": [{**fault, "is_byzantine": 0}]}))
    assert tuple(episode) == ("chain", "crash", "1 3", False, 1.0, until_s)


def test_no_validators_no_views(tmp_path: Path) -> None:
    result = store(tmp_path, {"views": [], "faults": []})
    assert not has_views(result)
    assert list_views(result) == []
    assert list_episodes(result) == []
