from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.core.errors import InputError, InputErrors
from sim.experiment.design import (
    Choices,
    Design,
    Point,
    Range,
    check_sweep,
    create_design,
    find_cautions,
    get_column,
)
from sim.experiment.sensitivity import compute_indices, compute_noise_share
from sim.scenario.load import LoadedScenario, load_scenario
from sim.scenario.settings import Setting
from sim.scenario.spans import Ends, Kind
from sim.scenario.sweep import Spread
from tests.worlds import create_reacher, create_worker, write_scenario

MINE = {"name": "mine", "preset": "gateway", "mediation": 0.5}


def load(folder: Path, **changes: Any) -> LoadedScenario:
    agents = [create_worker(count=3), create_reacher(count=2)]
    policies = ["unguarded", "chain", MINE]
    return load_scenario(
        write_scenario(folder, **({"agents": agents, "policies": policies} | changes))
    )


def spread(low: str, high: str, scale: str = "linear") -> Spread:
    return Spread.model_validate({"from": low, "to": high, "scale": scale})


def design(folder: Path, given: dict[str, Any], name: str | None = None, points: int = 3) -> Design:
    return create_design(load(folder), given, name, points, 1)


def get_texts(found: Design, path: str) -> list[str]:
    return [dict(point.settings)[path] for point in found.create_points()]


# what a range holds is what its key holds


@pytest.mark.parametrize(
    ("path", "low", "high", "texts"),
    [
        ("agents.worker.count", "1", "9", ["1", "5", "9"]),
        ("policies.chain.fee", "0", "4", ["0", "2", "4"]),
        ("policies.mine.mediation", "0.1", "0.2", ["0.1", "0.15", "0.2"]),
        ("agents.reacher.temptation", "0", "1", ["0", "0.5", "1"]),
        ("agents.worker.task_every", "4s", "10s", ["4s", "7s", "10s"]),
        ("horizon", "2500ms", "1min", ["2500ms", "31250ms", "1min"]),
        ("chain.validators", "4", "5", ["4", "5"]),
        ("reviewers.patience", "1s", "3s", ["1s", "2s", "3s"]),
        ("orgs[0].count", "1", "3", ["1", "2", "3"]),
    ],
)
def test_values_between_two_ends_are_spelt_like_their_key(
    path: str, low: str, high: str, texts: list[str], tmp_path: Path
) -> None:
    assert get_texts(design(tmp_path, {path: spread(low, high)}), path) == texts
    for text in texts:  # and can be read back
        create_design(load(tmp_path), {path: (text,)}, None, None, 1)


def test_a_log_scale_has_equal_ratios(tmp_path: Path) -> None:
    found = design(tmp_path, {"agents.worker.task_every": spread("1s", "100s", "log")})
    assert get_texts(found, "agents.worker.task_every") == ["1s", "10s", "100s"]


def test_whole_numbers_of_a_range_come_equally_often() -> None:
    ends = Ends(1, 4, Kind.WHOLE, is_log=False)
    texts = [ends.get_text((index + 0.5) / 1_000) for index in range(1_000)]
    assert {text: texts.count(text) for text in "1234"} == dict.fromkeys("1234", 250)
    assert (ends.get_text(0.0), ends.get_text(1.0)) == ("1", "4")


# points


def test_a_grid_is_every_combination_in_the_order_given(tmp_path: Path) -> None:
    given = {"agents.worker.count": ("1", "2"), "policies.chain.fee": spread("0", "4")}
    found = design(tmp_path, given)
    assert found.count_rows() == 6
    assert [tuple(setting.text for setting in p.settings) for p in found.create_points()] == [
        (count, fee) for count in ("1", "2") for fee in ("0", "2", "4")
    ]


