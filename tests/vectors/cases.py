"""What each conformance vector is about: one transaction in order, and what a case spoils."""

from __future__ import annotations

from dataclasses import dataclass, field

from sim.core.reasons import ALWAYS_BINDING, EVERY_CHECK, Reason
from sim.core.records import Effect, Kind, ScopeLevel, Status
from sim.ledger.rules import Source
from tests.ledger_world import (
    ABROAD,
    AGENT,
    DELETE,
    HEIGHT,
    HELPER,
    NONCE,
    NOW_US,
    OPERATOR,
    OWNER,
    READ,
    UNMEDIATED,
    Row,
)
from tests.property.reference_words import compute_call_digest

LATER_US, SOONER_US, LAG_US = NOW_US + 1_000_000, NOW_US - 1_000, 10_000
R = Reason

# slots of `create_staked_world`, and what evidence says in it
MATURED, LEFT = 0, 1
VIEW, VOTE = 57, 2
ID = {f"word{i}": -(2**62) + i for i in range(4)}
OTHER_ID = ID | {"word3": 9}
PUNISHED = {"offender": OWNER, "view": VIEW, "statement": VOTE, "height": HEIGHT - 1}

# one transaction of each kind that is in order in `create_case_world`
IN_ORDER: dict[Kind, Row] = {
    Kind.REGISTER: {"target": 77, "mask": 0b0011, "amount": 30, "word0": 5},
    Kind.ROTATE_KEY: {"target": AGENT, "word0": 6},
    Kind.TRANSFER: {"target": AGENT, "amount": 40},
    Kind.CALL: {"sender": AGENT, "target": READ, "amount": 20},
    Kind.GRANT: {"target": HELPER, "mask": 0b0101, "expires_us": LATER_US, "depth_max": 3},
    Kind.REVOKE: {"target": 0, "subject": 1},
    Kind.APPROVE: {
        "target": AGENT,
        "subject": compute_call_digest(AGENT, DELETE, 0),
        "expires_us": LATER_US,
    },
    Kind.ANCHOR: {"target": 0, "subject": 11, "amount": 48}
    | {f"word{i}": 2**62 - i for i in range(4)},
    Kind.BOND: {"amount": 40},
    Kind.UNBOND: {"amount": 40},
    Kind.WITHDRAW: {"target": MATURED},
    Kind.EVIDENCE: {"target": OWNER, "subject": HEIGHT - 5, "amount": VIEW, "mask": VOTE} | ID,
    Kind.PUBLISH: {"sender": AGENT, "target": READ, "subject": 30, "amount": 20, "mask": 1} | ID,
    Kind.BUY: {"target": 0, "amount": 1_001},
    Kind.ATTEST: {"target": 0, "amount": 1_000_000},
    Kind.CHALLENGE: {"sender": AGENT, "target": 0, "amount": 1_000},
    Kind.RESOLVE: {"sender": HELPER, "target": 0, "amount": 1},
}
CHILD = {"sender": AGENT, "parent": 0, "mask": 0b010000, "depth_max": 1}


@dataclass
class Case:
    """What differs from the transaction in order, and in the world around it."""

    tx: Row = field(default_factory=dict)
    arguments: list[int] = field(default_factory=list)
    accounts: dict[int, Row] = field(default_factory=dict)
    grant: Row = field(default_factory=dict)  # over the first grant
    more_grants: list[Row] = field(default_factory=list)
    approval: Row = field(default_factory=dict)
    evidence: list[Row] = field(default_factory=list)
    freed: int = -1  # slot of an unbonding entry that was withdrawn
    signal: Row = field(default_factory=dict)  # over the signal on the market
    sale: Row = field(default_factory=dict)  # over its sale
    more_sales: list[Row] = field(default_factory=list)
    dispute: Row = field(default_factory=dict)  # over its dispute
    judges: list[int] | None = None
    room: dict[str, int] = field(default_factory=dict)
    client_scope: int = 0
    rules: Row = field(default_factory=dict)


def spoil_any(kind: Kind) -> dict[Reason, Case]:
    """What can be wrong with a transaction of every kind."""
    sender = IN_ORDER[kind].get("sender", OPERATOR)
    return {
        R.APPLIED: Case(),
        R.MALFORMED: Case({"fee": -1}),
        R.UNKNOWN_SENDER: Case({"sender": 9}),
        R.BAD_SIGNATURE: Case({"key_version": -1}),
        R.WRONG_CHAIN: Case({"chain_id": 2}),
        R.EXPIRED: Case({"valid_until_height": HEIGHT - 1}),
        R.NONCE_REPLAYED: Case({"nonce": NONCE - 1}),
        R.NONCE_GAP: Case({"nonce": NONCE + 1}),
        R.FEE_TOO_LOW: Case(rules={"fee_min": 3}),
        R.CANNOT_PAY_FEE: Case({"fee": 9_001}),
        R.SENDER_NOT_ACTIVE: Case(accounts={sender: {"status": Status.JAILED}}),
        R.KILL_SWITCH: Case(rules={"killed_kinds": 1 << kind}),
    }


