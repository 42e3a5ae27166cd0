"""A leader claims a state that no execution leads to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sim.consensus.messages import PROPOSAL, Broadcast, Effect, Message, Proposal, create_block
from sim.consensus.replica import Replica
from sim.faults.base import (
    Class,
    End,
    Site,
    behave_alike,
    drop_votes,
    find_proposal,
    replace_proposal,
)


@dataclass(frozen=True, slots=True)
class LunaticProposal:
    """Proposes blocks with a wrong state root.

    Source: "lunatic attack" of the CometBFT accountability specification.
    """

    kind: ClassVar[Class] = Class.BYZANTINE

    def begin(self, site: Site, nodes: Sequence[int]) -> End:
        """Claim wrong roots."""
        return behave_alike(site, nodes, self)

    def act(self, replica: Replica, message: Message | None, effects: list[Effect]) -> list[Effect]:
        """The same batch with a root it does not lead to."""
        proposal = find_proposal(effects)
        if proposal is None:
            return effects
        block = proposal.block
        root = bytes(byte ^ 255 for byte in block.root)
        wrong = create_block(
            block.view, block.height, block.proposer, block.justify, block.payload, root
        )
        signature = replica.signatures.sign(replica.validator, (PROPOSAL, block.view, wrong.digest))
        return replace_proposal(
            drop_votes(effects), [Broadcast(Proposal(wrong, proposal.entry, signature))]
        )
