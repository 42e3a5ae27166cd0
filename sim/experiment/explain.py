"""`sim explain`: why one call ended as it did, under each policy of a stored result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.core.errors import InputError, Position, StorageError, find_nearest
from sim.core.reasons import PENDING, Reason
from sim.core.units import US_PER_S
from sim.experiment.cells import compute_code_digest
from sim.experiment.stored import find_manifests, get_settings
from sim.model.reexecute import (
    CallName,
    explain_at,
    find_agent,
    find_call,
    format_call,
    get_agent_name,
)
from sim.model.run import run_replication
from sim.model.world import World, create_world
from sim.scenario.load import load_scenario
from sim.scenario.policies import compute_policy_digest, create_policies

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from sim.ledger.explain import Check
    from sim.policies.base import Policy
    from sim.trace.records import Trace


def _get_rank(order: list[str], name: str) -> int:
    return order.index(name) if name in order else len(order)


@dataclass(frozen=True)
class Explanation:
    """One call under one policy."""

    policy: str
    call: str
    operation: str
    code: int | None  # None: the call was not made under this policy
    mediated: bool
    submitted_s: float
    final_s: float
    checks: list[Check]

    @property
    def verdict(self) -> str:
        """What became of the call, in a word or two."""
        if self.code is None:
            return "never made"
        if self.code == PENDING:
            return "pending at the horizon"
        return "executed" if self.code == 0 else f"refused: {Reason(self.code).name}"


class StoredRun:
    """A folder that `sim run` wrote, with what is needed to live through it again.

    Results of an older code, or of levers that the scenario has no more, are left aside as long
    as there are others.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        found = find_manifests(folder)
        self.loaded = load_scenario(folder / str(found[0]["scenario_file"]), get_settings(found[0]))
        self.world: World = create_world(self.loaded)
        order = list(create_policies(self.loaded))
        current = [facts for facts in found if self.is_current(facts)]
        self.manifests = sorted(
            current or found,
            key=lambda facts: (_get_rank(order, str(facts["policy"])), facts["seed"]),
        )
        self.n_seeds = len({facts["seed"] for facts in self.manifests})

    def is_current(self, facts: dict[str, Any]) -> bool:
        """Whether this code and this scenario would write this result again."""
        name = str(facts["policy"])
        try:
            policy = create_policies(self.loaded, [name])[name]
        except InputError:
            return False
        is_same_policy = compute_policy_digest(policy) == facts["policy_digest"]
        return is_same_policy and facts["code"] == compute_code_digest()

    def choose(self, policies: tuple[str, ...]) -> list[dict[str, Any]]:
        """Results of some policies, or all.

        Errors: InputError for a policy without a result here.
        """
        known = [str(facts["policy"]) for facts in self.manifests]
        for policy in policies:
            if policy not in known:
                where = Position(str(self.folder))
                nearest = find_nearest(policy, known)
                raise InputError(where, "--policy", f"no result of {policy!r} here", nearest)
        return [facts for facts in self.manifests if not policies or facts["policy"] in policies]

    def get_label(self, facts: dict[str, Any]) -> str:
        """Name of a result: its policy, and its seed if there are several."""
        name = str(facts["policy"])
        return name if self.n_seeds == 1 else f"{name} (seed {facts['seed']})"

    def get_policy(self, manifest: dict[str, Any]) -> Policy:
        """Policy of one result, with the levers it ran with.

        Errors: InputError if this version of the code compiles it to other levers.
        """
        name = str(manifest["policy"])
        policy = create_policies(self.loaded, [name])[name]
        if compute_policy_digest(policy) != manifest["policy_digest"]:
            where = Position(str(self.folder))
            raise InputError(where, name, "was run with levers that this version does not have")
        return policy

    def run_again(self, manifest: dict[str, Any], replication: int) -> Trace:
        """One replication as it was.

        Errors: StorageError if it does not come to the stored digest.
        """
        policy = self.get_policy(manifest)
        if not 0 <= replication < int(manifest["replications"]):
            where = Position(str(self.folder))
            problem = f"must be below {manifest['replications']}, got {replication}"
            raise InputError(where, "--replication", problem)
        trace = run_replication(self.world, policy, int(manifest["seed"]), replication)
        if trace.compute_digest().hex() != manifest["digests"][replication]:
            raise StorageError(
                str(self.folder),
                f"replication {replication} of {policy.name} does not come out as stored: "
                "another version of the code made this result",
            )
        return trace


def explain(
    folder: Path, call: str, replication: int, policies: tuple[str, ...] = ()
) -> list[Explanation]:
    """One call under every policy of a result, or under some of them.

    Errors: InputError for a call or policy that does not exist, StorageError.
    """
    stored = StoredRun(folder)
    name = parse_call(stored, call)
    explanations = [
        _explain_under(stored, manifest, name, call, replication)
        for manifest in stored.choose(policies)
    ]
    if all(explanation.code is None for explanation in explanations):
        where = Position(str(folder))
        raise InputError(where, "CALL", f"no policy of this result saw a call {call!r}")
    return explanations


def parse_call(stored: StoredRun, call: str) -> CallName:
    """Identity of a call typed as AGENT/TASK/CALL/ATTEMPT.

    Errors: InputError that says what is wrong.
    """
    where = Position(str(stored.folder))
    agent_name, *numbers = call.rsplit("/", 3)
    if len(numbers) != 3 or not all(number.isdecimal() for number in numbers):
        raise InputError(where, "CALL", f"expected AGENT/TASK/CALL/ATTEMPT, got {call!r}")
    agent = find_agent(stored.world, agent_name)
    if agent is None:
        names = [get_agent_name(stored.world, a) for a in range(len(stored.world.agents))]
        nearest = find_nearest(agent_name, names)
        raise InputError(where, "CALL", f"unknown agent {agent_name!r}", nearest)
    return CallName(agent, *(int(number) for number in numbers))


def _explain_under(
    stored: StoredRun, manifest: dict[str, Any], name: CallName, call: str, replication: int
) -> Explanation:
    trace = stored.run_again(manifest, replication)
    policy = stored.get_policy(manifest)
    row = find_call(trace, name)
    if row is None:
        return Explanation(stored.get_label(manifest), call, "", None, False, 0.0, 0.0, [])
    receipt, truth = trace.receipts[row], trace.truths[row]
    code = int(receipt["code"])
    checks = []
    if code != PENDING:
        seed = int(manifest["seed"])
        checks = explain_at(stored.world, policy, seed, replication, trace, row)
    return Explanation(
        policy=stored.get_label(manifest),
        call=format_call(stored.world, truth),
        operation=stored.world.operation_names[int(truth["operation"])],
        code=code,
        mediated=bool(truth["mediated"]),
        submitted_s=float(receipt["submitted_us"]) / US_PER_S,
        final_s=float(truth["final_us"]) / US_PER_S,
        checks=checks,
    )
