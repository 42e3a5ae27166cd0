"""The part of the reference machine that trades: signals, sales, ratings, disputes, judges."""

from __future__ import annotations

from sim.core.market import Resolution, SaleState, SignalState, Verdict
from sim.core.reasons import Reason
from sim.core.records import Kind
from sim.ledger.rules import Judges, Settlement, Slashing, Weighting
from tests.property.reference_stakes import StakeRules
from tests.property.reference_words import (
    ESCROW,
    FRAUD,
    PPM,
    READY,
    TREASURY,
    Row,
    Steps,
    is_active,
    move,
    rename,
)


class MarketRules(StakeRules):
    """PUBLISH, BUY, ATTEST, CHALLENGE and RESOLVE."""

    signals: list[Row]
    sales: list[Row]
    disputes: list[Row]
    ratings: list[Row]
    judges: list[int]

    def get_due_on_market(self, tx: Row) -> int:
        """A price where it is paid at once, a challenger's bond, or a payment."""
        if tx["kind"] == Kind.BUY:
            at_once = self.rules.settlement in {Settlement.ESCROW, Settlement.PREPAID}
            is_known = 0 <= tx["target"] < len(self.signals)
            return self.signals[tx["target"]]["price"] if at_once and is_known else 0
        pays = tx["kind"] == Kind.RESOLVE and tx["subject"] == Resolution.PAY
        return tx["amount"] if pays or tx["kind"] == Kind.CHALLENGE else 0

    def put_away(self, payer: Row, amount: int) -> int:
        """Into escrow, as much as there is."""
        return move(payer, self.accounts[ESCROW], amount)

    def pay_out(self, account: int, amount: int) -> None:
        """Out of escrow, the whole of it."""
        self.accounts[ESCROW]["balance"] -= amount
        self.accounts[account]["balance"] += amount

    def judge_offer(self, tx: Row, sender: Row) -> Steps:
        most = self.rules.newcomer_price_max
        yield Reason.BOND_TOO_LOW, tx["amount"] < self.rules.bond_min
        yield Reason.NEWCOMER_LIMIT, sender["n_ratings"] == 0 and 0 < most < tx["subject"]
        yield Reason.TABLE_FULL, len(self.signals) >= self.room["signals"]

    def offer(self, tx: Row, sender: Row) -> Row:
        bond = self.put_away(sender, tx["amount"])
        same = rename(tx, seller="sender", operation="target", price="subject")
        times = rename(tx, published_height="height", published_us="now_us")
        end = {"closes_us": tx["now_us"] + self.rules.offer_us, "state": int(SignalState.STANDING)}
        words = {f"word{i}": tx[f"word{i}"] for i in range(4)}
        fresh = {"bond": bond, "has_proof": tx["mask"] % 2, "sales": [], "n_sales": 0}
        self.signals.append(same | times | end | words | fresh | {"dispute": -1})
        return {"amount": bond, "counterparty": len(self.signals) - 1}

    def buy(self, tx: Row, sender: Row, _: list[int]) -> Steps:
        rules, now_us = self.rules, tx["now_us"]
        yield Reason.SIGNAL_UNKNOWN, not 0 <= tx["target"] < len(self.signals)
        signal = self.signals[tx["target"]]
        over = now_us >= signal["published_us"] + rules.offer_us
        yield Reason.SIGNAL_CLOSED, over or signal["state"] != SignalState.STANDING
        yield Reason.TARGET_SELF, signal["seller"] == tx["sender"]
        seller = self.accounts[signal["seller"]]
        yield Reason.TARGET_NOT_ACTIVE, not is_active(seller, tx["height"])
        yield Reason.PRICE_ABOVE_LIMIT, signal["price"] > tx["amount"]
        yield Reason.TABLE_FULL, len(self.sales) >= self.room["sales"]
        yield READY
        due, in_escrow = self.get_due_on_market(tx), rules.settlement == Settlement.ESCROW
        paid = self.put_away(sender, due) if in_escrow else move(sender, seller, due)
        state = SaleState.PAID if paid == signal["price"] else SaleState.INVOICED
        sale = rename(tx, signal="target", buyer="sender", bought_us="now_us")
        sale |= {"price": signal["price"], "paid": paid, "due_us": now_us + rules.window_us}
        sale |= {"state": int(SaleState.HELD if in_escrow else state), "rated": 0}
        self.sales.append(sale)
        signal["sales"].insert(0, len(self.sales) - 1)
        signal["n_sales"] += 1
        signal["closes_us"] = max(signal["closes_us"], sale["due_us"])
        yield {"amount": paid, "counterparty": len(self.sales) - 1}

    def attest(self, tx: Row, sender: Row, _: list[int]) -> Steps:
        yield Reason.SALE_UNKNOWN, not 0 <= tx["target"] < len(self.sales)
        sale = self.sales[tx["target"]]
        yield Reason.NOT_BUYER, sale["buyer"] != tx["sender"]
        yield Reason.ALREADY_RATED, sale["rated"]
        is_open = sale["state"] in {SaleState.HELD, SaleState.INVOICED}
        yield Reason.SALE_UNSETTLED, is_open and tx["now_us"] < sale["due_us"]
        ratee = self.signals[sale["signal"]]["seller"]
        yield Reason.SAME_CONTROLLER, self.get_org(tx["sender"]) & self.get_org(ratee)
        yield Reason.TABLE_FULL, len(self.ratings) >= self.room["ratings"]
        yield READY
        weight = self.get_weight(sender, sale["price"])
        rating = rename(tx, "height", rater="sender", sale="target", value="amount")
        self.ratings.append(rating | {"ratee": ratee, "weight_ppm": weight})
        sale["rated"] = 1
        self.accounts[ratee]["n_ratings"] += weight > 0
        self.rate(self.accounts[ratee], tx["amount"], weight)
        yield {"counterparty": len(self.ratings) - 1}

    def get_org(self, account: int) -> set[int]:
        """An account and who registered it; the treasury registered the first of every org."""
        issuer = self.accounts[account]["issuer"]
        return {account} | ({issuer} - {TREASURY})

    def get_weight(self, rater: Row, price: int) -> int:
        rules, heard = self.rules, rater["reputation_ppm"] >= self.rules.rater_ppm_min
        if not heard and (rater["n_ratings"] or rater["offences"]):
            return 0
        if rules.rating_weight == Weighting.EQUAL:
            return PPM
        at_stake = price if rules.rating_weight == Weighting.VALUE else rater["stake"]
        most = rules.weight_reference
        return min(at_stake, most) * PPM // max(1, most)

    def challenge(self, tx: Row, sender: Row, _: list[int]) -> Steps:
        yield Reason.SIGNAL_UNKNOWN, not 0 <= tx["target"] < len(self.signals)
        signal = self.signals[tx["target"]]
        yield Reason.TARGET_SELF, signal["seller"] == tx["sender"]
        yield Reason.DISPUTE_OPEN, signal["state"] == SignalState.DISPUTED
        over = tx["now_us"] >= signal["closes_us"]
        yield Reason.WINDOW_CLOSED, over or signal["state"] != SignalState.STANDING
        asked = max(signal["bond"], self.rules.bond_min)
        yield Reason.BOND_TOO_LOW, tx["amount"] < asked
        yield Reason.TABLE_FULL, len(self.disputes) >= self.room["disputes"]
        yield READY
        bond, n_judges = self.put_away(sender, asked), len(self.judges)
        is_committee = self.rules.judges == Judges.COMMITTEE
        dispute = rename(tx, signal="target", challenger="sender", opened_us="now_us")
        dispute |= rename(tx, opened_height="height")
        dispute |= {"bond": bond, "seat_first": tx["draw_ppm"] * n_judges // PPM}
        dispute["n_seats"] = min(self.rules.committee, n_judges) if is_committee else 1
        dispute |= {"voted": 0, "upheld": 0, "verdict": int(Verdict.OPEN), "decided_us": 0}
        self.disputes.append(dispute)
        signal |= {"state": int(SignalState.DISPUTED), "dispute": len(self.disputes) - 1}
        yield {"amount": bond, "counterparty": len(self.disputes) - 1}

    def resolve(self, tx: Row, sender: Row, _: list[int]) -> Steps:
        yield Reason.TARGET_UNKNOWN, tx["subject"] not in set(Resolution)
        step = Resolution(tx["subject"])
        if step in {Resolution.VOTE, Resolution.PROOF, Resolution.TIMEOUT}:
            yield Reason.DISPUTE_UNKNOWN, not 0 <= tx["target"] < len(self.disputes)
            dispute = self.disputes[tx["target"]]
            yield Reason.DISPUTE_DECIDED, dispute["verdict"] != Verdict.OPEN
            yield Reason.TABLE_FULL, len(self.evidence) >= self.room["evidence"]
            yield from getattr(self, "resolve_by_" + step.name.lower())(tx, dispute)
        elif step == Resolution.RELEASE:
            yield from self.release(tx)
        else:
            yield Reason.SALE_UNKNOWN, not 0 <= tx["target"] < len(self.sales)
            yield from getattr(self, step.name.lower())(tx, sender, self.sales[tx["target"]])

    def get_bench(self, dispute: Row) -> list[int]:
        """Who judges, seat by seat."""
        judges = self.judges
        match Judges(self.rules.judges):
            case Judges.OPERATOR:
                return [self.accounts[self.signals[dispute["signal"]]["seller"]]["issuer"]]
            case Judges.ARBITER:
                return judges[:1]
            case Judges.COMMITTEE:
                seats = range(dispute["seat_first"], dispute["seat_first"] + dispute["n_seats"])
                return [judges[seat % len(judges)] for seat in seats]
        return []

    def resolve_by_vote(self, tx: Row, dispute: Row) -> Steps:
        bench, n_seats = self.get_bench(dispute), dispute["n_seats"]
        parties = {dispute["challenger"], self.signals[dispute["signal"]]["seller"]}
        yield Reason.NOT_JUDGE, tx["sender"] not in set(bench) - parties
        seat = bench.index(tx["sender"])
        yield Reason.ALREADY_VOTED, dispute["voted"] >> seat & 1
        yield Reason.WINDOW_CLOSED, self.is_over(tx, dispute)
        yield READY
        dispute["voted"] += 1 << seat
        dispute["upheld"] += (tx["amount"] > 0) << seat
        n_for, n_against = self.count_votes(dispute)
        if 2 * n_for > n_seats:
            yield self.decide(tx, dispute, Verdict.UPHELD)
        elif 2 * n_against >= n_seats:
            yield self.decide(tx, dispute, Verdict.REJECTED)
        else:
            yield {}

    def resolve_by_proof(self, tx: Row, dispute: Row) -> Steps:
        yield Reason.PROOF_INVALID, not self.signals[dispute["signal"]]["has_proof"]
        yield READY
        is_sound = tx["proof_valid"] == 1
        yield self.decide(tx, dispute, Verdict.REJECTED if is_sound else Verdict.UPHELD)

    def resolve_by_timeout(self, tx: Row, dispute: Row) -> Steps:
        yield Reason.WINDOW_OPEN, not self.is_over(tx, dispute)
        yield READY
        n_for, n_against = self.count_votes(dispute)
        majority = Verdict.UPHELD if n_for > n_against else Verdict.REJECTED
        yield self.decide(tx, dispute, majority if n_for + n_against else Verdict.UNDECIDED)

    def is_over(self, tx: Row, dispute: Row) -> bool:
        return tx["now_us"] >= dispute["opened_us"] + self.rules.verdict_us

    def count_votes(self, dispute: Row) -> tuple[int, int]:
        n_for, n_all = dispute["upheld"].bit_count(), dispute["voted"].bit_count()
        return n_for, n_all - n_for

    def decide(self, tx: Row, dispute: Row, verdict: Verdict) -> Row:
        """The loser's bond is the winner's but for a fee; without a loser it goes back."""
        signal, challenger = self.signals[dispute["signal"]], dispute["challenger"]
        at_stake, lost = dispute["bond"], signal["bond"]
        dispute |= {"verdict": int(verdict), "decided_us": tx["now_us"], "bond": 0}
        signal["state"] = int(SignalState.STANDING)
        if verdict == Verdict.UNDECIDED:
            self.pay_out(challenger, at_stake)
            return {}
        if verdict == Verdict.REJECTED:
            self.pay_out(signal["seller"], at_stake - self.pay_bench(dispute, at_stake))
            return {}
        signal |= {"state": int(SignalState.FRAUDULENT), "bond": 0}
        self.pay_out(challenger, at_stake + lost - self.pay_bench(dispute, lost))
        seller, sales = self.accounts[signal["seller"]], [self.sales[s] for s in signal["sales"]]
        self.convict(seller)
        proof = {"amount": 0}
        if self.rules.slash_rule != Slashing.NONE:
            proof |= {"offender": signal["seller"], "reporter": challenger, "statement": FRAUD}
            proof |= {"view": dispute["signal"], "offence_height": signal["published_height"]}
            proof |= {f"word{i}": 0 for i in range(4)} | {"base": 0, "height": tx["height"]}
            self.punish(proof, is_fraud=True, paid=[(s["buyer"], s["paid"]) for s in sales])
        for sale in sales:
            self.undo(sale, seller)
        return {"amount": proof["amount"]}

    def pay_bench(self, dispute: Row, lost: int) -> int:
        """The fee, in equal parts to who voted like the verdict; the treasury has the rest."""
        fee, right = lost * self.rules.bond_fee_ppm // PPM, dispute["upheld"]
        if dispute["verdict"] == Verdict.REJECTED:
            right = dispute["voted"] - dispute["upheld"]
        winners = [a for k, a in enumerate(self.get_bench(dispute)) if right >> k & 1]
        part = fee // max(1, len(winners))
        for account in winners:
            self.pay_out(account, part)
        self.pay_out(TREASURY, fee - len(winners) * part)
        return fee

    def undo(self, sale: Row, seller: Row) -> None:
        """From escrow back to the buyer; from the seller only where the rules claw back."""
        reclaims = self.rules.claws_back and sale["state"] in {SaleState.PAID, SaleState.INVOICED}
        if reclaims:
            move(seller, self.accounts[sale["buyer"]], sale["paid"])
        if sale["state"] == SaleState.HELD:
            self.pay_out(sale["buyer"], sale["paid"])
            sale["state"] = int(SaleState.REFUNDED)
        elif sale["state"] == SaleState.INVOICED:
            sale["state"] = int(SaleState.VOID)
        elif reclaims:
            sale["state"] = int(SaleState.RECOVERED)

    def release(self, tx: Row) -> Steps:
        yield Reason.SIGNAL_UNKNOWN, not 0 <= tx["target"] < len(self.signals)
        signal = self.signals[tx["target"]]
        yield Reason.DISPUTE_OPEN, signal["state"] == SignalState.DISPUTED
        yield Reason.WINDOW_CLOSED, signal["state"] != SignalState.STANDING
        yield Reason.WINDOW_OPEN, tx["now_us"] < signal["closes_us"]
        yield READY
        left = signal["bond"]
        self.pay_out(signal["seller"], left)
        signal |= {"bond": 0, "state": int(SignalState.CLOSED)}
        has_keeper = self.rules.judges == Judges.ARBITER and self.judges
        held = [
            s for s in map(self.sales.__getitem__, signal["sales"]) if s["state"] == SaleState.HELD
        ]
        for sale in held:
            fee = sale["paid"] * self.rules.escrow_fee_ppm // PPM
            self.pay_out(self.judges[0] if has_keeper else TREASURY, fee)
            self.pay_out(signal["seller"], sale["paid"] - fee)
            sale["state"] = int(SaleState.PAID)
            left += sale["paid"]
        yield {"amount": left}

    def pay(self, tx: Row, sender: Row, sale: Row) -> Steps:
        yield Reason.NOT_BUYER, sale["buyer"] != tx["sender"]
        yield Reason.SALE_SETTLED, sale["state"] != SaleState.INVOICED
        yield READY
        seller = self.accounts[self.signals[sale["signal"]]["seller"]]
        paid = move(sender, seller, min(tx["amount"], sale["price"] - sale["paid"]))
        sale["paid"] += paid
        if sale["paid"] == sale["price"]:
            sale["state"] = int(SaleState.PAID)
        yield {"amount": paid}

    def take(self, tx: Row, _: Row, sale: Row) -> Steps:
        is_keeper = self.rules.judges == Judges.ARBITER and self.judges[:1] == [tx["sender"]]
        yield Reason.NOT_JUDGE, not is_keeper
        yield Reason.SALE_SETTLED, sale["state"] != SaleState.HELD
        yield READY
        self.pay_out(tx["sender"], sale["paid"])
        sale["state"] = int(SaleState.TAKEN)
        yield {"amount": sale["paid"]}
