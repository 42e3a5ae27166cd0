"""The watch lets pass what may happen and names what may not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sim.consensus.invariants import Watch
from sim.consensus.messages import (
    COMMIT,
    GENESIS,
    GENESIS_CERTIFICATE,
    PRECOMMIT,
    PROPOSAL,
    TIMEOUT,
    VOTE,
    Block,
    Certificate,
    Commit,
    Evidence,
)
from sim.consensus.signatures import TrustedSignatures
from sim.core.errors import InvariantError
from tests.committees import certify, create_chain, extend

ONE, OTHER = b"1" * 32, b"2" * 32


def create_watch(
    n_validators: int = 4, *, is_fatal: bool = True
) -> tuple[Watch, TrustedSignatures]:
    signatures = TrustedSignatures()
    return Watch(n_validators, signatures, is_fatal=is_fatal), signatures


def create_blocks(signatures: TrustedSignatures, n_blocks: int = 3) -> list[Block]:
    return [block for block, _ in create_chain(signatures, range(1, n_blocks + 1))]


def commit(block: Block) -> Commit:
    return Commit(block, block.root)


@contextmanager
def breaks(invariant: str) -> Iterator[None]:
    with pytest.raises(InvariantError) as caught:
        yield
    assert caught.value.invariant == invariant


class TestCertificates:
    @pytest.mark.parametrize(("n_validators", "n_signers"), [(4, 3), (4, 4), (5, 4), (7, 5)])
    def test_enough_signers_are_a_certificate(self, n_validators: int, n_signers: int) -> None:
        watch, signatures = create_watch(n_validators)
        watch.on_certificate(certify(signatures, create_blocks(signatures)[0], range(n_signers)))
        assert watch.n_certificates == 1

    @pytest.mark.parametrize(("n_validators", "n_signers"), [(4, 2), (5, 3), (7, 4), (4, 0)])
    def test_too_few_signers_are_none(self, n_validators: int, n_signers: int) -> None:
        watch, signatures = create_watch(n_validators)
        few = certify(signatures, create_blocks(signatures)[0], range(n_signers))
        with breaks("I4 quorum"):
            watch.on_certificate(few)

    def test_a_signer_counts_once(self) -> None:
        watch, signatures = create_watch()
        with breaks("I4 quorum"):
            watch.on_certificate(certify(signatures, create_blocks(signatures)[0], (0, 1, 2, 2)))

    def test_signatures_of_another_view_or_block_are_none(self) -> None:
        watch, signatures = create_watch()
        signed = certify(signatures, create_blocks(signatures)[0])
        for forged in (signed._replace(view=9), signed._replace(digest=OTHER)):
            with breaks("I4 quorum"):
                watch.on_certificate(forged)

    def test_two_blocks_are_not_certified_in_one_view(self) -> None:
        watch, signatures = create_watch()
        block = create_blocks(signatures)[0]
        beside = extend(GENESIS, GENESIS_CERTIFICATE, 1, b"beside")
        watch.on_certificate(certify(signatures, block))
        with breaks("I6 one certificate"):
            watch.on_certificate(certify(signatures, beside, (1, 2, 3)))

    def test_the_same_block_may_be_certified_again_by_others_and_in_later_phases(self) -> None:
        watch, signatures = create_watch()
        block = create_blocks(signatures)[0]
        watch.on_certificate(certify(signatures, block))
        watch.on_certificate(certify(signatures, block, (1, 2, 3)))
        for kind in (PRECOMMIT, COMMIT):
            watch.on_certificate(certify(signatures, block, kind=kind))
        assert watch.certified == {(kind, 1): block.digest for kind in (VOTE, PRECOMMIT, COMMIT)}

    def test_genesis_needs_no_signers(self) -> None:
        watch, _ = create_watch()
        watch.on_certificate(GENESIS_CERTIFICATE)
        assert watch.certified == {}


class TestVotes:
    def test_a_vote_may_be_repeated_and_not_changed(self) -> None:
        watch, _ = create_watch()
        watch.on_vote(1, VOTE, 5, ONE, 4)
        watch.on_vote(1, VOTE, 5, ONE, 4)
        with breaks("I5 one vote"):
            watch.on_vote(1, VOTE, 5, OTHER, 4)

    def test_another_validator_view_or_phase_is_another_vote(self) -> None:
        watch, _ = create_watch()
        watch.on_vote(1, VOTE, 5, ONE, 4)
        watch.on_vote(2, VOTE, 5, OTHER, 4)
        watch.on_vote(1, VOTE, 6, OTHER, 4)
        watch.on_vote(1, PRECOMMIT, 5, OTHER, 4)
        assert watch.n_votes == 4

    def test_no_vote_is_below_the_highest_lock_ever_seen(self) -> None:
        watch, _ = create_watch()
        watch.on_lock(1, 4)
        watch.on_lock(1, 3)
        watch.on_vote(1, VOTE, 5, ONE, 4)
        watch.on_vote(2, VOTE, 6, ONE, 3)
        with breaks("I5 lock"):
            watch.on_vote(1, VOTE, 6, OTHER, 3)

    def test_later_phases_carry_no_parent(self) -> None:
        watch, _ = create_watch()
        watch.on_lock(1, 4)
        watch.on_vote(1, PRECOMMIT, 5, ONE, -1)
        assert watch.n_votes == 1


class TestCommits:
    def test_replicas_commit_one_chain_each_at_its_own_pace(self) -> None:
        watch, signatures = create_watch()
        blocks = create_blocks(signatures)
        for replica, n_blocks in ((0, 3), (1, 1), (2, 2)):
            for block in blocks[:n_blocks]:
                watch.on_commit(replica, commit(block))
        assert watch.n_commits == 6
        assert watch.last == {0: blocks[2], 1: blocks[0], 2: blocks[1]}

    def test_a_height_is_not_left_out(self) -> None:
        watch, signatures = create_watch()
        with breaks("I2 prefix"):
            watch.on_commit(0, commit(create_blocks(signatures)[1]))

    def test_a_height_is_not_committed_twice(self) -> None:
        watch, signatures = create_watch()
        block = create_blocks(signatures)[0]
        watch.on_commit(0, commit(block))
        with breaks("I2 prefix"):
            watch.on_commit(0, commit(block))

    def test_a_block_stands_on_the_last_one(self) -> None:
        watch, signatures = create_watch()
        first, second, _ = create_blocks(signatures)
        beside = extend(GENESIS, GENESIS_CERTIFICATE, 1, b"beside")
        watch.on_commit(0, commit(beside))
        with breaks("I2 prefix"):
            watch.on_commit(0, commit(second))
        assert second.parent == first.digest

    def test_different_blocks_at_one_height_are_a_fork(self) -> None:
        watch, signatures = create_watch()
        beside = extend(GENESIS, GENESIS_CERTIFICATE, 1, b"beside")
        watch.on_commit(0, commit(create_blocks(signatures)[0]))
        with breaks("I1 agreement"):
            watch.on_commit(1, commit(beside))

    def test_forks_are_only_counted_where_too_many_are_faulty(self) -> None:
        watch, signatures = create_watch(is_fatal=False)
        watch.on_commit(0, commit(create_blocks(signatures)[0]))
        for replica, payload in ((1, b"one"), (2, b"one"), (3, b"other")):
            watch.on_commit(replica, commit(extend(GENESIS, GENESIS_CERTIFICATE, 1, payload)))
        assert watch.n_conflicts == 2

    def test_two_certificates_in_a_view_pass_where_too_many_are_faulty(self) -> None:
        watch, signatures = create_watch(is_fatal=False)
        for payload in (b"one", b"other"):
            block = extend(GENESIS, GENESIS_CERTIFICATE, 1, payload)
            watch.on_certificate(certify(signatures, block))
        assert watch.n_conflicts == 0

    def test_the_same_block_leads_to_the_same_state(self) -> None:
        watch, signatures = create_watch()
        block = create_blocks(signatures)[0]
        watch.on_commit(0, commit(block))
        with breaks("I7 state root"):
            watch.on_commit(1, Commit(block, b"drifted"))


def create_evidence(
    signatures: TrustedSignatures, first: tuple[int, int, bytes], second: tuple[int, int, bytes]
) -> Evidence:
    signed = [signatures.sign(2, statement) for statement in (first, second)]
    return Evidence(2, first, signed[0], second, signed[1])


class TestEvidence:
    @pytest.mark.parametrize("kind", [PROPOSAL, VOTE, PRECOMMIT, COMMIT])
    def test_two_conflicting_statements_convict(self, kind: int) -> None:
        watch, signatures = create_watch()
        evidence = create_evidence(signatures, (kind, 5, ONE), (kind, 5, OTHER))
        watch.on_evidence(evidence, is_honest=False)
        assert watch.convicted == {2: evidence}

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ((VOTE, 5, ONE), (VOTE, 5, ONE)),
            ((VOTE, 5, ONE), (VOTE, 6, OTHER)),
            ((VOTE, 5, ONE), (PRECOMMIT, 5, OTHER)),
            ((TIMEOUT, 5, 3), (TIMEOUT, 5, 4)),
        ],
        ids=["the same", "two views", "two kinds", "time-outs"],
    )
    def test_what_does_not_conflict_convicts_nobody(
        self, first: tuple[int, int, bytes], second: tuple[int, int, bytes]
    ) -> None:
        watch, signatures = create_watch()
        evidence = create_evidence(signatures, first, second)
        with breaks("I14 evidence"):
            watch.on_evidence(evidence, is_honest=False)

    @pytest.mark.parametrize("n_signed", [0, 1])
    def test_what_was_not_signed_convicts_nobody(self, n_signed: int) -> None:
        watch, signatures = create_watch()
        statements = ((VOTE, 5, ONE), (VOTE, 5, OTHER))
        for statement in statements[:n_signed]:
            signatures.sign(2, statement)
        with breaks("I14 evidence"):
            watch.on_evidence(
                Evidence(2, statements[0], None, statements[1], None), is_honest=False
            )

    def test_who_follows_the_rules_is_not_convicted(self) -> None:
        watch, signatures = create_watch()
        evidence = create_evidence(signatures, (VOTE, 5, ONE), (VOTE, 5, OTHER))
        with breaks("I15 accuracy"):
            watch.on_evidence(evidence, is_honest=True)
        assert watch.convicted == {}


def test_a_certificate_is_looked_at_once_in_a_row() -> None:
    watch, signatures = create_watch()
    certificate = certify(signatures, create_blocks(signatures)[0])
    for _ in range(3):
        watch.on_certificate(certificate)
    assert watch.n_certificates == 1
    assert isinstance(watch.checked, Certificate)
