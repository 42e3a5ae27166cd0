"""Designs: which values which keys take, point by point. A point is what it sets, not its place."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sim.core.errors import InputError, InputErrors, Position
from sim.scenario.document import MapNode, Node
from sim.scenario.literals import compute_duration_us, compute_number
from sim.scenario.load import OUTSIDE_WORLD, LoadedScenario, read_scenario
from sim.scenario.settings import PATH, Setting, get_place, is_of_policy, split_path
from sim.scenario.spans import Ends, Kind, create_ends
from sim.scenario.sweep import Spread

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from sim.scenario.sweep import Sweep

    Column = NDArray[np.float64]

# what a design needs, and what it is given if nobody says: grid values, points, N, trajectories
POINTS_DEFAULT = {"grid": 5, "latin_hypercube": 64, "sobol": 512, "morris": 20}
SOBOL_MIN = 512  # of N; fewer leave indices with wide intervals
MORRIS_MIN = 20  # trajectories
MORRIS_LEVELS = 4
NOT_SWEPT = (OUTSIDE_WORLD - {"policies"}) | {"version", "baseline", "stream"}


class Choices(NamedTuple):
    """Values of one key, as they are written."""

    path: str
    texts: tuple[str, ...]

    def get_text(self, u: float) -> str:
        """The value at a share u of the way, 0..1; each has an equal part of it."""
        return self.texts[min(int(u * len(self.texts)), len(self.texts) - 1)]

    def get_levels(self, n: int) -> list[str]:
        """All values, however many are asked for."""
        return list(dict.fromkeys(self.texts))


class Range(NamedTuple):
    """A range of one key."""

    path: str
    ends: Ends

    def get_text(self, u: float) -> str:
        """The value at a share u of the way, 0..1."""
        return self.ends.get_text(u)

    def get_levels(self, n: int) -> list[str]:
        """So many values at equal steps, both ends among them; fewer if no more lie between."""
        return list(dict.fromkeys(self.get_text(index / max(n - 1, 1)) for index in range(n)))


Factor = Choices | Range


class Point(NamedTuple):
    """One setting of all factors."""

    settings: tuple[Setting, ...]

    def compute_digest(self, base_digest: str) -> str:
        """Which point of which scenario this is: 16 hexadecimal digits."""
        return _compute_digest(base_digest, self.settings)

    def compute_world_digest(self, base_digest: str) -> str:
        """The same of what it sets in the world: what it sets in policies is in their digests."""
        world = [setting for setting in self.settings if not is_of_policy(setting)]
        return _compute_digest(base_digest, world)


def _compute_digest(base_digest: str, settings: Sequence[Setting]) -> str:
    text = "\n".join([base_digest, *sorted(map(str, settings))])
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


@dataclass(frozen=True)
class Design:
    """Factors and how they are combined."""

    name: str
    points: int  # see `Sweep.points`
    seed: int  # of what is drawn: Latin squares, Sobol' scrambling, trajectories
    factors: tuple[Factor, ...]  # in the order they were given

    @property
    def varied(self) -> list[Factor]:
        """Factors with more than one value: the dimensions."""
        return [
            factor for factor in self.factors if isinstance(factor, Range) or len(factor.texts) > 1
        ]

    @property
    def is_sampled(self) -> bool:
        """Whether it is one that indices are computed of."""
        return self.name in ("sobol", "morris")

    def count_rows(self) -> int:
        """Rows of the design, those that set the same included, without making them."""
        n_varied = len(self.varied)
        if self.name == "grid":
            return prod(len(factor.get_levels(self.points)) for factor in self.factors)
        if self.name == "latin_hypercube":
            return self.points
        return self.points * (n_varied + (2 if self.name == "sobol" else 1))

    def create_units(self) -> Column:
        """Rows of a sampled design; shape (n_rows, n_varied), each in 0..1."""
        return SAMPLERS[self.name](self)

    def create_points(self) -> Iterator[Point]:
        """Every row as a point, in order; rows that set the same are equal points."""
        if self.name == "grid":
            for texts in product(*(factor.get_levels(self.points) for factor in self.factors)):
                yield self._create_point(texts)
            return
        varied = {factor.path: index for index, factor in enumerate(self.varied)}
        for row in self.create_units():
            yield self._create_point(
                factor.get_text(float(row[varied[factor.path]]) if factor.path in varied else 0.0)
                for factor in self.factors
            )

    def _create_point(self, texts: Any) -> Point:
        pairs = zip(self.factors, texts, strict=True)
        return Point(tuple(Setting(factor.path, text) for factor, text in pairs))

    def describe(self) -> dict[str, Any]:
        """The design in plain words, as a manifest keeps it."""
        factors = {
            factor.path: list(factor.texts)
            if isinstance(factor, Choices)
            else {
                "from": factor.get_text(0.0),
                "to": factor.get_text(1.0),
                "scale": "log" if factor.ends.is_log else "linear",
            }
            for factor in self.factors
        }
        return {"design": self.name, "points": self.points, "seed": self.seed, "factors": factors}


def _sample_latin_hypercube(design: Design) -> Column:
    """McKay, Beckman and Conover 1979, A Comparison of Three Methods."""
    from scipy.stats import qmc  # noqa: PLC0415 - heavy

    sampler = qmc.LatinHypercube(len(design.varied), seed=design.seed)
    return np.asarray(sampler.random(design.points))


def _sample_sobol(design: Design) -> Column:
    """Saltelli's scheme without second order: N (D + 2) rows. Saltelli et al. 2010."""
    from SALib.sample import sobol  # noqa: PLC0415 - heavy

    problem = create_problem(design)
    return np.asarray(
        sobol.sample(problem, design.points, calc_second_order=False, seed=design.seed)
    )


