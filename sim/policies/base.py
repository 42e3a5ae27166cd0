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


class Settlement(StrEnum):
    """When the price of a signal reaches its seller."""

    TRUST = "trust"
    PREPAID = "prepaid"
    ESCROW = "escrow"


class Judges(StrEnum):
    """Who decides a complaint about a signal."""

    NOBODY = "nobody"
    OPERATOR = "operator"
    ARBITER = "arbiter"
    COMMITTEE = "committee"


class Slashing(StrEnum):
    """What a fraud costs its seller's stake, once it is proven."""

    NONE = "none"
    FIXED = "fixed"
    PROPORTIONAL = "proportional"
    HARM = "harm"
    ESCALATING = "escalating"
    CORRELATED = "correlated"
    ETHEREUM = "ethereum"
    COSMOS = "cosmos"


class Weighting(StrEnum):
    """What a rating weighs."""

    EQUAL = "equal"
    VALUE = "value"
    STAKE = "stake"


class Check(StrEnum):
    """A check that a policy can leave unbound, to see what it is worth."""

    CAPABILITY = "capability"
    FUNDS = "funds"
    STAKE = "stake"
    REPUTATION = "reputation"


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
    unbound: tuple[Check, ...] = ()  # checks of it that do not bind
    # how signals are traded
    settlement: Settlement = Settlement.TRUST
    window_us: int = 20_000_000  # from a sale to the end of its dispute window
    offer_us: int = 20_000_000  # how long a signal is for sale
    escrow_fee_ppm: int = 0  # of a price that is paid out of escrow
    judges: Judges = Judges.NOBODY
    committee: int = 5  # seats in a dispute
    verdict_us: int = 20_000_000  # how long they may take
    bond: int = 0  # base units, of who publishes and of who challenges
    audit_ppm: int = 0  # share of signals that an auditor looks at
    slashing: Slashing = Slashing.NONE
    slash_rate_ppm: int = 50_000  # share of stake
    slash_fixed: int = 1_000  # base units
    slash_harm_ppm: int = 1_000_000  # of the harm on record
    stake_min: int = 0  # base units that a seller must have bonded
    reputation: str = "none"  # rule that turns ratings into scores for all to see
    rating_weight: Weighting = Weighting.EQUAL
    epoch_us: int = 10_000_000  # between two computations of scores that need all ratings
    reputation_ppm_min: int = 0  # score that a seller must have
    newcomer_ppm: int = 500_000  # score of who was never rated
    newcomer_price_max: int = 0  # base units that such a seller may ask; 0: no limit

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
    def shares_scores(self) -> bool:
        """Whether everybody sees what others' ratings come to."""
        return self.reputation != "none"

    @property
    def settles_disputes(self) -> bool:
        """Whether somebody decides about complaints."""
        return self.judges is not Judges.NOBODY

    @property
    def slashes_fraud(self) -> bool:
        """Whether a proven fraud costs stake."""
        return self.settles_disputes and self.slashing is not Slashing.NONE

    @property
    def anchors(self) -> bool:
        """Whether an operator's log is committed to elsewhere."""
        return self.log in (Log.ANCHORED, Log.FEDERATED, Log.BOTH)

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
