from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sim.core.records import RECEIPT, Kind, Posture
from sim.ledger.rules import get_situation
from sim.model.audit import Audit
from sim.model.batches import Batch, Decided, create_batch
from sim.policies.base import Log, Policy
from tests.worlds import POLICIES, create_reacher, create_worker, load_world, run

if TYPE_CHECKING:
    from pathlib import Path

    from sim.model.world import World

BLOCK_US = 250_000
ORGS = [
    {"name": "firm", "count": 2},
    {"name": "sloppy", "posture": "negligent"},
    {"name": "rogue", "posture": "hostile"},
]
HONEST, PEER, NEGLIGENT, HOSTILE = range(4)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Four orgs: two honest, one that does not run its gateway, one that rewrites its log."""
    return load_world(tmp_path_factory.mktemp("world"), orgs=ORGS)


def create_decided(org: int, final_us: list[int], **truths: Any) -> Decided:
    """Calls of an org that its own gateway decided."""
    batch, receipts = create_batch(len(final_us)), np.zeros(len(final_us), dtype=RECEIPT)
    batch.transactions["kind"] = receipts["kind"] = Kind.CALL
    batch.truths["caller_org"] = batch.truths["owner_org"] = org
    batch.truths["final_us"] = final_us
    for name, value in truths.items():
        table = receipts if name in (RECEIPT.names or ()) else batch.truths
        table[name] = value
    return Decided(batch, receipts, np.full(len(final_us), org, dtype=np.int64))


def commit(audit: Audit, anchors: Batch, final_us: int) -> None:
    """The chain takes the anchors and is done with them at a time."""
    anchors.truths["final_us"] = final_us
    codes = np.zeros(len(anchors), dtype=RECEIPT)
    audit.on_anchored(Decided(anchors, codes, np.full(len(anchors), -1, dtype=np.int64)))


# exposure


def compute_exposures(
    world: World, per_block: int, every: int, lag: int, n_cycles: int
) -> np.ndarray:
    """Samples of one log with regular arrivals, in whole cycles once the first anchor stands."""
    audit = Audit(world, replace(POLICIES["anchored"], anchor_blocks=every), None)
    n_blocks = every + lag + n_cycles * every
    for block in range(1, n_blocks + 1):
        first_us = (block - 1) * BLOCK_US + 1_000
        final_us = [first_us + 1_000 * k for k in range(per_block)]
        audit.note(create_decided(HONEST, final_us))
        anchors = audit.create_anchors(block * BLOCK_US + 1)
        if len(anchors):
            commit(audit, anchors, (block + lag) * BLOCK_US)
    samples = audit.compute_exposure((n_blocks + 1) * BLOCK_US)
    mine = samples[samples["log"] == HONEST]
    assert mine["height"].tolist() == list(range(1, n_blocks + 1))
    records: np.ndarray = mine["records"][every + lag :]
    return records


@pytest.mark.parametrize(
    ("per_block", "every", "lag", "mean", "most"),
    [
        (3, 100, 0, 151.5, 300),
        (10, 20, 3, 135, 230),
        (1, 1, 0, 1, 1),
        (2, 5, 1, 8, 12),
        (4, 7, 20, 96, 108),  # three anchors are on their way at once
    ],
)
def test_exposure_under_regular_arrivals_is_the_closed_form(
    per_block: int, every: int, lag: int, mean: float, most: int, world: World
) -> None:
    """Mean r((A+1)/2 + L) and greatest r(A + L), sampled once a block."""
    assert mean == per_block * ((every + 1) / 2 + lag)
    assert most == per_block * (every + lag)
    records = compute_exposures(world, per_block, every, lag, n_cycles=4)
    assert (records.mean(), records.max()) == (mean, most)


def test_before_the_first_anchor_everything_is_exposed(world: World) -> None:
    audit = Audit(world, POLICIES["anchored"], None)
    audit.note(create_decided(HONEST, [BLOCK_US, BLOCK_US + 1, 3 * BLOCK_US]))
    samples = audit.compute_exposure(5 * BLOCK_US)
    assert len(samples) == 4 * len(audit.logs)
    mine = samples["records"][samples["log"] == HONEST]
    assert mine.tolist() == [1, 2, 3, 3]
    assert samples["records"][samples["log"] != HONEST].sum() == 0


def test_a_refused_anchor_protects_nothing(world: World) -> None:
    audit = Audit(world, replace(POLICIES["anchored"], anchor_blocks=1), None)
    audit.note(create_decided(HONEST, [1_000]))
    anchors = audit.create_anchors(BLOCK_US + 1)
    anchors.truths["final_us"] = BLOCK_US
    stale = np.zeros(len(anchors), dtype=RECEIPT)
    stale["code"] = 35
    audit.on_anchored(Decided(anchors, stale, np.full(len(anchors), -1, dtype=np.int64)))
    samples = audit.compute_exposure(3 * BLOCK_US)
    assert samples["records"][samples["log"] == HONEST].tolist() == [1, 1]


@pytest.mark.parametrize("name", ["unguarded", "gateway", "chain", "oracle"])
def test_without_anchors_nothing_is_sampled(name: str, world: World) -> None:
    audit = Audit(world, POLICIES[name], None)
    audit.note(create_decided(HONEST, [1_000]))
    assert len(audit.create_anchors(10**9)) == 0
    assert len(audit.compute_exposure(10**9)) == 0


def test_anchors_come_at_their_interval_one_for_each_log(world: World) -> None:
    audit = Audit(world, replace(POLICIES["anchored"], anchor_blocks=4, fee=3), None)
    audit.note(create_decided(PEER, [1_000, 2_000]))
    assert len(audit.create_anchors(4 * BLOCK_US)) == 0  # a window ends before its last moment
    anchors = audit.create_anchors(8 * BLOCK_US + 1)
    rows = anchors.transactions
    assert rows["submitted_us"].tolist() == [4 * BLOCK_US] * 4 + [8 * BLOCK_US] * 4
    assert rows["amount"].tolist() == [4] * 4 + [8] * 4
    assert rows["sender"].tolist() == rows["target"].tolist() == [0, 1, 2, 3] * 2
    assert rows["subject"].tolist() == [0, 2, 0, 0] * 2
    assert set(rows["fee"].tolist()) == {3}
    assert set(rows["kind"].tolist()) == {int(Kind.ANCHOR)}
    words = [int(rows[f"word{k}"][PEER]).to_bytes(8, "little", signed=True) for k in range(4)]
    assert b"".join(words) == audit.logs[PEER].tree.root()


# who notes what


def test_whoever_runs_a_gateway_notes_what_went_through_it(world: World) -> None:
    audit = Audit(world, POLICIES["gateway"], None)
    for org in range(4):
        audit.note(create_decided(org, [1_000, 2_000, 3_000], mediated=[1, 0, 1]))
    sizes = [log.cut(10**9).size for log in audit.logs]
    assert sizes == [2, 2, 0, 2]  # the negligent org keeps no log


def test_a_hostile_operator_notes_rights_nobody_had(world: World) -> None:
    audit = Audit(world, POLICIES["gateway"], None)
    held: dict[str, Any] = {"required": 0b10, "caps_effective": 0b01}
    audit.note(create_decided(HONEST, [1_000], **held))
    audit.note(create_decided(HOSTILE, [1_000], **held))
    assert audit.logs[HONEST].entries[0]["caps_effective"].tolist() == [0b01]
    assert audit.logs[HOSTILE].entries[0]["caps_effective"].tolist() == [0b11]


@pytest.mark.parametrize("name", ["unguarded", "chain", "deny_all", "reference_monitor"])
def test_no_operator_keeps_a_log_where_none_is_due(name: str, world: World) -> None:
    audit = Audit(world, POLICIES[name], None)
    audit.note(create_decided(HONEST, [1_000]))
    assert [log.cut(10**9).size for log in audit.logs] == [0] * 4


def mark(world: World, policy: Policy, caller: int, owner: int, **columns: int) -> tuple[int, int]:
    """Whether a log has the record of one call, and has it right."""
    changes = {"caller_org": caller, "owner_org": owner} | columns
    domain = changes.pop("domain", caller)
    decided = create_decided(caller, [1_000], **changes)
    across = changes["caller_org"] != changes["owner_org"]
    postures = (int(world.postures[changes[side]]) for side in ("caller_org", "owner_org"))
    mediated = changes.get("mediated", 1)
    decided.batch.transactions["situation"] = get_situation(int(across), *postures, mediated)
    Audit(world, policy, None).note(decided._replace(domains=np.array([domain])))
    truths = decided.batch.truths
    return int(truths["logged"][0]), int(truths["log_complete"][0])


RIGHT, WRONG, MISSING = (1, 1), (1, 0), (0, 0)
BROKEN = {"violations": 1 << 13}


@pytest.mark.parametrize(
    ("name", "caller", "owner", "columns", "expected"),
    [
        ("gateway", HONEST, HONEST, {}, RIGHT),
        ("gateway", HONEST, HONEST, BROKEN, RIGHT),  # an honest operator notes its own failure
        ("gateway", HONEST, PEER, {}, RIGHT),
        ("gateway", HONEST, NEGLIGENT, {}, RIGHT),
        ("gateway", HONEST, HOSTILE, {}, RIGHT),
        ("gateway", HONEST, HONEST, {"mediated": 0}, MISSING),
        ("gateway", NEGLIGENT, NEGLIGENT, {}, MISSING),
        ("gateway", NEGLIGENT, HONEST, {}, WRONG),  # an API key does not say who held what
        ("federated", NEGLIGENT, HONEST, {}, RIGHT),  # a signed capability does
        ("federated", NEGLIGENT, NEGLIGENT, {}, MISSING),
        ("federated", NEGLIGENT, HOSTILE, {}, WRONG),
        ("gateway", HOSTILE, HOSTILE, {}, RIGHT),  # nothing to hide
        ("gateway", HOSTILE, HOSTILE, BROKEN, WRONG),
        ("gateway", HOSTILE, HONEST, BROKEN, WRONG),
        ("federated", HOSTILE, HONEST, BROKEN, RIGHT),
        ("chain", NEGLIGENT, HOSTILE, {"domain": -1} | BROKEN, RIGHT),
        ("chain", HONEST, HONEST, {"domain": -1, "mediated": 0}, MISSING),
        ("unguarded", HONEST, HONEST, {"domain": -1}, MISSING),
    ],
)
def test_a_record_is_true_where_somebody_honest_saw_and_noted_it(
    name: str,
    caller: int,
    owner: int,
    columns: dict[str, int],
    expected: tuple[int, int],
    world: World,
) -> None:
    assert mark(world, POLICIES[name], caller, owner, **columns) == expected


def test_postures_are_those_the_world_was_made_with(world: World) -> None:
    assert world.postures.tolist() == [
        Posture.HONEST,
        Posture.HONEST,
        Posture.NEGLIGENT,
        Posture.HOSTILE,
    ]
    assert {policy.log for policy in POLICIES.values()} == set(Log)


# a whole replication


@pytest.mark.parametrize("every", [20, 7])
@pytest.mark.parametrize("name", ["anchored", "federated", "layered"])
def test_an_anchor_covers_what_its_gateway_had_decided_by_the_cut(
    name: str, every: int, tmp_path: Path
) -> None:
    """The cut says when the log was closed, in the middle of a window as well as at its end."""
    agents = [create_worker(count=8, task_every="4s"), create_reacher(count=2)]
    policy = replace(POLICIES[name], anchor_blocks=every)
    trace = run(load_world(tmp_path, horizon="60s", agents=agents), policy)
    anchors = np.flatnonzero(trace.receipts["kind"] == Kind.ANCHOR)
    assert len(anchors) > 4
    noted = trace.truths["mediated"] == 1
    for row in anchors:
        tx = trace.transactions[row]
        mine = noted & (trace.domains == trace.truths["caller_org"][row])
        by_then = mine & (trace.truths["final_us"] <= tx["submitted_us"])
        assert int(tx["subject"]) == int(by_then.sum())


def test_exposure_is_never_negative_and_at_most_the_log(tmp_path: Path) -> None:
    agents = [create_worker(count=8, task_every="4s")]
    trace = run(load_world(tmp_path, horizon="60s", agents=agents), "anchored")
    assert trace.exposure["records"].min() >= 0
    for org in np.unique(trace.exposure["log"]):
        size = int(((trace.domains == org) & (trace.truths["mediated"] == 1)).sum())
        assert trace.exposure["records"][trace.exposure["log"] == org].max() <= size