def _sample_morris(design: Design) -> Column:
    """R trajectories of D + 1 rows. Morris 1991, Factorial Sampling Plans."""
    from SALib.sample import morris  # noqa: PLC0415 - heavy

    problem = create_problem(design)
    return np.asarray(
        morris.sample(problem, design.points, num_levels=MORRIS_LEVELS, seed=design.seed)
    )


SAMPLERS: dict[str, Callable[[Design], Column]] = {
    "latin_hypercube": _sample_latin_hypercube,
    "sobol": _sample_sobol,
    "morris": _sample_morris,
}


def create_problem(design: Design) -> dict[str, Any]:
    """The factors as SALib wants them, each from 0 to 1."""
    names = [factor.path for factor in design.varied]
    return {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}


Given = dict[str, "tuple[str, ...] | Spread"]  # by path: values as written, or a range


def check_sweep(loaded: LoadedScenario) -> None:
    """Refuse a file's `sweep` that `sim sweep` would, without running anything.

    Errors: InputErrors with every refusal, each where the file has it.
    """
    if loaded.scenario.sweep is not None:
        create_design(loaded, {}, None, None, loaded.scenario.seed)


def create_design(
    loaded: LoadedScenario,
    given: Mapping[str, tuple[str, ...] | Spread],
    name: str | None,
    points: int | None,
    seed: int,
) -> Design:
    """The design of the file's `sweep`, with what is asked for from outside in its place.

    Every value is tried by itself before anything runs.
    Errors: InputError, InputErrors for a path, value, range or size that cannot be.
    """
    written: Sweep | None = loaded.scenario.sweep
    name = name or (written.design if written else "grid")
    points = points or (written.points if written else None) or POINTS_DEFAULT[name]
    both = (dict(written.factors) if written else {}) | dict(given)
    if not both:
        problem = "nothing varies: give --set PATH=V1,V2, --set-range PATH=LOW..HIGH or `sweep`"
        raise InputError(Position(str(loaded.path)), "sweep", problem)
    factors: list[Factor] = []
    refused: list[InputError] = []
    for path, values in both.items():
        try:
            factors.append(create_factor(loaded, path, values))
        except (InputError, InputErrors) as error:
            if path in given:
                raise
            refused += _place_in_file(loaded, ("factors", path), error)
    if refused:
        raise InputErrors(tuple(refused))
    design = Design(name, points, seed, tuple(factors))
    try:
        _check_size(design)
    except InputError as error:
        key = str(error.where).removeprefix("--")  # an option, and a key of the file
        if given or key not in _get_keys(loaded):
            raise
        raise InputErrors(tuple(_place_in_file(loaded, (key,), error))) from error
    return design