DELICATE = {"approval_effects": 1 << Effect.DESTRUCTIVE}
DELETING = {"target": DELETE, "amount": 0, "parent": 0}
MAY_DELETE = {"mask": 0b0100}
BOUND = {"mask": 0b0100, "scope_level": ScopeLevel.ARGUMENTS, "arguments": [3, 5]}

# what only one kind can get wrong
OWN: dict[tuple[Kind, Reason], Case] = {
    (Kind.REGISTER, R.INSUFFICIENT_FUNDS): Case({"amount": 999}),
    (Kind.REGISTER, R.BAD_KEY): Case({"proof_valid": 0}),
    (Kind.REGISTER, R.DUPLICATE): Case({"target": 11}),
    (Kind.REGISTER, R.NOT_ISSUER): Case({"subject": 1}),
    (Kind.REGISTER, R.MASK_NOT_SUBSET): Case({"mask": 1 << 8}),
    (Kind.REGISTER, R.TABLE_FULL): Case(room={"accounts": 7}),
    (Kind.ROTATE_KEY, R.TARGET_UNKNOWN): Case({"target": 7}),
    (Kind.ROTATE_KEY, R.BAD_KEY): Case({"proof_valid": 0}),
    (Kind.ROTATE_KEY, R.NOT_ISSUER): Case({"target": OWNER}),
    (Kind.TRANSFER, R.INSUFFICIENT_FUNDS): Case({"amount": 999}),
    (Kind.TRANSFER, R.TARGET_UNKNOWN): Case({"target": 7}),
    (Kind.TRANSFER, R.TARGET_NOT_ACTIVE): Case(accounts={AGENT: {"status": Status.FROZEN}}),
    (Kind.TRANSFER, R.TARGET_SELF): Case({"target": OPERATOR}),
    (Kind.CALL, R.CAPABILITY_EXPIRED): Case(DELETING, grant=MAY_DELETE | {"expires_us": NOW_US}),
    (Kind.CALL, R.CAPABILITY_DENIED): Case(DELETING),
    (Kind.CALL, R.SCOPE_DENIED): Case(DELETING, [3, 4], grant=BOUND),
    (Kind.CALL, R.APPROVAL_MISSING): Case(DELETING, grant=MAY_DELETE, rules=DELICATE),
    (Kind.CALL, R.RATE_LIMITED): Case(
        accounts={AGENT: {"tokens_ppm": 999_999, "tokens_us": NOW_US}},
        rules={"rate_cap_ppm": 3_000_000, "rate_refill_ppm": 1},
    ),
    (Kind.CALL, R.INSUFFICIENT_STAKE): Case(rules={"stake_min": 1}),
    (Kind.CALL, R.INSUFFICIENT_REPUTATION): Case(rules={"reputation_ppm_min": 1}),
    (Kind.CALL, R.ILLEGITIMATE): Case({"illegitimate": 1}),
    (Kind.CALL, R.INSUFFICIENT_FUNDS): Case({"amount": 99}),
    (Kind.CALL, R.TARGET_UNKNOWN): Case({"target": 3}),
    (Kind.GRANT, R.TARGET_UNKNOWN): Case({"target": 7}),
    (Kind.GRANT, R.TARGET_NOT_ACTIVE): Case(accounts={HELPER: {"status": Status.TOMBSTONED}}),
    (Kind.GRANT, R.TARGET_SELF): Case({"target": OPERATOR}),
    (Kind.GRANT, R.NOT_ISSUER): Case(CHILD | {"sender": OPERATOR}),
    (Kind.GRANT, R.MASK_NOT_SUBSET): Case(CHILD | {"mask": 0b110000}),
    (Kind.GRANT, R.OUTLIVES_PARENT): Case(CHILD, grant={"expires_us": LATER_US - 1}),
    (Kind.GRANT, R.TOO_DEEP): Case(CHILD | {"depth_max": 2}),
    (Kind.GRANT, R.GRANT_UNKNOWN): Case(CHILD | {"parent": 1}),
    (Kind.GRANT, R.ALREADY_REVOKED): Case(CHILD, grant={"revoked_us": SOONER_US}),
    (Kind.GRANT, R.TABLE_FULL): Case(room={"grants": 1}),
    (Kind.REVOKE, R.NOT_ISSUER): Case({"sender": AGENT}),
    (Kind.REVOKE, R.GRANT_UNKNOWN): Case({"subject": 2}),
    (Kind.REVOKE, R.ALREADY_REVOKED): Case(grant={"revoked_us": SOONER_US}),
    (Kind.APPROVE, R.TARGET_UNKNOWN): Case({"target": 7}),
    (Kind.APPROVE, R.NOT_ISSUER): Case({"target": OWNER}),
    (Kind.APPROVE, R.TABLE_FULL): Case(room={"approvals": 0}),
    (Kind.ANCHOR, R.TARGET_UNKNOWN): Case({"target": 1}),
    (Kind.ANCHOR, R.NOT_ISSUER): Case({"sender": AGENT}),
    (Kind.ANCHOR, R.ANCHOR_STALE): Case({"subject": 10}),
    (Kind.BOND, R.INSUFFICIENT_FUNDS): Case({"amount": 999}),
    (Kind.UNBOND, R.STAKE_TOO_SMALL): Case({"amount": 501}),
    (Kind.UNBOND, R.TABLE_FULL): Case(room={"unbonding": 4}),
    (Kind.WITHDRAW, R.UNBONDING_UNKNOWN): Case({"target": 4}),
    (Kind.WITHDRAW, R.NOT_ISSUER): Case({"target": LEFT}),
    (Kind.WITHDRAW, R.NOT_MATURED): Case({"height": HEIGHT - 1}),
    (Kind.EVIDENCE, R.TARGET_UNKNOWN): Case({"target": 7}),
    (Kind.EVIDENCE, R.PROOF_INVALID): Case({"proof_valid": 0}),
    (Kind.EVIDENCE, R.OFFENCE_TO_COME): Case({"subject": HEIGHT + 1}),
    (Kind.EVIDENCE, R.EVIDENCE_TOO_OLD): Case(rules={"evidence_age_blocks": 4}),
    (Kind.EVIDENCE, R.EVIDENCE_USED): Case(evidence=[PUNISHED | ID]),
    (Kind.EVIDENCE, R.TABLE_FULL): Case(room={"evidence": 0}),
}

