"""The ledger a second time: dictionaries, Python integers, one rule after another.

Slow and obvious on purpose, and written from the rules in words. It shares no code with the
compiled transition, only the names of columns and the numbers of reasons.
"""

from __future__ import annotations

from copy import deepcopy

from sim.core.reasons import Reason
from sim.core.records import Kind, ScopeLevel, Status
from sim.ledger.rules import Rules, Source
from tests.property.reference_market import MarketRules
from tests.property.reference_words import (
    ESCROW,
    LARGEST,
    READY,
    TREASURY,
    Row,
    Steps,
    get_call_digest,
    is_active,
    move,
    rename,
    union,
)

LINKS_MAX = 8  # a chain of grants has at most this many links below its root
CALL_PPM = US_PER_S = 1_000_000
FRESH = {"key_rotated_us": -1, "tokens_us": -(2**61)}  # never rotated, full bucket
TABLES = ("accounts", "grants", "approvals", "logs", "unbonding", "evidence", "liveness")
MARKET = ("signals", "sales", "disputes", "ratings", "judges")
STATE = (*TABLES, *MARKET, "grant_ids", "pool_used")
GUARDED = (Kind.CALL, Kind.PUBLISH)  # what an enforcement point judges, if it goes through one


class ReferenceLedger(MarketRules):
    """A world, the rules it runs under, and `apply`."""

    def __init__(self, world: Row, rules: Rules) -> None:
        vars(self).update(deepcopy(world))  # accounts, grants, approvals, logs, operations, ...
        self.rules = rules
        self.sources = [Source(source) for source in rules.source.tolist()]
        self.binding = [{r for r in Reason if mask >> r & 1} for mask in rules.binding.tolist()]

    def get_snapshot(self) -> Row:
        """The whole state, to compare."""
        return {name: getattr(self, name) for name in STATE}

    def apply(self, tx: Row, arguments: list[int]) -> Row:
        """Judge one transaction, change what it may change, return its receipt."""
        masks = dict.fromkeys(("required", "caps_static", "caps_effective"), 0)
        money = {"amount": 0, "fee": 0, "counterparty": -1}
        place = rename(tx, "height", "submitted_us", committed_us="now_us") | {"position": 0}
        receipt = rename(tx, "sender", "kind", "target") | masks | money | place
        if fault := self.find_malformation(tx, len(arguments)):
            return receipt | {"code": fault, "violations": 1 << fault}
        sender, is_call = self.accounts[tx["sender"]], tx["kind"] in GUARDED
        wanted = arguments[tx["arguments_from"] : tx["arguments_to"]]
        rule = getattr(ReferenceLedger, Kind(tx["kind"]).name.lower())  # some tables share its name
        steps: Steps = rule(self, tx, sender, wanted)
        own = next(reason for reason, fails in steps if fails)  # of its own reasons, the first
        true = self.judge_envelope(tx, sender) | ({own} - {Reason.APPLIED})
        seen = true - {Reason.BAD_SIGNATURE} if self.is_old_key_believed(tx, sender) else true
        if is_call and own != Reason.TARGET_UNKNOWN:
            more_true, more_seen, masks = self.judge_call(tx, sender, wanted)
            true, seen, receipt = true | more_true, seen | more_seen, receipt | masks
        code = min(seen & self.binding[tx["situation"]], default=Reason.APPLIED)
        receipt |= {"code": code, "violations": union(1 << reason for reason in true)}
        past_the_ledger = is_call and tx["situation"] % 2 == 0
        if past_the_ledger or Reason.MALFORMED <= code <= Reason.CANNOT_PAY_FEE:
            return receipt
        if sender["status"] == Status.JAILED and is_active(sender, tx["height"]):
            sender |= {"status": int(Status.ACTIVE), "jailed_until_height": 0}
        sender["nonce"] = max(sender["nonce"], tx["nonce"] + 1)
        receipt["fee"] = move(sender, self.accounts[TREASURY], tx["fee"])
        return receipt | next(steps, {}) if code == Reason.APPLIED else receipt

    def find_malformation(self, tx: Row, n_arguments: int) -> int:
        well_formed = (
            tx["kind"] in set(Kind)
            and tx["scope_level"] in set(ScopeLevel)
            and all(0 <= tx[name] <= LARGEST for name in ("fee", "amount", "nonce"))
            and tx["mask"] >= 0
            and (tx["kind"] != Kind.PUBLISH or 0 <= tx["subject"] <= LARGEST)
            and 0 <= tx["arguments_from"] <= tx["arguments_to"] <= n_arguments
        )
        if not well_formed:
            return Reason.MALFORMED
        is_known = 0 <= tx["sender"] < len(self.accounts) and tx["sender"] != ESCROW
        return 0 if is_known else Reason.UNKNOWN_SENDER

    def judge_envelope(self, tx: Row, sender: Row) -> set[Reason]:
        rules, left = self.rules, max(0, sender["balance"] - tx["fee"])
        fails = {
            Reason.BAD_SIGNATURE: tx["key_version"] != sender["key_version"],
            Reason.WRONG_CHAIN: tx["chain_id"] != rules.chain_id,
            Reason.EXPIRED: tx["height"] > tx["valid_until_height"],
            Reason.NONCE_REPLAYED: tx["nonce"] < sender["nonce"],
            Reason.NONCE_GAP: tx["nonce"] > sender["nonce"],
            Reason.FEE_TOO_LOW: tx["fee"] < rules.fee_min,
            Reason.CANNOT_PAY_FEE: tx["fee"] > sender["balance"],
            Reason.SENDER_NOT_ACTIVE: not is_active(sender, tx["height"]),
            Reason.KILL_SWITCH: rules.killed_kinds >> tx["kind"] & 1,
            Reason.INSUFFICIENT_FUNDS: self.get_due(tx) > left,
        }
        return {reason for reason, failed in fails.items() if failed}

    def get_due(self, tx: Row) -> int:
        """What the sender must have beside the fee."""
        if tx["kind"] in GUARDED:
            return tx["amount"] if 0 <= tx["target"] < len(self.operations) else 0
        if tx["kind"] in {Kind.REGISTER, Kind.TRANSFER, Kind.BOND}:
            return tx["amount"]
        return self.get_due_on_market(tx)

    def is_old_key_believed(self, tx: Row, sender: Row) -> bool:
        """An offline verifier takes the key before the last rotation until word arrives."""
        late = tx["now_us"] < sender["key_rotated_us"] + self.rules.revocation_lag_us
        is_old = 0 <= tx["key_version"] == sender["key_version"] - 1
        return self.sources[tx["situation"]] == Source.TOKEN and late and is_old

    def judge_call(self, tx: Row, sender: Row, wanted: list[int]) -> tuple[set, set, Row]:
        """What fails, what the enforcement point sees failing, and the masks to record."""
        operation, source = self.operations[tx["target"]], self.sources[tx["situation"]]
        true, masks = self.judge_capability(tx, sender, wanted, lag_us=0)
        seen = true
        if source == Source.TOKEN:
            seen, _ = self.judge_capability(tx, sender, wanted, self.rules.revocation_lag_us)
        elif source in {Source.CLAIM, Source.CLIENT}:
            clients, org = self.client_scopes[operation["org"]], sender["org"]
            known = clients[org] if org >= 0 else 0
            believed = tx["claim"] if source == Source.CLAIM else known
            seen = {Reason.CAPABILITY_DENIED} if operation["requires"] & ~believed else set()
        rules, tokens_ppm = self.rules, self.get_tokens(sender, tx["now_us"])
        delicate = rules.approval_effects >> operation["effect"] & 1
        fails = {
            Reason.APPROVAL_MISSING: delicate and not self.get_approvals(tx, wanted),
            Reason.RATE_LIMITED: rules.rate_cap_ppm > 0 and tokens_ppm < CALL_PPM,
            Reason.INSUFFICIENT_STAKE: sender["stake"] < rules.stake_min,
            Reason.INSUFFICIENT_REPUTATION: sender["reputation_ppm"] < rules.reputation_ppm_min,
            Reason.ILLEGITIMATE: tx["illegitimate"],
        }
        both = {reason for reason, failed in fails.items() if failed}
        return true | both, seen | both, masks

    def judge_capability(self, tx: Row, sender: Row, wanted: list[int], lag_us: int) -> tuple:
        """What fails, and the masks to record, where word of a revocation takes this long."""
        operation = self.operations[tx["target"]]
        namespace, required = operation["namespace"], operation["requires"]
        held = [s for s in sender["grants"] if self.grants[s]["namespace"] == namespace]
        standing = [
            (self.get_standing(s, tx["now_us"], tx["height"], lag_us), self.grants[s]) for s in held
        ]
        live, expired = ([g for is_, g in standing if is_ == want] for want in ("live", "expired"))
        bound = [g for g in live if g["scope_level"] == ScopeLevel.ARGUMENTS]
        free = [g for g in live if g["scope_level"] != ScopeLevel.ARGUMENTS]
        static = self.get_static(sender, namespace)
        unbound = static | union(g["mask"] for g in free)
        effective = unbound | union(g["mask"] for g in bound)
        masks = {"required": required, "caps_static": static, "caps_effective": effective}
        if missing := required & ~effective:
            late = missing & ~union(g["mask"] for g in expired) == 0
            return {Reason.CAPABILITY_EXPIRED if late else Reason.CAPABILITY_DENIED}, masks
        rest = required & ~unbound  # must come from one grant, which names all arguments
        covering = [g for g in bound if not rest & ~g["mask"] and {*wanted} <= {*g["arguments"]}]
        return set() if not rest or covering else {Reason.SCOPE_DENIED}, masks

    def get_static(self, account: Row, namespace: int) -> int:
        return account["capabilities"] if account["namespace"] == namespace else 0

    def get_chain(self, slot: int) -> tuple[list[Row], bool]:
        """A grant and those above it, and whether the chain reaches its root."""
        chain = [self.grants[slot]]
        while chain[-1]["parent"] >= 0:
            above = self.grants[chain[-1]["parent"]]
            if above["id"] != chain[-1]["parent_id"]:
                return chain, False  # another grant took the slot
            chain.append(above)
        return chain, True

    def get_standing(self, slot: int, now_us: int, height: int, lag_us: int = 0) -> str:
        chain, whole = self.get_chain(slot)
        revoked = any(0 <= g["revoked_us"] <= now_us - lag_us for g in chain)
        if revoked or not whole or not is_active(self.accounts[chain[-1]["issuer"]], height):
            return "dead"
        return "expired" if any(g["expires_us"] <= now_us for g in chain) else "live"

    def get_approvals(self, tx: Row, wanted: list[int]) -> list[Row]:
        """The unused, unexpired approval of exactly this call that it names; at most one."""
        named = self.approvals[tx["parent"] : tx["parent"] + 1] if tx["parent"] >= 0 else []
        mine = [a for a in named if a["sender"] == tx["sender"] and a["used_height"] < 0]
        digest = get_call_digest(tx, wanted)
        return [a for a in mine if a["call_digest"] == digest and tx["now_us"] < a["expires_us"]]

    def get_tokens(self, account: Row, now_us: int) -> int:
        refill = (now_us - account["tokens_us"]) * self.rules.rate_refill_ppm // US_PER_S
        return min(self.rules.rate_cap_ppm, account["tokens_ppm"] + refill)

    def register(self, tx: Row, sender: Row, _: list[int]) -> Steps:
        yield Reason.BAD_KEY, tx["proof_valid"] != 1
        yield Reason.DUPLICATE, any(a["entity"] == tx["target"] for a in self.accounts)
        yield Reason.NOT_ISSUER, tx["subject"] != sender["org"]
        yield Reason.MASK_NOT_SUBSET, tx["mask"] & ~self.get_static(sender, tx["namespace"])
        yield Reason.TABLE_FULL, len(self.accounts) >= self.room["accounts"]
        yield READY
        given = rename(tx, "namespace", entity="target", org="subject", capabilities="mask")
        born = rename(tx, registered_height="height", issuer="sender")
        fresh = dict.fromkeys(self.accounts[0], 0) | FRESH | {"grants": []}
        born["reputation_ppm"] = self.rules.newcomer_ppm
        self.accounts.append(fresh | given | born)
        paid = move(sender, self.accounts[-1], tx["amount"])
        yield {"amount": paid, "counterparty": len(self.accounts) - 1}

    def rotate_key(self, tx: Row, _: Row, __: list[int]) -> Steps:
        yield Reason.TARGET_UNKNOWN, not 0 <= tx["target"] < len(self.accounts)
        target = self.accounts[tx["target"]]
        yield Reason.BAD_KEY, tx["proof_valid"] != 1
        yield Reason.NOT_ISSUER, tx["sender"] not in {tx["target"], target["issuer"]}
        yield READY
        target |= {"key_version": target["key_version"] + 1, "key_rotated_us": tx["now_us"]}

    def transfer(self, tx: Row, sender: Row, _: list[int]) -> Steps:
        yield Reason.TARGET_UNKNOWN, not 0 <= tx["target"] < len(self.accounts)
        yield Reason.TARGET_NOT_ACTIVE, tx["target"] == ESCROW  # it holds what is owed, no more
        yield from self.judge_partner(tx)
        yield READY
        paid = move(sender, self.accounts[tx["target"]], tx["amount"])
        yield {"amount": paid, "counterparty": tx["target"]}

    def judge_partner(self, tx: Row) -> Steps:
        yield Reason.TARGET_UNKNOWN, not 0 <= tx["target"] < len(self.accounts)
        target = self.accounts[tx["target"]]
        yield Reason.TARGET_NOT_ACTIVE, not is_active(target, tx["height"])
        yield Reason.TARGET_SELF, tx["target"] == tx["sender"]

    def call(self, tx: Row, sender: Row, wanted: list[int]) -> Steps:
        yield Reason.TARGET_UNKNOWN, not 0 <= tx["target"] < len(self.operations)
        yield READY
        self.use_rate_and_approval(tx, sender, wanted)
        owner = self.operations[tx["target"]]["owner"]
        due = owner >= 0 and tx["amount"] > 0  # else free, or paid on another ledger
        paid = move(sender, self.accounts[owner], tx["amount"]) if due else 0
        yield {"amount": paid, "counterparty": owner} if due else {}

    def use_rate_and_approval(self, tx: Row, sender: Row, wanted: list[int]) -> None:
        tokens = self.get_tokens(sender, tx["now_us"])
        if self.rules.rate_cap_ppm > 0 and tokens >= CALL_PPM:
            sender |= {"tokens_ppm": tokens - CALL_PPM, "tokens_us": tx["now_us"]}
        for approval in self.get_approvals(tx, wanted):
            approval["used_height"] = tx["height"]

    def publish(self, tx: Row, sender: Row, wanted: list[int]) -> Steps:
        """Judged like a call, and an offer on the market."""
        yield Reason.TARGET_UNKNOWN, not 0 <= tx["target"] < len(self.operations)
        yield from self.judge_offer(tx, sender)
        yield READY
        self.use_rate_and_approval(tx, sender, wanted)
        yield self.offer(tx, sender)

    def grant(self, tx: Row, sender: Row, wanted: list[int]) -> Steps:
        """The holder, then the grant itself, then the parent, then what the parent can give."""
        yield from self.judge_partner(tx)
        yield Reason.TOO_DEEP, not 0 <= tx["depth_max"] <= LINKS_MAX
        yield Reason.MASK_NOT_SUBSET, tx["mask"] == 0 or wanted != sorted(set(wanted))
        parent = {"id": 0, "depth": -1}
        if tx["parent"] < 0:
            yield Reason.MASK_NOT_SUBSET, tx["mask"] & ~self.get_static(sender, tx["namespace"])
        else:
            yield Reason.GRANT_UNKNOWN, tx["parent"] >= len(self.grants)
            parent = self.grants[tx["parent"]]
            yield Reason.NOT_ISSUER, parent["holder"] != tx["sender"]
            yield Reason.ALREADY_REVOKED, parent["revoked_us"] >= 0
            same = tx["namespace"] == parent["namespace"]
            yield Reason.MASK_NOT_SUBSET, not same or tx["mask"] & ~parent["mask"]
            bound = parent["scope_level"] == ScopeLevel.ARGUMENTS
            beyond = bound and not {*wanted} <= {*parent["arguments"]}
            yield Reason.MASK_NOT_SUBSET, beyond or tx["scope_level"] < parent["scope_level"]
            alive = self.get_standing(tx["parent"], tx["now_us"], tx["height"]) == "live"
            yield Reason.OUTLIVES_PARENT, tx["expires_us"] > parent["expires_us"] or not alive
            yield Reason.TOO_DEEP, tx["depth_max"] > parent["depth_max"] - 1
        slot = self.find_slot(tx)
        pool_is_full = self.pool_used + len(wanted) > self.room["pool"]
        yield Reason.TABLE_FULL, pool_is_full or slot >= self.room["grants"]
        yield READY
        if slot == len(self.grants):
            self.grants.append({"arguments": []})
            self.accounts[tx["target"]]["grants"].insert(0, slot)
        if len(wanted) > len(self.grants[slot]["arguments"]):
            self.pool_used += len(wanted)  # its old place in the pool is too small
        self.grant_ids += 1
        same = rename(tx, "namespace", "mask", "expires_us", "scope_level", "depth_max")
        given = rename(tx, issuer="sender", holder="target", lane="subject")
        above = {"parent": max(-1, tx["parent"]), "parent_id": parent["id"]}
        fresh = {"id": self.grant_ids, "depth": parent["depth"] + 1, "revoked_us": -1}
        self.grants[slot] = same | given | above | fresh | {"arguments": wanted}
        yield {"counterparty": slot}

    def find_slot(self, tx: Row) -> int:
        """Over the grant it replaces, else into a dead slot of its holder's list, else new."""
        slots = self.accounts[tx["target"]]["grants"]
        lane = (tx["sender"], tx["subject"]) if tx["subject"] > 0 else None
        same = [s for s in slots if (self.grants[s]["issuer"], self.grants[s]["lane"]) == lane]
        expired = {s for s in slots if self.grants[s]["expires_us"] <= tx["now_us"]}
        dead = [s for s in slots if self.grants[s]["revoked_us"] >= 0 or s in expired]
        return [*same, *dead, len(self.grants)][0]

    def revoke(self, tx: Row, _: Row, __: list[int]) -> Steps:
        yield Reason.GRANT_UNKNOWN, not 0 <= tx["target"] < len(self.grants)
        grant = self.grants[tx["target"]]
        yield Reason.GRANT_UNKNOWN, grant["id"] != tx["subject"]
        chain, _whole = self.get_chain(tx["target"])
        yield Reason.NOT_ISSUER, tx["sender"] not in {link["issuer"] for link in chain}
        yield Reason.ALREADY_REVOKED, grant["revoked_us"] >= 0
        yield READY
        grant["revoked_us"] = tx["now_us"]

    def approve(self, tx: Row, _: Row, __: list[int]) -> Steps:
        yield Reason.TARGET_UNKNOWN, not 0 <= tx["target"] < len(self.accounts)
        yield Reason.NOT_ISSUER, self.accounts[tx["target"]]["issuer"] != tx["sender"]
        yield Reason.TABLE_FULL, len(self.approvals) >= self.room["approvals"]
        yield READY
        names = rename(tx, "expires_us", approver="sender", sender="target", call_digest="subject")
        self.approvals.append(names | {"used_height": -1})
        yield {"counterparty": len(self.approvals) - 1}

    def anchor(self, tx: Row, _: Row, __: list[int]) -> Steps:
        yield Reason.TARGET_UNKNOWN, not 0 <= tx["target"] < len(self.logs)
        log = self.logs[tx["target"]]
        yield Reason.NOT_ISSUER, log["owner"] != tx["sender"]
        yield Reason.ANCHOR_STALE, tx["subject"] <= log["size"]
        yield READY
        root = rename(tx, root0="word0", root1="word1", root2="word2", root3="word3")
        log |= rename(tx, "height", size="subject", cut_height="amount") | root
        yield {"counterparty": tx["target"]}
