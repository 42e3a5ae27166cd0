"""Whether the policies of a run faced the same world, replication by replication."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.core.errors import InvariantError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INVARIANT = "the same exogenous draws under every policy"


def check_synchronised(exogenous: Mapping[str, Sequence[bytes]], seed: int) -> None:
    """Compare what came upon each policy; policies with fewer replications by those they have.

    Units:  digests by policy, one of each replication in order.
    Errors: InvariantError naming the replication and both policies.
    """
    names = list(exogenous)
    for name in names[1:]:
        both = zip(exogenous[names[0]], exogenous[name], strict=False)
        for replication, (expected, found) in enumerate(both):
            if expected != found:
                raise InvariantError(
                    INVARIANT,
                    0,
                    f"{expected.hex()} as under {names[0]}",
                    f"{found.hex()} under {name}",
                    f"replay: --policy {names[0]} --policy {name} --seed {seed} "
                    f"--replications {replication + 1} # replication {replication}",
                )
