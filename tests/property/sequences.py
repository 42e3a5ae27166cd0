"""Random worlds, and the comparison of the two ledgers over a sequence of operations."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from sim.core.records import RECEIPT, TRANSACTION, Records, Status
from sim.core.units import SUPPLY_MAX
from sim.ledger import invariants, stake_invariants
from sim.ledger.market_invariants import MarketBook
from sim.ledger.rules import Rules
from sim.ledger.state import State
from tests.ledger_world import (
    AGENT,
    NOW_US,
    OPERATOR,
    OWNER,
    Row,
    World,
    add_grant,
    add_stake,
    add_unbonding,
    apply_one,
    create_records,
    create_row,
    create_world,
    get_snapshot,
    load_state,
    participate,
)
from tests.property.operations import MARKET_WEIGHTS, WEIGHTS, Moment, draw_transaction
from tests.property.reference_machine import ReferenceLedger
from tests.property.rule_sets import MARKETS, RULES


def create_random_world(rng: Random) -> World:
    """The small world with more accounts, in any standing, and with almost all money there is."""
    world = create_world()
    world["supply"] = rng.choice([20_000, SUPPLY_MAX])
    for entity in range(14, 17):
        account = create_row("accounts", entity=entity, org=entity % 2, namespace=entity % 2)
        world["accounts"].append(account | {"issuer": OPERATOR})
    for account in world["accounts"][OPERATOR:]:
        account["status"] = rng.choice([Status.ACTIVE] * 12 + list(Status))
        account["reputation_ppm"] = rng.choice([400_000, 500_000, 1_000_000, 1_000_000])
        account["tokens_ppm"] = rng.choice([0, 1_500_000, 9_000_000])
        account["balance"] = rng.choice([30, 300, 1_500])
        account["stake"] = rng.choice([0, 99, 100, 100])
    for account in world["accounts"][AGENT:]:
        account["capabilities"] &= rng.getrandbits(4)
    rest = sum(account["balance"] + account["stake"] for account in world["accounts"][1:])
    world["accounts"][0]["balance"] = world["supply"] - rest
    create_random_stakes(rng, world)
    world["judges"] = rng.choices(range(3, 10), k=rng.choice([0, 1, 3, 3, 4]))
    is_full = rng.random() < 0.3
    world["room"] |= {name: 2 if is_full else 60 for name in ("signals", "sales", "disputes")}
    world["room"]["ratings"] = rng.choice([1, 60, 60])
    world["operations"].append(
        create_row("operations", owner=-1, namespace=1, org=1, requires=0b11)
    )
    world["client_scopes"] = [[rng.getrandbits(4) for _ in range(2)] for _ in range(2)]
    world["logs"].append(create_row("logs", owner=OWNER))
    add_grant(world, issuer=OPERATOR, holder=AGENT, mask=0b1111, depth_max=8)
    world["room"] |= {"accounts": 13, "grants": rng.choice([8, 30]), "pool": rng.choice([20, 90])}
    return world


def create_random_stakes(rng: Random, world: World) -> None:
    """Unbonding entries of any age, a validator or two, and stake of a size that products wrap."""
    for account in rng.choices(range(4, 8), k=rng.randrange(6)):
        created_height, amount = rng.randrange(-20, 1), rng.choice([0, 9, 40, 150])
        entry = {"created_height": created_height, "matures_height": rng.randrange(-5, 30)}
        add_unbonding(world, account=account, amount=amount, **entry)
    for account in rng.sample(range(3, 8), rng.randrange(4)):
        world["liveness"].append(create_row("liveness", account=account))
    if world["supply"] == SUPPLY_MAX:
        add_stake(world, rng.randrange(4, 8), 2**60)
    full = rng.random() < 0.3
    world["room"] |= {"unbonding": 7 if full else 60, "evidence": 2 if full else 40}


class Run(NamedTuple):
    """What a sequence showed."""

    mismatch: str  # empty where the two ledgers agree
    rules: Rules
    before: State
    after: State
    transactions: list[Row]
    receipts: list[Row]  # of the compiled ledger

    def check_market(self) -> None:
        """Book all of the run at once, and compare."""
        book = MarketBook(self.before, self.rules)
        transactions = create_records(TRANSACTION, self.transactions)
        book.add(transactions, create_records(RECEIPT, self.receipts), self.after)
        book.check(self.after, 0)

    def check_invariants(self) -> None:
        """Let every checker look at the run."""
        for invariant in (
            "I8",
            "I9",
            "I10",
            "I11",
            "I12",
            "I13",
            "I14",
            "I15",
            "dropped",
            "market",
        ):
            self.check(invariant)

    def check(self, invariant: str) -> None:
        """Let one checker look at the run."""
        transactions = create_records(TRANSACTION, self.transactions)
        receipts = create_records(RECEIPT, self.receipts)
        before, after, rules = self.before, self.after, self.rules
        match invariant:
            case "I8":
                invariants.check_conservation(after, 0)
                stake_invariants.check_unbonding(after, 0)
            case "I9":
                invariants.check_range(after, 0)
            case "I10":
                invariants.check_nonces(before, after, rules, transactions, receipts)
            case "I11":
                invariants.check_capabilities(after, rules, transactions, receipts)
            case "I12":
                invariants.check_attenuation(after, 0)
            case "I13":
                invariants.check_authority(before, after, transactions, receipts)
            case "I14":
                stake_invariants.check_slashing(before, rules, transactions, receipts)
                self.check_market()
            case "I15":
                stake_invariants.check_stakes(before, after, rules, transactions, receipts)
                self.check_market()
            case "I16" | "I17":
                self.check_market()
            case "dropped":
                invariants.check_dropped(before, after, rules, transactions, receipts)


def run_sequence(name: str, seed: int, n_operations: int, *, stop: bool = True) -> Run:
    """Run both ledgers side by side, by default up to the first difference."""
    rng = Random(f"{name}:{seed}")
    world, rules = create_random_world(rng), RULES[name](rng)
    weights = WEIGHTS | MARKET_WEIGHTS if name in MARKETS else WEIGHTS
    state, before = load_state(world), load_state(world)
    reference = ReferenceLedger(world, rules)
    now_us, height, first_mismatch = rng.choice([0, NOW_US]), 1, ""
    transactions, receipts = [], []
    for index in range(n_operations):
        now_us += rng.choice([0, 0, 1_000, 100_000, 400_000])
        if rng.random() < 0.3:
            height += 1
            watched = sorted(row["account"] for row in reference.liveness)
            signed = [int(rng.random() < 0.6) for _ in watched]
            jailed = reference.participate(watched, signed, height)
            is_other = jailed != participate(state, rules, watched, signed, height)
            first_mismatch = first_mismatch or "jailed another number" * is_other
        if rng.random() < 0.02:
            disturb(rng, [reference.accounts, state.accounts, before.accounts])
        tx, arguments = draw_transaction(rng, reference, weights, Moment(now_us, height))
        expected, found = reference.apply(tx, arguments), apply_one(state, rules, tx, arguments)
        transactions.append(tx)
        receipts.append(found)
        mismatch = describe_mismatch(expected, found, reference, state)
        if mismatch and not first_mismatch:
            where = f"rules {name}, seed {seed}, operation {index}"
            first_mismatch = f"{where}\n{tx}\narguments {arguments}\n{mismatch}"
            if stop:
                break
    return Run(first_mismatch, rules, before, state, transactions, receipts)


def disturb(rng: Random, ledgers: list[list[Row] | Records]) -> None:
    """Jail, freeze or free an account, as punishment and governance do."""
    index = rng.randrange(OPERATOR, len(ledgers[0]))
    status = rng.choice([Status.ACTIVE] * 6 + [Status.JAILED, Status.FROZEN])
    for accounts in ledgers:
        accounts[index]["status"] = int(status)


def describe_mismatch(expected: Row, found: Row, reference: ReferenceLedger, state: State) -> str:
    """Both receipts, and where the states differ; empty if all is equal."""
    before, after = reference.get_snapshot(), get_snapshot(state)
    tables = [name for name in before if before[name] != after[name]]
    if expected == found and not tables:
        return ""
    differing = {k: (v, found[k]) for k, v in expected.items() if v != found[k]}
    lines = [f"receipts (reference, compiled): {expected}\n{found}", f"differ in: {differing}"]
    for name in tables:
        pairs = [(before[name], after[name])]
        if isinstance(before[name], list):
            rows = max(len(before[name]), len(after[name]))
            pairs = [(before[name][i : i + 1], after[name][i : i + 1]) for i in range(rows)]
        lines += [
            f"{name}: reference {ours}\n  compiled {theirs}"
            for ours, theirs in pairs
            if ours != theirs
        ]
    return "\n".join(lines)