@pytest.mark.parametrize(
    ("name", "points", "n_rows"), [("latin_hypercube", 7, 7), ("sobol", 4, 16), ("morris", 5, 15)]
)
def test_sampled_designs_have_their_rows_and_repeat(
    name: str, points: int, n_rows: int, tmp_path: Path
) -> None:
    given = {
        "agents.worker.task_every": spread("4s", "10s"),
        "agents.reacher.temptation": spread("0", "1"),
        "policies.chain.fee": ("3",),  # set in every point, no dimension
    }
    found = design(tmp_path, given, name, points)
    rows = list(found.create_points())
    assert len(rows) == found.count_rows() == n_rows
    assert rows == list(design(tmp_path, given, name, points).create_points())
    assert rows != list(create_design(load(tmp_path), given, name, points, 2).create_points())
    assert {dict(point.settings)["policies.chain.fee"] for point in rows} == {"3"}


def test_a_latin_hypercube_has_one_point_in_each_slice(tmp_path: Path) -> None:
    given = {"agents.reacher.temptation": spread("0", "1")}
    texts = get_texts(design(tmp_path, given, "latin_hypercube", 20), "agents.reacher.temptation")
    assert sorted(int(float(text) * 20) for text in texts) == list(range(20))


def test_a_point_is_known_by_what_it_sets_and_not_by_its_place() -> None:
    fee, count = Setting("policies.chain.fee", "3"), Setting("agents.worker.count", "2")
    one, other = Point((fee, count)), Point((count, fee))
    assert one.compute_digest("base") == other.compute_digest("base")
    assert one.compute_digest("base") != one.compute_digest("other")
    assert one.compute_digest("base") != Point((count,)).compute_digest("base")
    assert one.compute_world_digest("base") == Point((count,)).compute_world_digest("base")


def test_the_design_of_the_file_holds_until_something_else_is_asked_for(tmp_path: Path) -> None:
    factors = {"agents.worker.count": [1, 2], "horizon": {"from": "5s", "to": "9s"}}
    loaded = load(tmp_path, sweep={"design": "latin_hypercube", "points": 4, "factors": factors})
    assert loaded.digest == load(tmp_path).digest  # a sweep is no part of the world
    found = create_design(loaded, {}, None, None, 1)
    assert (found.name, found.points) == ("latin_hypercube", 4)
    assert isinstance(found.factors[1], Range)
    other = create_design(loaded, {"agents.worker.count": ("7",)}, "grid", 2, 1)
    assert (other.name, other.points) == ("grid", 2)
    assert other.factors[0] == Choices("agents.worker.count", ("7",))
    assert other.factors[1] == found.factors[1]


# what is refused


@pytest.mark.parametrize(
    ("given", "name", "points", "words"),
    [
        ({"agents.wroker.count": ("1",)}, None, 3, "did you mean 'worker'"),
        ({"agents.worker.count": ("1", "x")}, None, 3, "got 'x', expected a whole number"),
        ({"agents.worker.count": ("0",)}, None, 3, "at least 1"),
        ({"policies.chain.fee": spread("4", "1")}, None, 3, "from less to more"),
        ({"policies.chain.fee": spread("0", "4", "log")}, None, 3, "begins above 0"),
        ({"agents.worker.org": spread("firm", "firm")}, None, 3, "has no range"),
        ({"horizon": spread("2", "4")}, None, 3, "a duration needs a unit"),
        ({"seed": ("1", "2")}, None, 3, "no part of the world"),
        ({"policies": ("chain",)}, None, 3, "no part of the world"),
        ({"a b": ("1",)}, None, 3, "expected a dotted path"),
        ({}, None, 3, "nothing varies"),
        ({"policies.chain.fee": ("1", "2")}, "sobol", 4, "at least two factors"),
        ({"policies.chain.fee": ("1",)}, "latin_hypercube", 4, "a factor that varies"),
        (
            {"policies.chain.fee": ("1", "2"), "agents.worker.count": ("1", "2")},
            "sobol",
            5,
            "a power of two, such as 4 or 8, got 5",
        ),
    ],
)
def test_what_cannot_be_swept_is_refused_before_anything_runs(
    given: dict[str, Any], name: str | None, points: int, words: str, tmp_path: Path
) -> None:
    with pytest.raises((InputError, InputErrors), match=words):
        design(tmp_path, given, name, points)


