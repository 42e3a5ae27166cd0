"""The ledger a second time: dictionaries, Python integers, one rule after another.

Slow and obvious on purpose, and written from the rules in words. It shares no code with the
compiled transition, only the names of columns and the numbers of reasons.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from functools import reduce
from operator import or_
from typing import Any

from sim.core.reasons import Reason
from sim.core.records import Kind, ScopeLevel, Status
from sim.ledger.rules import Rules, Source

Row = dict[str, Any]
Steps = Iterator[Any]  # of a kind: (reason, whether it fails) in order, READY, what it did

TREASURY, BURN = 0, 1
LARGEST = 2**62  # amounts and nonces
LINKS_MAX = 8  # a chain of grants has at most this many links below its root
CALL_PPM = US_PER_S = PPM = 1_000_000
FRESH = {"key_rotated_us": -1, "tokens_us": -(2**61)}  # never rotated, full bucket
READY = (Reason.APPLIED, True)
TABLES = ("accounts", "grants", "approvals", "logs", "unbonding", "evidence", "liveness")
STATE = (*TABLES, "grant_ids", "pool_used")


def union(masks: Iterable[int]) -> int:
    return reduce(or_, masks, 0)


def rename(tx: Row, *same: str, **names: str) -> Row:
    """Columns of a transaction under the names they have in another table."""
    return {name: tx[name] for name in same} | {new: tx[old] for new, old in names.items()}


def compute_call_digest(*words: int) -> int:
    """What an approval is bound to: sender, operation, amount and arguments."""
    digest = 1
    for word in words:
        mixed = (word ^ digest >> 7 ^ digest << 5) % 2**62
        low, high = mixed % 2**31 * 1_000_003, mixed // 2**31 * 998_244_353
        digest = low ^ high ^ high >> 29
    return digest


class ReferenceLedger:
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
        sender, is_call = self.accounts[tx["sender"]], tx["kind"] == Kind.CALL
        wanted = arguments[tx["arguments_from"] : tx["arguments_to"]]
        rule = getattr(ReferenceLedger, Kind(tx["kind"]).name.lower())  # some tables share its name
        steps: Steps = rule(self, tx, sender, wanted)
        own = next(reason for reason, fails in steps if fails)  # of its own reasons, the first
        true = self.judge_envelope(tx, sender) | ({own} - {Reason.APPLIED})
        seen = true - {Reason.BAD_SIGNATURE} if self.is_old_key_believed(tx, sender) else true
        if is_call and own == Reason.APPLIED:
            more_true, more_seen, masks = self.judge_call(tx, sender, wanted)
            true, seen, receipt = true | more_true, seen | more_seen, receipt | masks
        code = min(seen & self.binding[tx["situation"]], default=Reason.APPLIED)
        receipt |= {"code": code, "violations": union(1 << reason for reason in true)}
        past_the_ledger = is_call and tx["situation"] % 2 == 0
        if past_the_ledger or Reason.MALFORMED <= code <= Reason.CANNOT_PAY_FEE:
            return receipt
        sender["nonce"] = max(sender["nonce"], tx["nonce"] + 1)
        receipt["fee"] = self.move(sender, self.accounts[TREASURY], tx["fee"])
        return receipt | next(steps, {}) if code == Reason.APPLIED else receipt

    def find_malformation(self, tx: Row, n_arguments: int) -> int:
        well_formed = (
            tx["kind"] in set(Kind)
            and tx["scope_level"] in set(ScopeLevel)
            and all(0 <= tx[name] <= LARGEST for name in ("fee", "amount", "nonce"))
            and tx["mask"] >= 0
            and 0 <= tx["arguments_from"] <= tx["arguments_to"] <= n_arguments
        )
        if not well_formed:
            return Reason.MALFORMED
        return 0 if 0 <= tx["sender"] < len(self.accounts) else Reason.UNKNOWN_SENDER

    def judge_envelope(self, tx: Row, sender: Row) -> set[Reason]:
        rules, left = self.rules, max(0, sender["balance"] - tx["fee"])
        is_known_call = tx["kind"] == Kind.CALL and 0 <= tx["target"] < len(self.operations)
        pays = is_known_call or tx["kind"] in {Kind.REGISTER, Kind.TRANSFER, Kind.BOND}
        fails = {
            Reason.BAD_SIGNATURE: tx["key_version"] != sender["key_version"],
            Reason.WRONG_CHAIN: tx["chain_id"] != rules.chain_id,
            Reason.EXPIRED: tx["height"] > tx["valid_until_height"],
            Reason.NONCE_REPLAYED: tx["nonce"] < sender["nonce"],
            Reason.NONCE_GAP: tx["nonce"] > sender["nonce"],
            Reason.FEE_TOO_LOW: tx["fee"] < rules.fee_min,
            Reason.CANNOT_PAY_FEE: tx["fee"] > sender["balance"],
            Reason.SENDER_NOT_ACTIVE: sender["status"] != Status.ACTIVE,
            Reason.KILL_SWITCH: rules.killed_kinds >> tx["kind"] & 1,
            Reason.INSUFFICIENT_FUNDS: pays and tx["amount"] > left,
        }
        return {reason for reason, failed in fails.items() if failed}

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
        standing = [(self.get_standing(s, tx["now_us"], lag_us), self.grants[s]) for s in held]
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

    def get_standing(self, slot: int, now_us: int, lag_us: int = 0) -> str:
        chain, whole = self.get_chain(slot)
        revoked = any(0 <= g["revoked_us"] <= now_us - lag_us for g in chain)
        if revoked or not whole or self.accounts[chain[-1]["issuer"]]["status"] != Status.ACTIVE:
            return "dead"
        return "expired" if any(g["expires_us"] <= now_us for g in chain) else "live"

    def get_approvals(self, tx: Row, wanted: list[int]) -> list[Row]:
        """The unused, unexpired approval of exactly this call that it names; at most one."""
        named = self.approvals[tx["parent"] : tx["parent"] + 1] if tx["parent"] >= 0 else []
        mine = [a for a in named if a["sender"] == tx["sender"] and a["used_height"] < 0]
        digest = compute_call_digest(tx["sender"], tx["target"], tx["amount"], *wanted)
        return [a for a in mine if a["call_digest"] == digest and tx["now_us"] < a["expires_us"]]

    def get_tokens(self, account: Row, now_us: int) -> int:
        refill = (now_us - account["tokens_us"]) * self.rules.rate_refill_ppm // US_PER_S
        return min(self.rules.rate_cap_ppm, account["tokens_ppm"] + refill)

    def move(self, payer: Row, payee: Row, amount: int) -> int:
        """Move an amount, or as much of it as there is."""
        paid = min(amount, payer["balance"])
        payer["balance"] -= paid
        payee["balance"] += paid
        return paid

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
        self.accounts.append(fresh | given | born)
        paid = self.move(sender, self.accounts[-1], tx["amount"])
        yield {"amount": paid, "counterparty": len(self.accounts) - 1}

    def rotate_key(self, tx: Row, _: Row, __: list[int]) -> Steps:
        yield Reason.TARGET_UNKNOWN, not 0 <= tx["target"] < len(self.accounts)
        target = self.accounts[tx["target"]]
        yield Reason.BAD_KEY, tx["proof_valid"] != 1
        yield Reason.NOT_ISSUER, tx["sender"] not in {tx["target"], target["issuer"]}
        yield READY
        target |= {"key_version": target["key_version"] + 1, "key_rotated_us": tx["now_us"]}

    def transfer(self, tx: Row, sender: Row, _: list[int]) -> Steps:
        yield from self.judge_partner(tx)
        yield READY
        paid = self.move(sender, self.accounts[tx["target"]], tx["amount"])
        yield {"amount": paid, "counterparty": tx["target"]}

    def judge_partner(self, tx: Row) -> Steps:
        yield Reason.TARGET_UNKNOWN, not 0 <= tx["target"] < len(self.accounts)
        target = self.accounts[tx["target"]]
        yield Reason.TARGET_NOT_ACTIVE, target["status"] != Status.ACTIVE
        yield Reason.TARGET_SELF, tx["target"] == tx["sender"]

    def call(self, tx: Row, sender: Row, wanted: list[int]) -> Steps:
        yield Reason.TARGET_UNKNOWN, not 0 <= tx["target"] < len(self.operations)
        yield READY
        tokens = self.get_tokens(sender, tx["now_us"])
        if self.rules.rate_cap_ppm > 0 and tokens >= CALL_PPM:
            sender |= {"tokens_ppm": tokens - CALL_PPM, "tokens_us": tx["now_us"]}
        for approval in self.get_approvals(tx, wanted):
            approval["used_height"] = tx["height"]
        owner = self.operations[tx["target"]]["owner"]
        due = owner >= 0 and tx["amount"] > 0  # else free, or paid on another ledger
        paid = self.move(sender, self.accounts[owner], tx["amount"]) if due else 0
        yield {"amount": paid, "counterparty": owner} if due else {}

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
            alive = self.get_standing(tx["parent"], tx["now_us"]) == "live"
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

    def bond(self, tx: Row, sender: Row, _: list[int]) -> Steps:
        yield READY
        bonded = min(tx["amount"], sender["balance"])
        sender |= {"balance": sender["balance"] - bonded, "stake": sender["stake"] + bonded}
        yield {"amount": bonded}

    def unbond(self, tx: Row, sender: Row, _: list[int]) -> Steps:
        amount, matures_height = tx["amount"], tx["height"] + self.rules.unbonding_blocks
        yield Reason.STAKE_TOO_SMALL, not 0 < amount <= sender["stake"]
        free = [slot for slot, entry in enumerate(self.unbonding) if entry["amount"] == 0]
        slot = [*free, len(self.unbonding)][0]
        yield Reason.TABLE_FULL, slot >= self.room["unbonding"]
        yield READY
        entry = rename(tx, "amount", account="sender", created_height="height")
        self.unbonding[slot : slot + 1] = [entry | {"matures_height": matures_height}]
        sender |= {"stake": sender["stake"] - amount, "unbonding": sender["unbonding"] + amount}
        yield {"amount": amount, "counterparty": slot}

    def withdraw(self, tx: Row, sender: Row, _: list[int]) -> Steps:
        yield Reason.UNBONDING_UNKNOWN, not 0 <= tx["target"] < len(self.unbonding)
        entry = self.unbonding[tx["target"]]
        amount = entry["amount"]
        yield Reason.UNBONDING_UNKNOWN, amount == 0
        yield Reason.NOT_ISSUER, entry["account"] != tx["sender"]
        yield Reason.NOT_MATURED, tx["height"] < entry["matures_height"]
        yield READY
        entry["amount"] = 0
        sender["unbonding"] -= amount
        sender["balance"] += amount
        yield {"amount": amount, "counterparty": tx["target"]}

    def evidence(self, tx: Row, sender: Row, _: list[int]) -> Steps:
        words = {f"word{i}": tx[f"word{i}"] for i in range(4)}
        offence = rename(tx, offender="target", view="amount", statement="mask")
        age_max = self.rules.evidence_age_blocks
        yield Reason.TARGET_UNKNOWN, not 0 <= tx["target"] < len(self.accounts)
        yield Reason.PROOF_INVALID, tx["proof_valid"] != 1
        yield Reason.OFFENCE_TO_COME, tx["subject"] > tx["height"]
        yield Reason.EVIDENCE_TOO_OLD, tx["subject"] < max(0, tx["height"] - age_max)
        known = [row.items() for row in self.evidence]
        used = any(words.items() <= row or offence.items() <= row for row in known)
        yield Reason.EVIDENCE_USED, used
        yield Reason.TABLE_FULL, len(self.evidence) >= self.room["evidence"]
        yield READY
        place = rename(tx, "height", reporter="sender", offence_height="subject")
        proof = offence | words | place | {"base": 0, "amount": 0}
        self.evidence.append(proof)
        if self.accounts[tx["target"]]["status"] != Status.TOMBSTONED:
            self.slash(proof, self.accounts[tx["target"]], sender)
        yield {"amount": proof["amount"], "counterparty": len(self.evidence) - 1}

    def slash(self, proof: Row, offender: Row, reporter: Row) -> None:
        """Take what an equivocation costs, nobody being harmed by it, and share it out."""
        rules, height = self.rules, proof["offence_height"]
        late = [entry for entry in self.unbonding if entry["created_height"] >= height]
        mine = [entry for entry in late if entry["account"] == proof["offender"]]
        total = sum(a["stake"] for a in self.accounts) + sum(entry["amount"] for entry in late)
        base = offender["stake"] + sum(entry["amount"] for entry in mine)
        first_height = proof["height"] - rules.evidence_age_blocks + 1
        recent = [row["base"] for row in self.evidence if row["height"] >= first_height]
        share_ppm = min(total, sum(recent) + base) * PPM // max(1, total)
        rate_ppm = min(PPM, max(rules.slash_rate_ppm, 3 * share_ppm))
        amount = min(base, max(rules.slash_floor, base * rate_ppm // PPM))
        proof |= {"base": base, "amount": amount}
        rest = amount
        for entry in sorted(mine, key=lambda entry: entry["matures_height"]):
            drawn = min(rest, entry["amount"])
            entry["amount"] -= drawn
            offender["unbonding"] -= drawn
            rest -= drawn
        offender["stake"] -= rest
        reward = min(amount * rules.slash_reporter_ppm // PPM, rules.reporter_cap)
        kept = amount * rules.slash_treasury_ppm // PPM
        reporter["balance"] += reward
        self.accounts[TREASURY]["balance"] += kept
        self.accounts[BURN]["balance"] += amount - reward - kept
        offender["status"] = int(Status.TOMBSTONED)
        offender["negative"] += 10 * PPM

    def participate(self, accounts: list[int], signed: list[int], height: int) -> int:
        """Who missed too many of the last blocks is jailed for a while; return how many are."""
        for watched in self.liveness:
            account = self.accounts[watched["account"]]
            if 0 < watched["jailed_until_height"] <= height:
                watched |= {"jailed_until_height": 0, "start_height": height}
                if account["status"] == Status.JAILED:
                    account["status"] = int(Status.ACTIVE)
        pairs = [
            (watched, signed[accounts.index(watched["account"])])
            for watched in self.liveness
            if watched["account"] in accounts
        ]
        return sum(self.count_block(watched, did_sign, height) for watched, did_sign in pairs)

    def count_block(self, watched: Row, did_sign: int, height: int) -> bool:
        """Write one block into the ring of an active validator; whether that jails it."""
        account, n_blocks = self.accounts[watched["account"]], self.rules.liveness_window_blocks
        if account["status"] != Status.ACTIVE:
            return False
        place, others = watched["place"], {*watched["places"]} - {watched["place"]}
        places = sorted(others if did_sign else others | {place})
        watched |= {"place": (place + 1) % n_blocks, "places": places, "missed": len(places)}
        allowed = n_blocks - n_blocks * self.rules.liveness_signed_min_ppm // PPM
        if height <= watched["start_height"] + n_blocks or len(places) <= allowed:
            return False
        until = {"jailed_until_height": height + self.rules.jail_blocks}
        watched |= until | {"place": 0, "places": [], "missed": 0}
        account |= {"status": int(Status.JAILED), "negative": account["negative"] + PPM // 10}
        return True
