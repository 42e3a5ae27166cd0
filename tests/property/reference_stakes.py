"""The part of the reference machine that keeps stake, evidence, punishment and standing."""

from __future__ import annotations

from sim.core.reasons import Reason
from sim.core.records import Status
from sim.ledger.rules import Reputation, Rules, Slashing
from tests.property.reference_words import (
    BURN,
    FRAUD,
    LARGEST,
    PPM,
    READY,
    TREASURY,
    Row,
    Steps,
    is_active,
    rename,
)

EVIDENCE_MAX = 4_000_000 * PPM
TEN_REPORTS = 10 * PPM


class StakeRules:
    """BOND, UNBOND, WITHDRAW, EVIDENCE, and what follows from a conviction or from silence."""

    rules: Rules
    room: Row
    accounts: list[Row]
    unbonding: list[Row]
    evidence: list[Row]
    liveness: list[Row]

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
        self.punish(proof, is_fraud=False, paid=[])
        yield {"amount": proof["amount"], "counterparty": len(self.evidence) - 1}

    def punish(self, proof: Row, *, is_fraud: bool, paid: list[tuple[int, int]]) -> None:
        """Take what an offence costs, share it out, bar the offender and keep the proof.

        `paid` has what each buyer paid for a fraud, from the newest sale to the oldest. Who is
        tombstoned already pays nothing more.
        """
        offender = self.accounts[proof["offender"]]
        if offender["status"] != Status.TOMBSTONED:
            mine = self.get_slashable(proof)
            base = offender["stake"] + sum(entry["amount"] for entry in mine)
            harm = min(LARGEST, sum(amount for _, amount in paid))
            amount = self.get_penalty(proof, base, harm, offender["offences"])
            proof |= {"base": base, "amount": amount}
            self.draw(offender, mine, amount)
            self.share(proof, harm, paid)
            if not is_fraud:
                self.convict(offender)
            self.bar(offender, proof["height"], is_fraud=is_fraud)
        self.evidence.append(proof)

    def get_slashable(self, proof: Row, *, of_all: bool = False) -> list[Row]:
        """What left its bond no earlier than the offence, so that it was bonded then."""
        late = [e for e in self.unbonding if e["created_height"] >= proof["offence_height"]]
        return [e for e in late if of_all or e["account"] == proof["offender"]]

    def get_penalty(self, proof: Row, base: int, harm: int, frauds: int) -> int:
        """What the rule in force takes of the stake at risk."""
        rules, rate = self.rules, self.rules.slash_rate_ppm
        late = self.get_slashable(proof, of_all=True)
        total = sum(a["stake"] for a in self.accounts) + sum(entry["amount"] for entry in late)
        first_height = proof["height"] - rules.evidence_age_blocks + 1
        recent = [row["base"] for row in self.evidence if row["height"] >= first_height]
        triple = 3 * (min(total, sum(recent) + base) * PPM // max(1, total))
        rule = Slashing(rules.slash_rule)
        if proof["statement"] != FRAUD and rule in {Slashing.NONE, Slashing.HARM}:
            rule = Slashing.CORRELATED  # to contradict oneself is never free
        match rule:
            case Slashing.CORRELATED:
                taken = max(rules.slash_floor, base * min(PPM, max(rate, triple)) // PPM)
            case Slashing.NONE:
                taken = 0
            case Slashing.FIXED:
                taken = rules.slash_fixed
            case Slashing.PROPORTIONAL | Slashing.COSMOS:
                taken = base * rate // PPM
            case Slashing.HARM:
                taken = harm * rules.slash_harm_ppm // PPM
            case Slashing.ESCALATING:
                taken = base * min(PPM, rate * 2**frauds) // PPM
            case Slashing.ETHEREUM:
                taken = base // 4_096 + base * min(PPM, triple) // PPM
        return min(base, taken)

    def draw(self, offender: Row, mine: list[Row], amount: int) -> None:
        """Take from what leaves first, then from what is bonded."""
        for entry in sorted(mine, key=lambda entry: entry["matures_height"]):
            drawn = min(amount, entry["amount"])
            entry["amount"] -= drawn
            offender["unbonding"] -= drawn
            amount -= drawn
        offender["stake"] -= amount

    def share(self, proof: Row, harm: int, paid: list[tuple[int, int]]) -> None:
        """To who reported it, to the victims as far as they were harmed; the rest is burned."""
        rules, amount = self.rules, proof["amount"]
        reward = min(amount * rules.slash_reporter_ppm // PPM, rules.reporter_cap)
        parts = [(proof["reporter"], reward)]
        parts.append((TREASURY, amount * rules.slash_treasury_ppm // PPM))
        pool = left = min(amount * rules.slash_victim_ppm // PPM, harm)
        for buyer, price in paid:
            part = min(left, pool * price // max(1, harm))
            parts.append((buyer, part))
            left -= part
        parts.append((BURN, amount - sum(part for _, part in parts)))
        for account, part in parts:
            self.accounts[account]["balance"] += part

    def bar(self, offender: Row, height: int, *, is_fraud: bool) -> None:
        """For good after an equivocation, else for a while; what has no end keeps it."""
        rules, status = self.rules, offender["status"]
        offender["offences"] += is_fraud
        too_many = rules.slash_rule == Slashing.ESCALATING
        too_many = too_many and offender["offences"] >= rules.offences_max
        endless = status == Status.JAILED and offender["jailed_until_height"] == 0
        if not is_fraud or too_many or rules.slash_rule == Slashing.COSMOS:
            offender["status"] = int(Status.TOMBSTONED)
        elif status != Status.FROZEN and not endless:
            until = max(offender["jailed_until_height"], height + rules.fraud_jail_blocks)
            offender |= {"status": int(Status.JAILED), "jailed_until_height": until}

    def rate(self, account: Row, value: int, weight: int) -> None:
        """One rating: old evidence fades, the new is split by its value."""
        value, weight = min(value, PPM), min(weight, 4 * PPM)
        if weight == 0:
            return
        if self.rules.reputation_rule == Reputation.BETA:
            good, kept = weight * value // PPM, self.rules.forgetting_ppm
            account["positive"] = account["positive"] * kept // PPM + good
            account["negative"] = account["negative"] * kept // PPM + weight - good
            self.score(account)
        elif self.rules.reputation_rule == Reputation.NOVAI:
            self.step(account, 1 if 2 * value >= PPM else -3)

    def convict(self, account: Row) -> None:
        """What is proven weighs as ten bad reports, or as a failed job and a breach."""
        if self.rules.reputation_rule == Reputation.BETA:
            account["negative"] += TEN_REPORTS
            self.score(account)
        elif self.rules.reputation_rule == Reputation.NOVAI:
            self.step(account, -3 - 5)

    def score(self, account: Row) -> None:
        """The expected share of good, with so many ratings' worth of the prior."""
        prior, a = self.rules.prior_weight, self.rules.newcomer_ppm
        for side in ("positive", "negative"):
            account[side] = min(account[side], EVIDENCE_MAX)
        r, s = account["positive"], account["negative"]
        account["reputation_ppm"] = (r + prior * a) * PPM // (r + s + prior * PPM)

    def step(self, account: Row, points: int) -> None:
        """Points on a scale of 100 that is never left; the evidence counts the events."""
        side = "positive" if points > 0 else "negative"
        account[side] = min(account[side] + PPM, EVIDENCE_MAX)
        score = account["reputation_ppm"] + points * 10_000
        account["reputation_ppm"] = min(PPM, max(0, score))

    def participate(self, accounts: list[int], signed: list[int], height: int) -> int:
        """Who missed too many of the last blocks is jailed for a while; return how many are."""
        for watched in self.liveness:
            account = self.accounts[watched["account"]]
            served = account["status"] == Status.JAILED and is_active(account, height)
            if served:
                account |= {"status": int(Status.ACTIVE), "jailed_until_height": 0}
            if served or 0 < watched["jailed_until_height"] <= height:
                watched["start_height"] = height
            if watched["jailed_until_height"] <= height:
                watched["jailed_until_height"] = 0
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
        until = height + self.rules.jail_blocks
        watched |= {"jailed_until_height": until, "place": 0, "places": [], "missed": 0}
        account |= {"status": int(Status.JAILED), "negative": account["negative"] + PPM // 10}
        account["jailed_until_height"] = max(account["jailed_until_height"], until)
        return True