@pytest.mark.parametrize(
    ("factors", "words"),
    [
        ({"agents.worker.cuont": [1]}, "unknown key"),
        ({"agents.worker.count": [1, "many"]}, "got 'many'|got the text 'many'"),
        ({"horizon": {"from": "9s", "to": "5s"}}, "from less to more"),
    ],
)
def test_a_refusal_in_the_file_says_where(
    factors: dict[str, Any], words: str, tmp_path: Path
) -> None:
    loaded = load(tmp_path, sweep={"factors": factors})
    path = next(iter(factors))
    lines = loaded.path.read_text().splitlines()
    line = max(number for number, text in enumerate(lines, start=1) if path in text)
    with pytest.raises(InputErrors, match=words) as caught:
        create_design(loaded, {}, None, None, 1)
    assert caught.value.errors[0].where[:2] == (str(loaded.path), line)


def test_all_that_is_wrong_with_a_sweep_of_a_file_is_told_and_where(tmp_path: Path) -> None:
    factors = {
        "agents.worker.cuont": [1, 2],
        "agents.wroker.count": [1],
        "policies.mine.mediation": [0.5, 1.5, "much"],
        "horizon": {"from": "5s", "to": "soon"},
        "seed": [1],
    }
    loaded = load(tmp_path, sweep={"factors": factors})
    with pytest.raises(InputErrors) as caught:
        check_sweep(loaded)
    lines = loaded.path.read_text().splitlines()
    assert [(error.key, error.nearest) for error in caught.value.errors] == [
        ("sweep.factors.agents.worker.cuont", "count"),
        ("sweep.factors.agents.wroker.count", "worker"),
        ("sweep.factors.policies.mine.mediation", ""),
        ("sweep.factors.policies.mine.mediation", ""),
        ("sweep.factors.horizon", ""),
        ("sweep.factors.seed", ""),
    ]
    for error in caught.value.errors:
        path = error.key.removeprefix("sweep.factors.")
        assert lines[error.where.line - 1].lstrip().startswith(f'"{path}": ')
        assert error.where.column == 1 + lines[error.where.line - 1].index('"')


@pytest.mark.parametrize(
    ("sweep", "key"),
    [({"design": "sobol", "points": 100}, "points"), ({"design": "morris", "points": 1}, "points")],
)
def test_a_size_that_cannot_be_is_refused_where_the_file_has_it(
    sweep: dict[str, Any], key: str, tmp_path: Path
) -> None:
    factors = {"policies.chain.fee": [1, 2], "agents.worker.count": [1, 2]}
    loaded = load(tmp_path, sweep=sweep | {"factors": factors})
    with pytest.raises(InputErrors) as caught:
        check_sweep(loaded)
    (error,) = caught.value.errors
    assert error.key == f"sweep.{key}"
    assert f'"{key}"' in loaded.path.read_text().splitlines()[error.where.line - 1]
    with pytest.raises(InputError) as asked:
        create_design(loaded, {"horizon": ("9s",)}, None, 3 if sweep["design"] == "sobol" else 1, 1)
    assert asked.value.where.file == "--points"


def test_a_sweep_that_can_be_and_none_at_all_are_sound(tmp_path: Path) -> None:
    check_sweep(load(tmp_path))
    check_sweep(load(tmp_path, sweep={"factors": {"policies.chain.fee": {"from": 0, "to": 3}}}))


def test_a_sweep_of_a_file_is_held_to_its_schema(tmp_path: Path) -> None:
    with pytest.raises(InputErrors, match="did you mean 'factors'"):
        load(tmp_path, sweep={"factor": {}})
    with pytest.raises(InputErrors, match=r"sweep\.design"):
        load(tmp_path, sweep={"design": "spiral", "factors": {"horizon": ["9s"]}})


