"""What must hold of ordering, watched from outside and never repaired.

Shares no rule with the replicas: quorums are counted anew, locks are remembered here. The numbers
I1..I7, I14 and I15 are those of the list of invariants in `tests/canaries`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.consensus.messages import (
    GENESIS,
    TIMEOUT,
    VOTE,
    Block,
    Certificate,
    Evidence,
)
from sim.core.errors import InvariantError

if TYPE_CHECKING:
    from sim.consensus.messages import Commit
    from sim.consensus.signatures import Signatures


class Watch:
    """Checks every certificate, vote, commit and accusation of the honest replicas.

    `n_conflicts` counts the blocks that an honest replica committed where another had committed
    something else. These and second certificates of a view raise if `is_fatal`; where there are
    more faults than any protocol bears they are what is studied.
    Errors: InvariantError from every method.
    """

    def __init__(self, n_validators: int, signatures: Signatures, *, is_fatal: bool = True) -> None:
        self.n_validators, self.signatures, self.is_fatal = n_validators, signatures, is_fatal
        self.certified: dict[tuple[int, int], bytes] = {}  # kind and view -> block
        self.checked: Certificate | None = None
        self.voted: dict[tuple[int, int, int], bytes] = {}  # kind, view, validator -> block
        self.locks: dict[int, int] = {}  # validator -> highest view it was seen locked on
        self.final: dict[int, Commit] = {}  # by height, as whoever committed first has it
        self.also_final: dict[int, list[bytes]] = {}  # other blocks committed at a height
        self.last: dict[int, Block] = {}  # replica -> last block it committed
        self.convicted: dict[int, Evidence] = {}
        self.n_conflicts = 0
        self.n_certificates = 0
        self.n_commits = 0
        self.n_votes = 0

    def on_certificate(self, certificate: Certificate) -> None:
        """I4: enough distinct validators signed it. I6: no other block has one in this view."""
        if certificate is self.checked or certificate.view == 0:
            return
        self.checked = certificate
        kind, view, digest, signers, signatures = certificate
        n_faulty = (self.n_validators - 1) // 3
        n_distinct = len(frozenset(signers))
        if n_distinct != len(signers) or n_distinct < self.n_validators - n_faulty:
            found = f"{len(signers)} signers, {n_distinct} distinct, in view {view}"
            expected = f"{self.n_validators - n_faulty} distinct signers"
            raise InvariantError("I4 quorum", view, expected, found)
        if not self.signatures.are_signed(signers, (kind, view, digest), signatures):
            raise InvariantError("I4 quorum", view, "signatures of that view and block", "others")
        known = self.certified.setdefault((kind, view), digest)
        if known != digest:
            self.report("I6 one certificate", view, known.hex()[:16], digest.hex()[:16])
        elif kind == VOTE:
            self.n_certificates += 1

    def on_lock(self, validator: int, view: int) -> None:
        """Remember how high an honest validator was locked, for longer than it does itself."""
        if view > self.locks.get(validator, 0):
            self.locks[validator] = view

    def on_vote(self, validator: int, kind: int, view: int, digest: bytes, below: int) -> None:
        """I5: once a view and kind, for a block whose parent is certified at the lock or above.

        Units:  below is the view of the certificate that the block carries.
        """
        self.n_votes += 1
        known = self.voted.setdefault((kind, view, validator), digest)
        if known != digest:
            found = f"validator {validator} voted for two blocks in view {view}"
            raise InvariantError("I5 one vote", view, "at most one vote", found)
        lock = self.locks.get(validator, 0)
        if kind == VOTE and below < lock:
            found = f"validator {validator} locked on view {lock} voted for one on {below}"
            raise InvariantError("I5 lock", view, "no vote below the lock", found)

    def on_commit(self, replica: int, commit: Commit) -> None:
        """I1 agreement, I2 prefix and order, I7 equal state roots."""
        block, root = commit
        self.n_commits += 1
        height, below = block.height, self.last.get(replica, GENESIS)
        if height != below.height + 1 or block.justify.digest != below.digest:
            found = f"replica {replica} committed height {height} after {below.height}"
            raise InvariantError("I2 prefix", height, "the next block above", found)
        self.last[replica] = block
        final = self.final.setdefault(height, commit)
        if final.block.digest != block.digest:
            self.on_conflict(block)
        elif final.root != root:
            raise InvariantError("I7 state root", height, final.root.hex()[:16], root.hex()[:16])

    def on_conflict(self, block: Block) -> None:
        """Two honest replicas have different blocks at one height."""
        others = self.also_final.setdefault(block.height, [])
        if block.digest not in others:
            others.append(block.digest)
            self.n_conflicts += 1
            known = self.final[block.height].block.digest.hex()[:16]
            self.report("I1 agreement", block.height, known, block.digest.hex()[:16])

    def report(self, invariant: str, place: int, expected: str, found: str) -> None:
        """Raise, unless there are more faulty validators than the promise is made for."""
        if self.is_fatal:
            raise InvariantError(invariant, place, expected, found)

    def on_evidence(self, evidence: Evidence, *, is_honest: bool) -> None:
        """I14: it proves what it says. I15: whoever follows the rules is never convicted."""
        accused, first, first_signature, second, second_signature = evidence
        is_conflict = first[:2] == second[:2] and first[2] != second[2] and first[0] != TIMEOUT
        if not is_conflict:
            raise InvariantError("I14 evidence", first[1], "two conflicting statements", str(first))
        if not (
            self.signatures.is_signed(accused, first, first_signature)
            and self.signatures.is_signed(accused, second, second_signature)
        ):
            raise InvariantError("I14 evidence", first[1], f"signatures of {accused}", "others")
        if is_honest:
            found = f"evidence against validator {accused}"
            raise InvariantError("I15 accuracy", first[1], "no honest validator convicted", found)
        self.convicted[accused] = evidence
