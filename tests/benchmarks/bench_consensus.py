"""Decisions a second of two-chain HotStuff, what watching and signing cost, side by side."""

from __future__ import annotations

import gc
import time
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from nacl import bindings

from sim.consensus.quorum import Setting
from sim.consensus.signatures import Ed25519Signatures
from sim.core.encoding import encode_batch
from sim.core.keys import create_keypair, derive_seed
from sim.core.records import OPERATION, TRANSACTION, Kind
from sim.faults.silent_leader import SilentLeader
from sim.ledger.state import add_account, create_state
from sim.model.committee import Committee
from sim.model.signing import GENESIS, Ed25519Signing
from sim.scenario.regions import REGIONS, get_link_delays_us
from tests.committees import Unending

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_benchmark.fixture import BenchmarkFixture

    from sim.consensus.messages import Block, Evidence
    from sim.consensus.signatures import Signatures

SECOND_US = 1_000_000
SPANS_US = {n: span * SECOND_US for n, span in ((4, 200), (16, 150), (64, 60), (128, 40))}
GOALS = {4: 15_000, 16: 4_000, 64: 1_000, 128: 400}  # decisions a second without faults
WATCHED_MAX = 0.2  # share of the time that may go into checking
SIGNED_MIN = 0.85  # of the rate of libsodium alone
TURNS = 11


class Endless(Unending):
    """Counts what is final."""

    n_final = 0

    def on_final(self, block: Block, now_us: int) -> None:
        self.n_final += 1

    def on_evidence(self, node: int, evidence: Evidence, now_us: int) -> None:
        raise AssertionError(evidence)


class Unwatched:
    """A watch that looks at nothing."""

    checked = None

    def look_away(self, *args: Any) -> None:
        pass

    on_certificate = on_lock = on_vote = on_commit = look_away


