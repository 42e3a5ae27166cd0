"""What each protocol votes for, locks on and commits."""

from __future__ import annotations

import pytest

from sim.consensus.messages import (
    COMMIT,
    GENESIS,
    GENESIS_CERTIFICATE,
    PRECOMMIT,
    VOTE,
    Block,
    Certificate,
)
from sim.consensus.rules import RULES
from sim.consensus.signatures import TrustedSignatures
from tests.committees import PROTOCOLS, create_chain, extend


def chain(*views: int) -> tuple[dict[bytes, Block], list[Block], list[Certificate]]:
    """Blocks of these views, one above the other, by digest and in order, and certificates."""
    links = create_chain(TrustedSignatures(), views)
    known = {GENESIS.digest: GENESIS} | {block.digest: block for block, _ in links}
    return known, [block for block, _ in links], [certificate for _, certificate in links]


def test_rules_go_by_their_protocols_names() -> None:
    assert [rules.name for rules in RULES.values()] == list(RULES)
    assert list(RULES) == ["hotstuff_2", "hotstuff_3", "hotstuff_basic"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nothing_below_the_lock_is_votable(protocol: str) -> None:
    _, blocks, certificates = chain(1, 2, 3)
    rules = RULES[protocol]
    for lock, is_votable in zip(certificates, (True, True, False), strict=True):
        assert rules.is_votable(lock, extend(blocks[1], certificates[1], 4)) is is_votable


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_leader_extends_the_highest_certificate(protocol: str) -> None:
    _, _, certificates = chain(1, 2)
    assert RULES[protocol].get_parent(certificates[1]) is certificates[1]


def test_two_chain_locks_on_one_certificate_and_three_chain_on_two() -> None:
    known, _, certificates = chain(1, 2, 3)
    assert RULES["hotstuff_2"].get_lock(known, certificates[2]) == certificates[2]
    assert RULES["hotstuff_3"].get_lock(known, certificates[2]) == certificates[1]


def test_basic_locks_on_a_certificate_of_its_second_phase_only() -> None:
    known, _, (certificate,) = chain(1)
    rules = RULES["hotstuff_basic"]
    for kind in (VOTE, PRECOMMIT, COMMIT):
        shown = certificate._replace(kind=kind)
        assert rules.get_lock(known, shown) == (shown if kind == PRECOMMIT else None)
        assert rules.get_committed(known, shown) == (
            known[certificate.digest] if kind == COMMIT else None
        )


@pytest.mark.parametrize(
    ("views", "n_below"), [((1, 2), 1), ((1, 3), None), ((1, 3, 4), 1), ((2, 4, 6), None)]
)
def test_two_certificates_in_views_in_a_row_commit(
    views: tuple[int, ...], n_below: int | None
) -> None:
    known, blocks, certificates = chain(*views)
    expected = None if n_below is None else blocks[-1 - n_below]
    assert RULES["hotstuff_2"].get_committed(known, certificates[-1]) == expected


@pytest.mark.parametrize(
    ("views", "n_below"),
    [((1, 2), 2), ((1, 2, 3), 2), ((1, 2, 4), None), ((1, 3, 4), None), ((1, 3, 4, 5), 2)],
)
def test_three_certificates_in_views_in_a_row_commit(
    views: tuple[int, ...], n_below: int | None
) -> None:
    known, blocks, certificates = chain(*views)
    expected = None if n_below is None else [GENESIS, *blocks][-1 - n_below]
    assert RULES["hotstuff_3"].get_committed(known, certificates[-1]) == expected


@pytest.mark.parametrize("protocol", ["hotstuff_2", "hotstuff_3"])
def test_what_is_below_an_unknown_block_commits_nothing(protocol: str) -> None:
    known, blocks, certificates = chain(1, 2, 3)
    del known[blocks[1].digest]
    assert RULES[protocol].get_committed(known, certificates[-1]) is None


def test_the_first_block_stands_on_genesis() -> None:
    _, blocks, _ = chain(1)
    assert blocks[0].justify == GENESIS_CERTIFICATE
    assert blocks[0].height == 1
