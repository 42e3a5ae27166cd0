"""A rare event in words and as a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.experiment.rare import RareResult
    from sim.stats.splitting import Rarity


def describe_rare(result: RareResult) -> list[str]:
    """What was estimated, how surely, and what it would have taken without splitting."""
    event, rarity = result.event, result.rarity
    lines = [f"{result.loaded.name}, {result.options.policy}: {event.headline}"]
    if rarity is None:
        always = "always" if event.exact else "never"
        return [*lines, f"{always}, by construction: {event.because}", *event.lines]
    lines += [
        *describe_chance(rarity),
        f"exact: p = {event.exact:.4g}",
        *event.lines,
        f"levels: {rarity.levels}, {event.levels}; reached from the one before: "
        + ", ".join(f"{share:.3g}" for share in rarity.shares),
        f"work: {len(rarity.runs)} runs of {rarity.trials} copies a level, "
        f"{round(rarity.n_steps / len(rarity.runs))} {event.steps} a run, seed {result.seed}",
    ]
    if result.crude is not None:
        lines.append(
            f"plain Monte Carlo: {result.crude:.3g} {event.unit} for +-10 % at 95 % "
            "(splitting's own precision is the interval above)"
        )
    return lines


def describe_chance(rarity: Rarity[Any]) -> list[str]:
    """The estimate with its interval, or a bound, and whether that is too narrow."""
    n_runs, interval = len(rarity.runs), rarity.interval
    if interval is None:
        lines = [
            f"rare: in none of {n_runs} runs; p < {rarity.bound:.3g} (95 %, copies taken for "
            "independent)"
        ]
    else:
        limits = "no interval"
        if interval.low is not None and interval.high is not None:
            limits = f"{interval.low:.3g}..{interval.high:.3g}, 95 %, {interval.method}"
        lines = [f"rare: p = {interval.mean:.4g} ({limits}, n = {n_runs} runs)"]
    if rarity.is_starved:
        lines.append(
            "few copies pass a level (fewer than 10 a run): the interval is too narrow; raise "
            "--trials"
        )
    return lines


def create_rare_document(result: RareResult) -> dict[str, Any]:
    """The same as one JSON document; without an estimate, `by_construction` says why."""
    event, rarity = result.event, result.rarity
    document = {
        "scenario": result.loaded.name,
        "scenario_digest": result.loaded.digest,
        "policy": result.options.policy,
        "event": result.options.event,
        "meaning": event.headline,
        "given": event.facts,
        "seed": result.seed,
        "exact": event.exact,
        "by_construction": event.because if rarity is None else None,
        "estimate": None,
    }
    if rarity is not None:
        document["estimate"] = {
            "chance": None if rarity.interval is None else rarity.interval._asdict(),
            "bound": rarity.bound,
            "few_copies_pass": rarity.is_starved,
            "levels": rarity.levels,
            "trials": rarity.trials,
            "runs": len(rarity.runs),
            "shares": list(rarity.shares),
            "steps": rarity.n_steps,
            "crude_replications": result.crude,
        }
    return document
