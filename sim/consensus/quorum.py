"""How many validators can fail, how many must sign, and who leads."""

from __future__ import annotations

from typing import NamedTuple


def get_fault_limit(n_validators: int) -> int:
    """f: most Byzantine validators of n under which no two commit different blocks.

    Source: Pease, Shostak, Lamport 1980, "Reaching agreement in the presence of faults".
    """
    return (n_validators - 1) // 3


def get_quorum(n_validators: int) -> int:
    """Signers of a certificate: n - f, so that any two quorums share an honest validator.

    2f + 1 is the same only where n = 3f + 1; of five validators two sets of three may meet in
    the one that is faulty.
    """
    return n_validators - get_fault_limit(n_validators)


class Setting(NamedTuple):
    """What every replica of a committee knows from the start.

    Units: times in microseconds.
    """

    n_validators: int
    timeout_us: int  # a view's timer, doubled with each view in a row that timed out
    timeout_max_us: int
    delta_us: int  # how long a leader waits for locks it has not heard of after a time-out
    first_leaders: tuple[int, ...] = ()  # of views 1, 2, ...; then the validators take turns

    @property
    def quorum(self) -> int:
        """Signers of a certificate."""
        return get_quorum(self.n_validators)

    def get_leader(self, view: int) -> int:
        """Who proposes in a view; the first view is 1."""
        if view <= len(self.first_leaders):
            return self.first_leaders[view - 1]
        return view % self.n_validators
