"""Calls of replication 0 as columns for the page's Explore section, every name written once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sim.core.reasons import PENDING, PROSE, Reason
from sim.core.records import Goal, Kind
from sim.core.units import US_PER_S
from sim.experiment.explain import Explanation
from sim.experiment.explore import explore
from sim.model.reexecute import get_agent_name
from sim.report.explanation import create_check_rows, create_heading
from sim.report.printable import make_printable

if TYPE_CHECKING:
    from sim.experiment.explore import PolicyCalls
    from sim.experiment.tables import StoredResult
    from sim.ledger.explain import Check
    from sim.model.world import World

ROWS_MAX = 20_000  # of all policies of a result together
EXPLAINED_MAX = 200  # different calls with every check, each under all policies
FLAGS = ("mediated", "legit", "irreversible", "cancelled")  # bit 0 and up
NUMBERS = ("task", "call", "attempt", "code", "goal", "harm", "submitted_us", "final_us")


class Words:
    """Texts by number, each kept once."""

    def __init__(self) -> None:
        self.numbers: dict[Any, int] = {}
        self.listed: list[Any] = []  # all texts in the order of their numbers

    def get_number(self, word: Any) -> int:
        """Number of a text, new or known."""
        if word not in self.numbers:
            self.numbers[word] = len(self.listed)
            self.listed.append(word)
        return self.numbers[word]


class CallsDocument:
    """Collects calls of one policy after another into columns."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.words = {name: Words() for name in ("who", "what", "org", "failing", "check", "text")}
        names = ("policy", "who", "what", "caller", "owner", "failing", "flags", *NUMBERS)
        self.columns: dict[str, list[int]] = {name: [] for name in names}
        self.checks: dict[int, list[int]] = {}
        self.headings: dict[int, str] = {}
        self.policies: list[dict[str, Any]] = []

    def add(self, calls: PolicyCalls) -> None:
        """Every call shown of one policy, and the checks of some."""
        first, n = len(self.columns["policy"]), len(calls.table["code"])
        table = calls.table
        columns = self.columns
        columns["policy"] += [len(self.policies)] * n
        columns["who"] += self._get_whos(calls)
        columns["what"] += self._get_whats(calls)
        orgs = self.words["org"]
        for name, source in (("caller", "caller_org"), ("owner", "owner_org")):
            columns[name] += [orgs.get_number(self._get_org(org)) for org in table[source].tolist()]
        columns["failing"] += [
            self.words["failing"].get_number(_list_bits(mask))
            for mask in table["violations"].tolist()
        ]
        flags = sum(table[name].astype(np.int64) << bit for bit, name in enumerate(FLAGS))
        columns["flags"] += np.asarray(flags).tolist() if n else []
        for name in NUMBERS:
            columns[name] += table[name].tolist()
        for row, checks in calls.checks.items():
            self._add_checks(first + row, self._describe(calls, first, row, checks))
        self.policies.append(
            {
                "name": calls.policy,
                "folder": calls.folder.name,
                "bound": calls.is_bound,
                "calls": calls.n_calls,
                "remarkable": calls.n_remarkable,
                "shown": n,
                "explained": len(calls.checks),
                "problem": calls.problem,
            }
        )

    def create_document(self) -> dict[str, Any]:
        """Everything the page's script needs, as JSON knows it."""
        words = {name: words.listed for name, words in self.words.items()}
        codes = sorted({*self.columns["code"], *(c for bits in words["failing"] for c in bits)})
        return {
            "policies": self.policies,
            **words,
            "reasons": {code: _name_code(code) for code in codes},
            "goals": [goal.name.lower() for goal in Goal],
            "columns": self.columns,
            "checks": self.checks,
            "headings": self.headings,
        }

    def _get_whos(self, calls: PolicyCalls) -> list[int]:
        pairs = zip(calls.table["agent"].tolist(), calls.table["trader"].tolist(), strict=True)
        known: dict[tuple[int, int], int] = {}
        numbers = []
        for pair in pairs:
            if pair not in known:
                known[pair] = self.words["who"].get_number(make_printable(self._name(*pair)))
            numbers.append(known[pair])
        return numbers

    def _name(self, agent: int, trader: int) -> str:
        if agent >= 0:
            return get_agent_name(self.world, agent)
        account = int(self.world.market.traders["account"][trader])
        return self.world.holders[account - self.world.n_orgs].name

    def _get_whats(self, calls: PolicyCalls) -> list[int]:
        pairs = zip(calls.table["operation"].tolist(), calls.table["kind"].tolist(), strict=True)
        return [self.words["what"].get_number(self._name_act(*pair)) for pair in pairs]

    def _name_act(self, operation: int, kind: int) -> str:
        if operation >= 0 and kind == Kind.CALL:
            return make_printable(self.world.operation_names[operation])
        return Kind(kind).name.lower().replace("_", " ")

    def _get_org(self, org: int) -> str:
        return make_printable(self.world.org_names[org]) if org >= 0 else ""

    def _describe(
        self, calls: PolicyCalls, first: int, row: int, checks: list[Check]
    ) -> Explanation:
        """What `sim explain` says of a call."""
        table, place = calls.table, first + row
        who = self.words["who"].listed[self.columns["who"][place]]
        numbers = "/".join(str(table[name][row]) for name in ("task", "call", "attempt"))
        return Explanation(
            policy=calls.policy,
            call=f"{who}/{numbers}",
            operation=self.words["what"].listed[self.columns["what"][place]],
            code=int(table["code"][row]),
            mediated=bool(table["mediated"][row]),
            submitted_s=float(table["submitted_us"][row]) / US_PER_S,
            final_s=float(table["final_us"][row]) / US_PER_S,
            checks=checks,
        )

    def _add_checks(self, place: int, explanation: Explanation) -> None:
        texts = self.words["text"]
        self.headings[place] = create_heading(explanation)
        self.checks[place] = [
            self.words["check"].get_number(tuple(texts.get_number(text) for text in row))
            for row in create_check_rows(explanation)
        ]


def _list_bits(mask: int) -> tuple[int, ...]:
    return tuple(bit for bit in range(63) if mask >> bit & 1)


def _name_code(code: int) -> tuple[str, str]:
    if code == PENDING:
        return "PENDING", "no decision before the horizon"
    return Reason(code).name, PROSE[Reason(code)]


def create_calls(result: StoredResult) -> dict[str, Any]:
    """Calls of replication 0 under every policy, those the page shows.

    Errors: StorageError for a file that cannot be read.
    """
    world, listed = explore(result, ROWS_MAX, EXPLAINED_MAX)
    document = CallsDocument(world)
    for calls in listed:
        document.add(calls)
    return document.create_document()