def create_committee(
    n_validators: int, *, is_silent: bool = False, signatures: Signatures | None = None
) -> tuple[Committee, Endless]:
    """Validators that take turns standing in ten regions; one may never propose."""
    work = Endless()
    committee = Committee(
        "hotstuff_2",
        Setting(n_validators, SECOND_US, 8 * SECOND_US, delta_us=SECOND_US // 5),
        get_link_delays_us([REGIONS[place % len(REGIONS)] for place in range(n_validators)]),
        work,
        byzantine=(1,) if is_silent else (),
        signatures=signatures,
    )
    if is_silent:
        committee.behaviours[1].append(SilentLeader())
    committee.start()
    return committee, work


def take_turns(
    first: Callable[[], Callable[[], object]], second: Callable[[], Callable[[], object]]
) -> tuple[float, float, float]:
    """Best processor time of what each sets up, in seconds, and the median of second to first.

    Without the garbage collector: whether it passes once more in one of them is an accident.
    """
    times: list[tuple[float, float]] = []
    for _ in range(TURNS):
        pair = []
        for set_up in (first, second):
            run = set_up()
            gc.collect()
            gc.disable()
            start = time.process_time()
            run()
            pair.append(time.process_time() - start)
            gc.enable()
        times.append((pair[0], pair[1]))
    firsts, seconds = zip(*times, strict=True)
    return min(firsts), min(seconds), median(after / before for before, after in times)


@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.parametrize("fault", ["no fault", "silent leader"])
@pytest.mark.parametrize("n_validators", GOALS)
def test_decisions(benchmark: BenchmarkFixture, n_validators: int, fault: str) -> None:
    is_silent = fault == "silent leader"
    span_us = SPANS_US[n_validators]
    done: list[tuple[Committee, Endless]] = []

    def set_up() -> tuple[tuple[Committee], dict[str, Any]]:
        done.append(create_committee(n_validators, is_silent=is_silent))
        return (done[-1][0],), {}

    benchmark.pedantic(
        lambda committee: committee.run(span_us), setup=set_up, rounds=5, warmup_rounds=1
    )
    committee, work = done[-1]
    seconds = benchmark.stats["min"]
    decisions, messages = work.n_final / seconds, committee.network.n_sent / seconds
    assert committee.watch.n_commits >= work.n_final > 0
    benchmark.extra_info["decisions_per_s"] = decisions
    benchmark.extra_info["messages_per_s"] = messages
    goal = "" if is_silent else f", goal {GOALS[n_validators]}"
    print(
        f"\nn = {n_validators}, {fault}: {decisions:.0f} decisions/s{goal}, "
        f"{messages:.0f} messages/s, {work.n_final} final"
    )


@pytest.mark.parametrize("n_validators", GOALS)
def test_share_of_the_checkers(n_validators: int) -> None:
    span_us = SPANS_US[n_validators]

    def watch() -> Callable[[], object]:
        committee, _ = create_committee(n_validators)
        return lambda: committee.run(span_us)

    def look_away() -> Callable[[], object]:
        committee, _ = create_committee(n_validators)
        committee.watch = Unwatched()  # type: ignore[assignment]
        return lambda: committee.run(span_us)

    _, _, ratio = take_turns(watch, look_away)
    share = 1 - ratio
    print(f"\nn = {n_validators}: {share:.1%} of the time goes into checking")
    assert share < WATCHED_MAX


def test_real_signatures_of_validators() -> None:
    span_us = 20 * SECOND_US
    n_final: list[int] = []

    def start(signatures: Signatures | None) -> Callable[[], object]:
        committee, work = create_committee(4, signatures=signatures)

        def run() -> None:
            committee.run(span_us)
            n_final.append(work.n_final)

        return run

    keys = Ed25519Signatures("benchmark", 4)
    trusted, signed, ratio = take_turns(lambda: start(None), lambda: start(keys))
    assert len(set(n_final)) == 1
    print(
        f"\nn = 4: {n_final[0] / trusted:.0f} decisions/s trusted, {n_final[0] / signed:.0f} "
        f"signed, {ratio:.1f} times as long"
    )


@pytest.mark.parametrize("n_transactions", [10, 100, 1_000])
def test_signed_transactions(n_transactions: int) -> None:
    """Beside a loop that signs and verifies messages of that length, and does nothing else."""
    n_senders, repeats = 100, 2_000 // n_transactions
    state = create_state(
        supply=0,
        operations=np.zeros(0, dtype=OPERATION),
        client_scopes=np.zeros((1, 1), dtype=np.int64),
        accounts=n_senders + 8,
    )
    for entity in range(n_senders):
        add_account(state, entity=100 + entity, org=0, namespace=0)
    first = int(np.flatnonzero(state.accounts["entity"] == 100)[0])
    transactions = np.zeros(n_transactions, dtype=TRANSACTION)
    transactions["kind"] = Kind.CALL
    transactions["sender"] = first + np.arange(n_transactions) % n_senders
    transactions["arguments_to"] = 2
    arguments = np.arange(2, dtype=np.int64)
    signing = Ed25519Signing("benchmark")
    messages = encode_batch(transactions, arguments, GENESIS)
    pairs = [
        (message, *create_keypair(derive_seed("benchmark", 100 + row % n_senders, 0)))
        for row, message in enumerate(messages)
    ]

    def process() -> None:
        for _ in range(repeats):
            signing.process(transactions, arguments, state)

    def sign_and_open() -> None:
        for _ in range(repeats):
            for message, public, secret in pairs:
                bindings.crypto_sign_open(bindings.crypto_sign(message, secret), public)

    process()
    assert not transactions["key_version"].any()
    ours, bare, share = take_turns(lambda: process, lambda: sign_and_open)
    n_signed = n_transactions * repeats
    print(
        f"\n{n_transactions} at once, {len(messages[0])} bytes: {n_signed / ours:.0f} signed/s, "
        f"{n_signed / bare:.0f} by libsodium alone, share {share:.2f}"
    )
    assert share >= SIGNED_MIN