# columns and cautions


@pytest.mark.parametrize(
    ("factor", "name", "text", "value"),
    [
        (Choices("horizon", ("1500ms", "2s")), "horizon [s]", "1500ms", 1.5),
        (Choices("fee", ("1", "2.5")), "fee", "2.5", 2.5),
        (Choices("inbound", ("open", "3")), "inbound", "3", "3"),
        (Range("fee", Ends(0, 4, Kind.WHOLE, is_log=False)), "fee", "3", 3.0),
        (Range("t", Ends(1, 9, Kind.DURATION, is_log=False)), "t [s]", "9us", 9e-6),
    ],
)
def test_a_column_holds_numbers_where_all_values_are(
    factor: Choices | Range, name: str, text: str, value: object
) -> None:
    column, read = get_column(factor)
    assert (column, read(text)) == (name, value)


def test_rough_figures_are_said_to_be_rough() -> None:
    assert len(find_cautions(Design("sobol", 256, 1, ()), 9)) == 2
    assert find_cautions(Design("sobol", 512, 1, ()), 10) == []
    assert len(find_cautions(Design("morris", 19, 1, ()), 10)) == 1
    assert find_cautions(Design("grid", 2, 1, ()), 1) == []


# indices


def create_unit_design(name: str, points: int, n_factors: int, seed: int = 1) -> Design:
    ends = Ends(0, 10**12, Kind.WHOLE, is_log=False)
    return Design(name, points, seed, tuple(Range(f"x{i}", ends) for i in range(n_factors)))


def compute_ishigami(units: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Ishigami and Homma 1990, with a = 7 and b = 0.1."""
    x = (2 * units - 1) * np.pi
    return np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


EXACT = {
    **{("x0", "S1"): 0.3139, ("x1", "S1"): 0.4424, ("x2", "S1"): 0.0},
    **{("x0", "ST"): 0.5576, ("x1", "ST"): 0.4424, ("x2", "ST"): 0.2437},
}


@pytest.mark.parametrize("points", [512, 1024])
def test_sobol_indices_of_a_known_function(points: int) -> None:
    design = create_unit_design("sobol", points, 3)
    units = design.create_units()
    assert units.shape == (points * 5, 3)
    found = compute_indices(design, units, compute_ishigami(units))
    assert {(index.factor, index.name) for index in found} == EXACT.keys()
    for index in found:
        assert index.value is not None
        assert index.conf is not None
        assert abs(index.value - EXACT[index.factor, index.name]) <= index.conf
        assert index.conf < 0.2
    assert found == compute_indices(design, units, compute_ishigami(units))


def test_effects_of_a_known_function_and_of_an_inert_factor() -> None:
    design = create_unit_design("morris", 20, 3)
    units = design.create_units()
    assert units.shape == (80, 3)
    found = compute_indices(design, units, 5 * units[:, 0] - 3 * units[:, 1])
    values = {(index.factor, index.name): index.value for index in found}
    assert values["x0", "mu_star"] == pytest.approx(5)
    assert values["x1", "mu"] == pytest.approx(-3)
    assert values["x1", "sigma"] == pytest.approx(0, abs=1e-12)
    assert values["x2", "mu_star"] == 0


def test_what_never_changes_has_no_shares_of_its_variance() -> None:
    design = create_unit_design("sobol", 8, 2)
    units = design.create_units()
    found = compute_indices(design, units, np.ones(len(units)))
    assert {(index.value, index.reason) for index in found} == {(None, "constant")}


def test_noise_is_a_share_of_what_varies_between_rows() -> None:
    assert compute_noise_share(np.array([0.0, 2.0]), np.array([0.5, 0.5])) == 0.25
    assert compute_noise_share(np.array([0.0, 2.0]), np.array([9.0, 9.0])) == 1.0
    assert compute_noise_share(np.array([1.0, 1.0]), np.array([0.5, 0.5])) is None
