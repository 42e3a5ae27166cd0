"""What every policy is made of: names of levers, and the record that holds their settings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sim.core.records import Effect
from sim.core.units import PPM


class Checks(StrEnum):
    """Who checks what; compiled by `enforcement`."""

    NONE = "none"
    GATEWAY = "gateway"
    CHAIN = "chain"
    LAYERED = "layered"
    DENY_ALL = "deny_all"
    REFERENCE_MONITOR = "reference_monitor"
    ORACLE = "oracle"


class Order(StrEnum):
    """Who puts calls in order, and by which clock."""

    IMMEDIATE = "immediate"
    GATEWAY = "gateway"
    CHAIN = "chain"
    LAYERED = "layered"


class Log(StrEnum):
    """Who keeps the record."""

    NOBODY = "nobody"
    OPERATOR = "operator"
    ANCHORED = "anchored"
    FEDERATED = "federated"
    VALIDATORS = "validators"
    BOTH = "both"


class Inbound(StrEnum):
    """Whose word the owner takes when a call comes from another org that does not check."""

    API_KEY = "api_key"
    CLIENT_SCOPES = "client_scopes"
    SIGNED_CAPABILITY = "signed_capability"


class Protocol(StrEnum):
    """How the validators of a chain come to agree."""

    HOTSTUFF_2 = "hotstuff_2"
    HOTSTUFF_3 = "hotstuff_3"
    HOTSTUFF_BASIC = "hotstuff_basic"
    SEQUENCER = "sequencer"


class Scope(StrEnum):
    """How narrow the grants are that an agent works with."""

    ROLE = "role"
    TASK_EXACT = "task_exact"
    TASK = "task"
    ARGUMENTS = "arguments"


@dataclass(frozen=True, slots=True)
class Policy:
    """One setting of every lever.

    Units: `_ppm` parts per million, `_us` microseconds, `_blocks` blocks, fee in base units.
    """

    name: str
    checks: Checks = Checks.NONE
    order: Order = Order.IMMEDIATE
    log: Log = Log.NOBODY
    inbound: Inbound = Inbound.API_KEY
    scope: Scope = Scope.TASK
    mediation_ppm: int = PPM  # share of paths to a resource that pass the enforcement point
    approval: tuple[Effect, ...] = ()  # effects that need a human's approval
    rate_per_minute: int = 0  # calls an account may make; 0: no limit
    anchor_blocks: int = 20
    revocation_lag_us: int = 0  # until a verifier of signed capabilities hears of a revocation
    commit_delay_us: int = 0  # an irreversible effect waits this long and can be called off
    fee: int = 0  # base units a transaction
    protocol: Protocol = Protocol.HOTSTUFF_2

    @property
    def is_bound(self) -> bool:
        """Whether this is no policy one could run, but a bound to compare with."""
        return self.checks in (Checks.DENY_ALL, Checks.REFERENCE_MONITOR, Checks.ORACLE)

    @property
    def checks_signatures(self) -> bool:
        """Whether it declares that forgeries and replays are refused."""
        return self.checks in (
            Checks.GATEWAY,
            Checks.CHAIN,
            Checks.LAYERED,
            Checks.REFERENCE_MONITOR,
        )

    @property
    def requires_approval(self) -> bool:
        """Whether it declares that some calls need a human."""
        return bool(self.approval) and self.checks_signatures

    @property
    def anchors(self) -> bool:
        """Whether an operator's log is committed to elsewhere."""
        return self.log in (Log.ANCHORED, Log.FEDERATED, Log.BOTH)

    @property
    def slashes_fraud(self) -> bool:
        """Whether sellers of fraudulent signals can lose stake."""
        return False

    @property
    def shares_scores(self) -> bool:
        """Whether ratings of one buyer reach the others."""
        return False

    @property
    def settles_disputes(self) -> bool:
        """Whether a signal can be disputed."""
        return False

    @property
    def has_validators(self) -> bool:
        """Whether validators that can fail order anything for it."""
        uses_chain = self.has_chain or self.anchors
        return uses_chain and self.protocol is not Protocol.SEQUENCER

    @property
    def has_gateways(self) -> bool:
        """Whether calls pass gateways of orgs."""
        return self.order in (Order.GATEWAY, Order.LAYERED)

    @property
    def has_chain(self) -> bool:
        """Whether calls are ordered by a chain."""
        return self.order in (Order.CHAIN, Order.LAYERED)
