"""What a search found, as a table: each policy under its default attackers and the worst found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from sim.experiment.attack_search import Sampler
from sim.experiment.attack_store import format_set, list_judged
from sim.report.comparison_table import create_cell, format_number, format_range, get_unit
from sim.stats.intervals import Method

if TYPE_CHECKING:
    from sim.experiment.attack import AttackResult, Judged, Plan, PolicyAttack

NOTHING = "-"


def describe_plan(plan: Plan) -> list[str]:
    """What will be searched, before it starts."""
    worse = "larger" if plan.sign > 0 else "smaller"
    lines = [
        f"Searches the attackers of {plan.loaded.name} for the {worse} {plan.outcome.name}:",
        *(f"  {factor}" for factor in plan.factors),
    ]
    n_policies, each = len(plan.policies), "policy, each by itself"
    lines.append(
        f"{plan.trials} trials of {plan.replications} replications for each sampler, seed "
        f"{plan.seed}; then {plan.holdout} on fresh draws, seed {plan.holdout_seed}. "
        f"{n_policies} {each if n_policies == 1 else 'policies, each by itself'}."
    )
    return lines


def create_attack_table(result: AttackResult) -> Table:
    """A row a policy: default attackers, worst found, the gap, and what random search found."""
    plan = result.plan
    unit, _ = get_unit(plan.outcome.unit, plan.outcome.name)
    title = Text(f"{plan.outcome.name}, {unit}; n = {plan.holdout} fresh replications")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("policy", no_wrap=True)
    samplers = list(next(iter(result.attacks.values())).worst)
    headings = ["default attackers", "worst found", "robustness gap"]
    if Sampler.RANDOM in samplers:
        headings.append("worst of random search")
    for heading in [*headings, "in search, optimistic"]:
        table.add_column(heading, justify="right")
    for name, attack in result.attacks.items():
        cells = [_show(attack.default), _show(attack.found), _show_gap(attack.found)]
        if Sampler.RANDOM in attack.worst:
            cells.append(_show(attack.worst[Sampler.RANDOM]))
        table.add_row(Text(name), *cells, _show_score(plan, attack))
    return table


def _show(judged: Judged) -> Text:
    return Text("\n".join(part for part in create_cell(judged.estimate) if part))


def _show_gap(judged: Judged) -> Text:
    if judged.gap is None:
        return Text(NOTHING)
    interval = judged.gap.interval
    if interval.method is Method.IDENTICAL:
        return Text("none")
    _, scale = get_unit(judged.estimate.unit, judged.estimate.name)
    text = format_number(scale * interval.mean)
    if interval.low is not None and interval.high is not None:
        text += f"\n{format_range(scale * interval.low, scale * interval.high)}"
    return Text(text)


def _show_score(plan: Plan, attack: PolicyAttack) -> Text:
    score = attack.found.trial.score
    _, scale = get_unit(plan.outcome.unit, plan.outcome.name)
    return Text(NOTHING if score is None else format_number(scale * plan.sign * score))


def write_findings(result: AttackResult) -> list[str]:
    """Who the worst attackers are, how to meet them again, and what may be claimed."""
    plan, lines = result.plan, []
    for name, attack in result.attacks.items():
        lines.append(f"{name}: {describe_found(plan, attack)}")
        if attack.found.trial.settings:
            changes = " ".join(format_set(setting) for setting in attack.found.trial.settings)
            given = "".join(f"{format_set(setting)} " for setting in plan.loaded.settings)
            lines.append(
                f"  sim run {plan.loaded.path} --policy {name} --seed {plan.holdout_seed} "
                f"--replications {plan.holdout} {given}{changes}"
            )
    searches = next(iter(result.attacks.values())).searches
    budget = ", ".join(f"{found.sampler}: {len(found.trials) - 1} trials" for found in searches)
    lines.append(
        f"Worst found with this budget ({budget}, of {plan.replications} replications each, seed "
        f"{plan.seed}), which is no bound on the worst there is. Estimates and "
        f"95 % intervals are of seed {plan.holdout_seed}, on which nothing was searched; the gap "
        "is paired, on the same draws."
    )
    return lines


def describe_found(plan: Plan, attack: PolicyAttack) -> str:
    """One sentence: whether what was found is worse than the scenario's own attackers."""
    found = attack.found
    if not found.trial.settings:
        return "no attacker found that scores worse than the scenario's own."
    limits = found.gap.interval if found.gap is not None else None
    if limits is None or limits.low is None or limits.high is None:
        return "what was found cannot be compared with the scenario's own attackers."
    low, high = sorted((plan.sign * limits.low, plan.sign * limits.high))
    if low > 0:
        return "the worst attacker found is worse than the scenario's own."
    if high < 0:
        return "what looked worst in the search is milder than the scenario's own on fresh draws."
    return "what was found is not told apart from the scenario's own on fresh draws."


def create_attack_document(result: AttackResult) -> dict[str, Any]:
    """The search as one JSON document."""
    plan = result.plan
    return {
        "scenario": plan.loaded.name,
        "scenario_digest": plan.loaded.digest,
        "outcome": plan.outcome.name,
        "unit": plan.outcome.unit,
        "direction": plan.outcome.direction,
        "factors": [str(factor) for factor in plan.factors],
        "seed": plan.seed,
        "holdout_seed": plan.holdout_seed,
        "trials": plan.trials,
        "replications": plan.replications,
        "holdout": plan.holdout,
        "policies": {
            name: {key: _create_judged(plan, judged) for key, judged in list_judged(attack).items()}
            for name, attack in result.attacks.items()
        },
    }


def _create_judged(plan: Plan, judged: Judged) -> dict[str, Any]:
    interval, gap = judged.estimate.interval, judged.gap
    score = judged.trial.score
    return {
        "settings": [str(setting) for setting in judged.trial.settings],
        "in_search_optimistic": None if score is None else plan.sign * score,
        "holdout": None if interval is None else interval._asdict(),
        "gap": None if gap is None else gap.interval._asdict(),
    }
