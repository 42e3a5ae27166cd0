"""Ambit: a discrete-event simulator of governance for AI agents.

    import sim
    sim.run("scenarios/nine_seconds.yaml")       # a result
    sim.load("results/nine_seconds-0123456789abcdef")  # a result of before
    sim.compare("scenarios/nine_seconds.yaml", "scenarios/cross_org_calls.yaml")

What these names need is imported when one of them is first used, and nothing global is changed.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.report.notebook import compare, load, ratings, run
    from sim.report.notebook_sweep import span, sweep

__all__ = ["compare", "load", "ratings", "run", "span", "sweep"]
_OF_SWEEPS = ("span", "sweep")


def __getattr__(name: str) -> Any:
    """The front door's names, each imported with what it needs on first use."""
    if name not in __all__:
        raise AttributeError(f"module 'sim' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - `import sim` costs nothing

    room = "sim.report.notebook_sweep" if name in _OF_SWEEPS else "sim.report.notebook"
    return getattr(import_module(room), name)


def __dir__() -> list[str]:
    """The names of the front door."""
    return __all__
