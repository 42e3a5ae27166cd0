"""From intents to transactions: what the world knows of a call, and who will judge it."""

from __future__ import annotations

import numpy as np

from sim.core.compiled import njit
from sim.core.draws import draw_ppm
from sim.core.purposes import Purpose
from sim.core.reasons import Reason
from sim.core.records import FOREVER_US, Goal, Ints, Kind, Posture, Record, Records
from sim.core.units import PPM
from sim.ledger.rules import ACROSS, INSIDE
from sim.model.layout import ATTEMPTS_MAX, CURRENT_KEY, HARM_PPM_MIN, TASK_STRIDE, Phase

_CALL, _GRANT, _EVIDENCE = int(Kind.CALL), int(Kind.GRANT), int(Kind.EVIDENCE)
_ROTATE_KEY, _TRANSFER = int(Kind.ROTATE_KEY), int(Kind.TRANSFER)
_WORK = int(Goal.WORK)
_HONEST, _NEGLIGENT = int(Posture.HONEST), int(Posture.NEGLIGENT)
_N_POSTURES = len(Posture)
_PATH, _HARM = int(Purpose.PATH), int(Purpose.HARM)
_INSIDE, _ACROSS = INSIDE, ACROSS
_APPROVAL_BIT = 1 << int(Reason.APPROVAL_MISSING)
_IN_FLIGHT = int(Phase.IN_FLIGHT)
EVERYTHING = 2**63 - 1  # what a caller claims whose org does not hold it back


@njit
def create_calls(
    intents: Records,
    agents: Records,
    account_orgs: Ints,
    postures: Ints,
    operations: Records,
    mediation_ppm: int,
    reads_truth: bool,
    fee: int,
    key0: np.uint64,
    key1: np.uint64,
    transactions: Records,
    truths: Records,
) -> None:
    """One transaction and one row of truth for each intent; agents wait for the decision.

    Shapes: intents INTENT (n,), transactions TRANSACTION (n,) and truths TRUTH (n,), zeroed.
    """
    for row in range(intents.shape[0]):
        intent, tx, truth = intents[row], transactions[row], truths[row]
        agent = agents[intent["agent"]]
        operation = operations[intent["operation"]]
        caller_org = account_orgs[intent["account"]]
        owner_org = operation["org"]
        boundary = _INSIDE if caller_org == owner_org else _ACROSS
        mediated = 1
        if get_path(intent, agent, key0, key1) >= mediation_ppm:
            mediated = 0
        caller = postures[caller_org]
        if boundary == _ACROSS and agent["key_version"] != CURRENT_KEY:
            caller = _NEGLIGENT  # an outsider's call does not pass the gateway of its victim
        situation = (boundary * _N_POSTURES + caller) * _N_POSTURES
        situation = (situation + postures[owner_org]) * 2 + mediated
        goal = intent["goal"]

        tx["kind"] = _CALL
        tx["sender"] = intent["account"]
        tx["chain_id"] = 1
        tx["valid_until_height"] = FOREVER_US
        tx["fee"] = fee
        tx["target"] = intent["operation"]
        tx["parent"] = -1
        tx["arguments_from"] = intent["arguments_from"]
        tx["arguments_to"] = intent["arguments_to"]
        tx["key_version"] = agent["key_version"]  # an outsider's is the one that leaked
        tx["proof_valid"] = 1
        tx["claim"] = 0 if caller == _HONEST else EVERYTHING
        tx["situation"] = situation
        tx["illegitimate"] = 1 if reads_truth and goal != _WORK else 0
        tx["submitted_us"] = intent["time_us"]

        truth["agent"] = intent["agent"]
        truth["entity"] = agent["entity"]
        truth["task"] = intent["task"]
        truth["call"] = intent["call"]
        truth["attempt"] = agent["attempt"]
        truth["operation"] = intent["operation"]
        truth["caller_org"] = caller_org
        truth["owner_org"] = owner_org
        truth["ready_us"] = intent["time_us"]
        truth["final_us"] = -1
        truth["legit"] = 1 if goal == _WORK else 0
        truth["goal"] = goal
        truth["harm"] = 0 if goal == _WORK else get_harm(intent, agent, operation, key0, key1)
        truth["irreversible"] = 1 - operation["reversible"]
        truth["mediated"] = mediated
        truth["forged"] = intent["resent"]
        agent["phase"] = _IN_FLIGHT


@njit
def get_path(intent: Record, agent: Record, key0: np.uint64, key1: np.uint64) -> int:
    """Rank of the path this call takes, in 0..999_999; mediation covers the lowest ranks."""
    if intent["path"] >= 0 and agent["path_attempt"] == 0:
        return intent["path"]
    ordinal = (intent["task"] * TASK_STRIDE + intent["call"]) * ATTEMPTS_MAX
    return draw_ppm(key0, key1, _PATH, agent["entity"], ordinal + agent["path_attempt"])


@njit
def get_harm(
    intent: Record, agent: Record, operation: Record, key0: np.uint64, key1: np.uint64
) -> int:
    """Harm of an illegitimate act if it is executed: 0.5 to 1.5 times the value at risk."""
    value = operation["value_at_risk"]
    if value == 0:
        return 0
    ordinal = intent["task"] * TASK_STRIDE + intent["call"]
    share = HARM_PPM_MIN + draw_ppm(key0, key1, _HARM, agent["entity"], ordinal)
    whole = value // PPM
    return whole * share + (value % PPM) * share // PPM


@njit
def mark_approvals(
    transactions: Records, truths: Records, operations: Records, effects: int, binding: Ints
) -> int:
    """Mark the calls that a human must approve first; return how many there are."""
    marked = 0
    for row in range(transactions.shape[0]):
        tx = transactions[row]
        effect = operations[tx["target"]]["effect"]
        if (effects >> effect) & 1 and binding[tx["situation"]] & _APPROVAL_BIT:
            truths[row]["needs_approval"] = 1
            marked += 1
    return marked


@njit
def stamp_batch(
    transactions: Records,
    truths: Records,
    local: Ints,
    nonces: Ints,
    key_versions: Ints,
) -> None:
    """Put accounts into the ledger's numbering; give each transaction its nonce and key.

    Honest senders sign with whatever key is current at their place in the order. A forgery
    carries a nonce but does not move the sender's own count: `truths` may say that a call is an
    old one sent again, and a key that was replaced makes it a forgery too.
    """
    for row in range(transactions.shape[0]):
        tx, truth = transactions[row], truths[row]
        account = tx["sender"]
        stale = 0
        if tx["key_version"] == CURRENT_KEY:
            tx["key_version"] = key_versions[account]
        elif tx["key_version"] != key_versions[account]:
            stale = 1
        if tx["kind"] == _ROTATE_KEY:
            key_versions[tx["target"]] += 1
        kind = tx["kind"]
        if kind in (_ROTATE_KEY, _TRANSFER, _GRANT, _EVIDENCE):
            tx["target"] = local[tx["target"]]
        tx["sender"] = local[account]
        if nonces[account] == 0:
            truth["forged"] = 0  # nothing was sent yet that could be sent again
        if truth["forged"]:
            tx["nonce"] = nonces[account] - 1
        elif stale:
            tx["nonce"] = nonces[account]
        elif tx["situation"] & 1:
            tx["nonce"] = nonces[account]
            nonces[account] += 1
        else:
            tx["nonce"] = nonces[account]
        truth["forged"] |= stale
