"""What a replica votes for, locks on and commits: all that tells the protocols apart.

A vote needs a block whose parent's certificate is no older than the lock. Which certificate is
the lock, and what a certificate commits, is the protocol's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sim.consensus.messages import COMMIT, PRECOMMIT, Block, Certificate

if TYPE_CHECKING:
    from collections.abc import Mapping

    Known = Mapping[bytes, Block]


class Rules(Protocol):
    """Vote, lock, commit, propose."""

    name: str

    def is_votable(self, lock: Certificate, block: Block) -> bool:
        """Whether a block may get the vote of a replica with this lock."""

    def get_lock(self, known: Known, certificate: Certificate) -> Certificate | None:
        """What a certificate locks, if anything."""

    def get_committed(self, known: Known, certificate: Certificate) -> Block | None:
        """The highest block that a certificate makes final, if any."""

    def get_parent(self, high: Certificate) -> Certificate:
        """What a leader extends that knows this highest certificate."""


class _ByLock:
    """Vote and propose rule that all of them share."""

    def is_votable(self, lock: Certificate, block: Block) -> bool:
        """Never below the lock."""
        return block.justify.view >= lock.view

    def get_parent(self, high: Certificate) -> Certificate:
        """The highest certificate."""
        return high


class TwoChain(_ByLock):
    """HotStuff-2, pipelined: lock on one certificate, commit on two in consecutive views.

    Source: Malkhi, Nayak 2023, "Extended abstract: HotStuff-2: optimal two-phase responsive BFT".
    """

    name = "hotstuff_2"

    def get_lock(self, known: Known, certificate: Certificate) -> Certificate | None:
        """The certificate itself."""
        return certificate

    def get_committed(self, known: Known, certificate: Certificate) -> Block | None:
        """The parent, if it was certified in the view before."""
        below = known[certificate.digest].justify
        return known.get(below.digest) if below.view + 1 == certificate.view else None


class ThreeChain(_ByLock):
    """Chained HotStuff: lock on two certificates, commit on three in consecutive views.

    Source: Yin et al. 2019, "HotStuff: BFT consensus with linearity and responsiveness",
    algorithm 4.
    """

    name = "hotstuff_3"

    def get_lock(self, known: Known, certificate: Certificate) -> Certificate | None:
        """The certificate in the certified block."""
        return known[certificate.digest].justify

    def get_committed(self, known: Known, certificate: Certificate) -> Block | None:
        """The grandparent, if the three were certified in views one after another."""
        parent = known.get(known[certificate.digest].justify.digest)
        if parent is None or parent.view + 1 != certificate.view:
            return None
        below = parent.justify
        return known.get(below.digest) if below.view + 1 == parent.view else None


class Basic(_ByLock):
    """Basic HotStuff: one leader takes one block through all phases of a view.

    Source: Yin et al. 2019, algorithm 2.
    """

    name = "hotstuff_basic"

    def get_lock(self, known: Known, certificate: Certificate) -> Certificate | None:
        """A certificate of the PRECOMMIT phase."""
        return certificate if certificate.kind == PRECOMMIT else None

    def get_committed(self, known: Known, certificate: Certificate) -> Block | None:
        """The block of a certificate of the COMMIT phase."""
        return known.get(certificate.digest) if certificate.kind == COMMIT else None


RULES: dict[str, Rules] = {rules.name: rules for rules in (TwoChain(), ThreeChain(), Basic())}
