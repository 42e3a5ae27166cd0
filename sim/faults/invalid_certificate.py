"""A leader makes certificates up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sim.consensus.messages import (
    PROPOSAL,
    VOTE,
    Block,
    Broadcast,
    Certificate,
    Effect,
    Message,
    Proposal,
    create_block,
)
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
class InvalidCertificate:
    """Proposes on certificates with too few, repeated, or absent signers, in turn."""

    kind: ClassVar[Class] = Class.BYZANTINE

    def begin(self, site: Site, nodes: Sequence[int]) -> End:
        """Forge what it proposes on."""
        return behave_alike(site, nodes, self)

    def act(self, replica: Replica, message: Message | None, effects: list[Effect]) -> list[Effect]:
        """A proposal for the same view on a block that nobody certified."""
        proposal = find_proposal(effects)
        if proposal is None or proposal.block.parent not in replica.blocks:
            return effects  # none, or a lie already
        block = proposal.block
        parent = create_unknown_parent(replica, block)
        own = replica.signatures.sign(replica.validator, (VOTE, block.view - 1, parent.digest))
        n_claimed = replica.quorum
        signers = (
            (replica.validator,),
            (replica.validator,) * n_claimed,
            tuple(range(n_claimed)),
        )[block.view // replica.setting.n_validators % 3]
        forged = Certificate(VOTE, block.view - 1, parent.digest, signers, (own,) * len(signers))
        root = block.root
        fake = create_block(block.view, block.height, block.proposer, forged, block.payload, root)
        signature = replica.signatures.sign(replica.validator, (PROPOSAL, block.view, fake.digest))
        return replace_proposal(drop_votes(effects), [Broadcast(Proposal(fake, None, signature))])


def create_unknown_parent(replica: Replica, block: Block) -> Block:
    """A block beside the real parent, which nobody has seen."""
    below = replica.blocks[block.parent]
    return create_block(
        block.view - 1, below.height, replica.validator, below.justify, b"\2" * 32, below.root
    )