MILD = {"slash_floor": 100}
LOOSE = {"binding": ALWAYS_BINDING}
LATE = {"source": Source.TOKEN, "revocation_lag_us": LAG_US}
REVOKED = MAY_DELETE | {"revoked_us": SOONER_US}

# the same outcomes by another way
VARIANTS: dict[tuple[Kind, Reason, str], Case] = {
    (Kind.ROTATE_KEY, R.APPLIED, "of_own_key"): Case({"target": OPERATOR}),
    (Kind.TRANSFER, R.APPLIED, "of_what_there_is"): Case(
        {"amount": 999}, rules={"binding": EVERY_CHECK & ~(1 << R.INSUFFICIENT_FUNDS)}
    ),
    (Kind.CALL, R.APPLIED, "by_live_grant"): Case(DELETING, grant=MAY_DELETE),
    (Kind.CALL, R.APPLIED, "within_arguments"): Case(DELETING, [3, 5], grant=BOUND),
    (Kind.CALL, R.APPLIED, "with_approval"): Case(
        DELETING,
        grant=MAY_DELETE,
        approval={"call_digest": compute_call_digest(AGENT, DELETE, 0)},
        rules=DELICATE,
    ),
    (Kind.CALL, R.APPLIED, "within_rate"): Case(
        accounts={AGENT: {"tokens_ppm": 999_999, "tokens_us": NOW_US - 1}},
        rules={"rate_cap_ppm": 3_000_000, "rate_refill_ppm": 1_000_000},
    ),
    (Kind.CALL, R.APPLIED, "where_nothing_binds"): Case(DELETING, rules=LOOSE),
    (Kind.CALL, R.APPLIED, "past_the_enforcement_point"): Case({"situation": UNMEDIATED}),
    (Kind.CALL, R.APPLIED, "on_a_claim"): Case(
        DELETING | {"claim": 0b0100}, rules={"source": Source.CLAIM}
    ),
    (Kind.CALL, R.APPLIED, "for_a_client_org"): Case(
        {"target": ABROAD}, client_scope=0b0001, rules={"source": Source.CLIENT}
    ),
    (Kind.CALL, R.APPLIED, "before_word_of_the_revocation"): Case(
        DELETING, grant=REVOKED, rules=LATE
    ),
    (Kind.CALL, R.CAPABILITY_DENIED, "after_word_of_the_revocation"): Case(
        DELETING, grant=REVOKED | {"revoked_us": NOW_US - LAG_US}, rules=LATE
    ),
    (Kind.CALL, R.CAPABILITY_DENIED, "parent_revoked"): Case(
        DELETING | {"sender": HELPER},
        grant=REVOKED,
        more_grants=[MAY_DELETE | {"issuer": AGENT, "holder": HELPER, "parent": 0, "depth": 1}],
    ),
    (Kind.CALL, R.BAD_SIGNATURE, "before_any_rotation"): Case(
        {"key_version": -1, "now_us": LAG_US // 2}, rules=LATE
    ),
    (Kind.CALL, R.APPLIED, "before_word_of_the_rotation"): Case(
        accounts={AGENT: {"key_version": 1, "key_rotated_us": SOONER_US}}, rules=LATE
    ),
    (Kind.GRANT, R.APPLIED, "of_a_part"): Case(CHILD),
    (Kind.GRANT, R.APPLIED, "in_the_lane_of_another"): Case(
        {"target": AGENT, "subject": 9}, grant={"lane": 9}
    ),
    (Kind.GRANT, R.APPLIED, "in_a_dead_slot"): Case(
        {"target": AGENT, "scope_level": ScopeLevel.ARGUMENTS},
        [7],
        grant={"revoked_us": SOONER_US, "arguments": [2, 4]},
    ),
    (Kind.GRANT, R.MASK_NOT_SUBSET, "beyond_arguments"): Case(
        CHILD | {"scope_level": ScopeLevel.ARGUMENTS},
        [3, 4],
        grant={"scope_level": ScopeLevel.ARGUMENTS, "arguments": [3, 5]},
    ),
    (Kind.GRANT, R.MALFORMED, "scope_level_above_all"): Case(CHILD | {"scope_level": 3}),
    (Kind.TRANSFER, R.MALFORMED, "nonce_without_successor"): Case({"nonce": 2**63 - 1}),
    (Kind.BOND, R.APPLIED, "of_what_there_is"): Case(
        {"amount": 999}, rules={"binding": EVERY_CHECK & ~(1 << R.INSUFFICIENT_FUNDS)}
    ),
    (Kind.UNBOND, R.APPLIED, "in_a_freed_slot"): Case(freed=MATURED),
    (Kind.UNBOND, R.STAKE_TOO_SMALL, "nothing"): Case({"amount": 0}),
    (Kind.WITHDRAW, R.UNBONDING_UNKNOWN, "withdrawn_before"): Case(freed=MATURED),
    (Kind.EVIDENCE, R.APPLIED, "at_the_last_height"): Case(rules={"evidence_age_blocks": 5}),
    (Kind.EVIDENCE, R.APPLIED, "from_entries_by_maturity"): Case(rules=MILD),
    (Kind.EVIDENCE, R.APPLIED, "from_entries_then_stake"): Case(
        rules=MILD | {"slash_floor": 1_200}
    ),
    (Kind.EVIDENCE, R.APPLIED, "with_others_lately"): Case(
        evidence=[
            {"offender": AGENT, "height": HEIGHT - 1_000, "base": 9_000},
            {"offender": HELPER, "height": HEIGHT - 999, "base": 500, "word0": 1},
        ],
        rules=MILD,
    ),
    (Kind.EVIDENCE, R.APPLIED, "for_a_capped_reward"): Case(rules=MILD | {"reporter_cap": 3}),
    (Kind.EVIDENCE, R.APPLIED, "with_a_share_of_the_treasury"): Case(
        rules=MILD | {"slash_treasury_ppm": 333_333}
    ),
    (Kind.EVIDENCE, R.APPLIED, "against_oneself"): Case({"target": OPERATOR}),
    (Kind.EVIDENCE, R.APPLIED, "against_one_without_stake"): Case({"target": AGENT}),
    (Kind.EVIDENCE, R.APPLIED, "in_another_view_costs_nothing_more"): Case(
        {"amount": VIEW + 1} | OTHER_ID,
        accounts={OWNER: {"status": Status.TOMBSTONED}},
        evidence=[PUNISHED | ID],
    ),
    (Kind.EVIDENCE, R.EVIDENCE_USED, "of_the_same_offence"): Case(
        OTHER_ID, evidence=[PUNISHED | ID]
    ),
    (Kind.EVIDENCE, R.EVIDENCE_TOO_OLD, "before_the_first_block"): Case({"subject": -1}),
}
