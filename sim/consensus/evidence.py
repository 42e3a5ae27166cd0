"""Who contradicts himself: statements are remembered, and two that conflict are proof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.consensus.messages import Accuse, Effect, Evidence, Signature

if TYPE_CHECKING:
    from sim.consensus.signatures import Signatures


class Witness:
    """What a replica remembers of what others signed."""

    signatures: Signatures
    statements: dict[tuple[int, int, int], tuple[Any, Signature]]  # by kind, view, validator

    def note(
        self, kind: int, view: int, validator: int, digest: bytes, signature: Signature
    ) -> Evidence | None:
        """Remember what a validator signed; proof against it if it had signed otherwise."""
        key = (kind, view, validator)
        said = self.statements.get(key)
        if said is None:
            self.statements[key] = (digest, signature)
            return None
        if said[0] == digest:
            return None
        return Evidence(validator, (kind, view, said[0]), said[1], (kind, view, digest), signature)

    def forget_statements(self, oldest_view: int) -> None:
        """Forget what was said of earlier views."""
        kept = {key: said for key, said in self.statements.items() if key[1] >= oldest_view}
        self.statements = kept

    def accuse(self, evidence: Evidence | None, effects: list[Effect]) -> None:
        """Pass proof on, once its older half is known to be genuine as well."""
        if evidence is not None and self.is_proof(evidence):
            effects.append(Accuse(evidence))

    def is_proof(self, evidence: Evidence) -> bool:
        """Whether both statements are the accused's."""
        return self.signatures.is_signed(
            evidence.accused, evidence.first, evidence.first_signature
        ) and self.signatures.is_signed(
            evidence.accused, evidence.second, evidence.second_signature
        )
