"""A leader tells one half this, the other half that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sim.consensus.messages import (
    PROPOSAL,
    Effect,
    Message,
    Proposal,
    Send,
    compute_root,
    create_block,
)
from sim.consensus.replica import Replica
from sim.faults.base import Class, End, Site, behave_alike, find_proposal, replace_proposal


@dataclass(frozen=True, slots=True)
class EquivocatingLeader:
    """Proposes one block to the validators with even numbers and another to the rest.

    Source: Lamport, Shostak, Pease 1982, "The Byzantine generals problem".
    """

    kind: ClassVar[Class] = Class.BYZANTINE

    def begin(self, site: Site, nodes: Sequence[int]) -> End:
        """Propose twice in each view led."""
        return behave_alike(site, nodes, self)

    def act(self, replica: Replica, message: Message | None, effects: list[Effect]) -> list[Effect]:
        """Two proposals instead of one."""
        proposal = find_proposal(effects)
        if proposal is None or proposal.block.parent not in replica.blocks:
            return effects  # none, or a lie already
        other = create_other_proposal(replica, proposal)
        sides = (proposal, other)
        instead: list[Effect] = [
            Send(to, sides[to % 2])
            for to in range(replica.setting.n_validators)
            if to != replica.validator
        ]
        return replace_proposal(effects, instead)


def create_other_proposal(replica: Replica, proposal: Proposal) -> Proposal:
    """The same place in the chain with an empty batch, or, if it was empty, a nonsensical one."""
    block = proposal.block
    payload = b"" if block.payload else b"\1" * 32
    parent = replica.blocks[block.parent]
    root = compute_root(parent.root, payload)
    other = create_block(block.view, block.height, block.proposer, block.justify, payload, root)
    signature = replica.signatures.sign(replica.validator, (PROPOSAL, block.view, other.digest))
    return Proposal(other, proposal.entry, signature)
