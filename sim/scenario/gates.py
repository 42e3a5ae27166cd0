"""Safety gates: what a scenario declares, before any run, that a change may not make worse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from sim.scenario.literals import Name, Text
from sim.scenario.strict import Strict

if TYPE_CHECKING:
    from collections.abc import Collection

    from sim.scenario.notes import Notes, Place

Above = Annotated[float, Field(gt=0)]


class Gate(Strict):
    """One outcome that `sim check` holds: against a baseline, a limit, or at zero."""

    metric: Name = Field(description="Outcome of each replication; see `sim list metrics`.")
    margin: Above | None = Field(
        None, description="By how much its mean may be worse than the baseline's, in its unit."
    )
    limit: Above | None = Field(
        None, description="How large its mean may be; how small where larger is better."
    )
    zero: bool | None = Field(
        None, description="It has to be exactly 0 in every replication; false lifts such a gate."
    )
    policies: tuple[Name, ...] = Field(
        (), description="Policies it holds; all that have such a number if left out."
    )
    because: Text | None = Field(None, description="Why a gate at zero is lifted.")

    def covers(self, policy: str) -> bool:
        """Whether it is about a policy."""
        return not self.policies or policy in self.policies


def check_gates(gates: tuple[Gate, ...], policies: Collection[str], notes: Notes) -> None:
    """Note gates that say nothing, contradict themselves, or are about unknown policies."""
    for index, gate in enumerate(gates):
        place: Place = ("gates", index)
        for at, name in enumerate(gate.policies):
            notes.require((*place, "policies", at), name, policies, "policy")
        if gate.margin is None and gate.limit is None and gate.zero is None:
            notes.add(place, "needs `margin`, `limit` or `zero`")
        if gate.zero and (gate.margin is not None or gate.limit is not None):
            notes.add((*place, "zero"), "leaves nothing for `margin` or `limit` to hold")
        if gate.zero is False and gate.because is None:
            notes.add((*place, "zero"), "needs `because`: why this gate is lifted")
        if gate.because is not None and gate.zero is not False:
            notes.add((*place, "because"), "is only for `zero: false`")
        for earlier in range(index):
            if _is_repeated(gate, gates[earlier]):
                notes.add(place, f"holds {gate.metric!r} a second time, as gates[{earlier}] does")


def _is_repeated(gate: Gate, earlier: Gate) -> bool:
    """Whether two gates say the same kind of thing about one outcome of one policy."""
    if gate.metric != earlier.metric:
        return False
    kinds = ("margin", "limit", "zero")
    if not any(getattr(gate, k) is not None and getattr(earlier, k) is not None for k in kinds):
        return False
    if not gate.policies or not earlier.policies:
        return True
    return any(name in earlier.policies for name in gate.policies)