def _get_keys(loaded: LoadedScenario) -> Collection[str]:
    """What the file's `sweep` sets."""
    node = loaded.tree.entries["sweep"][1] if "sweep" in loaded.tree.entries else None
    return node.entries if isinstance(node, MapNode) else ()


def create_factor(loaded: LoadedScenario, path: str, values: tuple[str, ...] | Spread) -> Factor:
    """One factor, each of its values tried by itself.

    Errors: InputError, InputErrors.
    """
    place = get_place(Setting(path, ""))
    if not PATH.fullmatch(path):
        raise InputError(place, "", f"expected a dotted path, got {path!r}")
    if (first := split_path(path)[0]) in NOT_SWEPT or path == "policies":
        problem = f"{first!r} is no part of the world: it has an option of its own, or no effect"
        raise InputError(place, "", problem)
    texts = (values.low, values.high) if isinstance(values, Spread) else values
    refused: dict[str, InputError] = {}  # a path that leads nowhere does so for every value
    for text in texts:
        try:
            tried = read_scenario(loaded.path, loaded.tree, [Setting(path, text)])
        except InputErrors as error:
            refused |= {str(each): each for each in error.errors}
    if refused:
        raise InputErrors(tuple(refused.values()))
    if not isinstance(values, Spread):
        return Choices(path, values)
    is_log = values.scale == "log"
    return Range(path, create_ends(tried.tree, path, values.low, values.high, is_log=is_log))


def _place_in_file(
    loaded: LoadedScenario, keys: tuple[str, ...], error: InputError | InputErrors
) -> Iterator[InputError]:
    """The same refusals, said of where the file has what is refused."""
    node: Node = loaded.tree
    position = node.position
    for key in ("sweep", *keys):
        if isinstance(node, MapNode) and key in node.entries:
            position, node = node.entries[key]
    for each in error.errors if isinstance(error, InputErrors) else (error,):
        yield InputError(position, ".".join(("sweep", *keys)), each.problem, each.nearest)


def _check_size(design: Design) -> None:
    """Refuse what a design cannot be.

    Errors: InputError.
    """
    where, n = Position("--points"), design.points
    if design.is_sampled and len(design.varied) < 2:
        problem = f"{design.name} needs at least two factors that vary"
        raise InputError(Position("--design"), "", problem)
    if not design.varied and design.name != "grid":
        raise InputError(Position("--design"), "", f"{design.name} needs a factor that varies")
    if design.name == "sobol" and n & (n - 1):
        low = 1 << (n.bit_length() - 1)
        problem = f"sobol needs a power of two, such as {low} or {2 * low}, got {n}"
        raise InputError(where, "", problem)
    if design.name == "morris" and n < 2:
        raise InputError(where, "", "morris needs at least 2 trajectories")


def find_cautions(design: Design, replications: int) -> list[str]:
    """What makes the figures of a design rough, in sentences."""
    cautions = []
    if design.name == "sobol" and design.points < SOBOL_MIN:
        cautions.append(f"N = {design.points} is below {SOBOL_MIN}: indices are rough.")
    if design.name == "morris" and design.points < MORRIS_MIN:
        cautions.append(f"{design.points} trajectories are fewer than {MORRIS_MIN}.")
    if design.is_sampled and replications < 10:
        cautions.append(f"{replications} replications a point are fewer than 10.")
    return cautions


def get_column(factor: Factor) -> tuple[str, Callable[[str], Any]]:
    """Name of a factor's column, and what turns a value as written into what stands there.

    Durations are in seconds, and the name says so; what is no number stays text.
    """
    texts = factor.texts if isinstance(factor, Choices) else ()
    is_duration = isinstance(factor, Range) and factor.ends.kind is Kind.DURATION
    if is_duration or (texts and all(_can_read(compute_duration_us, text) for text in texts)):
        return f"{factor.path} [s]", lambda text: compute_duration_us(text) / 1e6
    if not texts or all(_can_read(compute_number, text) for text in texts):
        return factor.path, compute_number
    return factor.path, str


def _can_read(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True
