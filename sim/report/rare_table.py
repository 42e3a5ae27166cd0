"""A rare event in words and as a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.experiment.rare import RareResult


def describe_rare(result: RareResult) -> list[str]:
    """What was estimated, how surely, and what it would have taken without splitting."""
    rarity = result.rarity
    n_runs, steps = len(rarity.runs), round(rarity.n_steps / len(rarity.runs))
    lines = [
        f"{result.loaded.name}, {result.policy}: an innocent seller is convicted in a dispute by "
        f"{result.n_seats} of {result.n_judges} judges"
    ]
    interval = rarity.interval
    if interval is None:
        lines.append(
            f"rare: in none of {n_runs} runs; p < {rarity.bound:.3g} (95 %, copies taken for "
            "independent)"
        )
    else:
        limits = "no interval"
        if interval.low is not None and interval.high is not None:
            limits = f"{interval.low:.3g}..{interval.high:.3g}, 95 %, {interval.method}"
        lines.append(f"rare: p = {interval.mean:.4g} ({limits}, n = {n_runs} runs)")
    if rarity.is_starved:
        lines.append(
            "few copies pass a level (fewer than 10 a run): the interval is too narrow; raise "
            "--trials"
        )
    lines += [
        f"exact: p = {result.exact:.4g}",
        f"levels: {rarity.levels}, votes against the innocent; reached from the one before: "
        + ", ".join(f"{share:.3g}" for share in rarity.shares),
        f"work: {n_runs} runs of {rarity.trials} copies a level, {steps} transactions a run, seed "
        f"{result.seed}",
    ]
    if result.crude is not None:
        lines.append(
            f"plain Monte Carlo: {result.crude:.3g} disputes for +-10 % at 95 % "
            "(splitting's own precision is the interval above)"
        )
    return lines


def create_rare_document(result: RareResult) -> dict[str, Any]:
    """The same as one JSON document."""
    rarity = result.rarity
    return {
        "scenario": result.loaded.name,
        "scenario_digest": result.loaded.digest,
        "policy": result.policy,
        "event": "wrongful conviction in one dispute",
        "judges": result.n_judges,
        "seats": result.n_seats,
        "seed": result.seed,
        "chance": None if rarity.interval is None else rarity.interval._asdict(),
        "bound": rarity.bound,
        "few_copies_pass": rarity.is_starved,
        "exact": result.exact,
        "levels": rarity.levels,
        "trials": rarity.trials,
        "runs": len(rarity.runs),
        "shares": list(rarity.shares),
        "transactions": rarity.n_steps,
        "crude_replications": result.crude,
    }
