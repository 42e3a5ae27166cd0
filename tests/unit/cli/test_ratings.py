from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner

from sim.cli.ratings import ratings
from sim.core.errors import InputError

REPOSITORY = Path(__file__).parents[3]
EDGES = "1,a,10,0\n1,x,-10,1\np,x,2,2\nq,a,-2,3\np,q,4,4\nq,p,4,5\nr,x,-6,6\nr,s,-6,7\n"
LABELS = "1,+1\na,+1\nx,-1\n"

app = Typer()
app.command()(ratings)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    edges, labels = tmp_path / "edges.csv", tmp_path / "labels.csv"
    edges.write_text(EDGES)
    labels.write_text(LABELS)
    return edges, labels


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(word) for word in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def run_json(*arguments: object) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run(*arguments, "--json"))
    return document


def run_refused(*arguments: object) -> str:
    with pytest.raises(InputError) as caught:
        run(*arguments)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_json_holds_every_figure_of_every_rule(files: tuple[Path, Path]) -> None:
    edges, labels = files
    document = run_json(edges, "--labels", labels, "--split", "0.5", "--collective", 3)
    assert len(document["rules"]) == 15
    (mean,) = [row for row in document["rules"] if row["rule"] == "mean"]
    assert (mean["auc"], mean["auc_masked"], mean["auc_closure"]) == (1.0, 0.75, 0.75)
    assert mean == document["baseline"]
    assert document["later"]["learned"] == 4
    assert document["collective"] == 3
    assert len(document["one_record_shift"]) == 6


def test_rules_are_chosen_by_name(files: tuple[Path, Path]) -> None:
    document = run_json(files[0], *("--rule", "beta") * 2, "--rule", "eigentrust")
    assert [row["rule"] for row in document["rules"]] == ["beta", "eigentrust"]


def test_the_trusted_user_makes_a_difference(files: tuple[Path, Path]) -> None:
    edges, labels = files
    words = (edges, "--labels", labels, "--rule", "eigentrust_seeded", "--trust-seed")
    by_1, by_p = (run_json(*words, seed)["rules"][0]["auc"] for seed in ("1", "p"))
    assert by_1 != by_p


def test_a_table_comes_with_words_unless_quiet(files: tuple[Path, Path]) -> None:
    edges, labels = files
    printed = " ".join(run(edges, "--labels", labels).split())
    assert "8 ratings, 7 users" in printed
    assert "Trusted from the start is user 1, by default" in printed
    assert "Trusted" not in run(edges, "--labels", labels, "--quiet")


def test_gzip_is_read_as_it_is(files: tuple[Path, Path], tmp_path: Path) -> None:
    packed = tmp_path / "edges.csv.gz"
    packed.write_bytes(gzip.compress(EDGES.encode()))
    assert run_json(packed)["rules"] == run_json(files[0])["rules"]


def test_a_bad_file_or_option_is_refused_where_it_is(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    edges, labels = files
    assert run_refused(tmp_path / "none.csv") == f"{tmp_path / 'none.csv'}: no such file"
    assert "did you mean 'beta'?" in run_refused(edges, "--rule", "betta")
    assert "give --labels" in run_refused(edges, "--mask", "labelling")
    labels.write_text("1,+1\n2,maybe\n")
    assert run_refused(edges, "--labels", labels).startswith(f"{labels}:2:3: label: expected +1")


def test_the_program_ends_with_code_2_and_no_traceback(tmp_path: Path) -> None:
    edges = tmp_path / "edges.csv"
    edges.write_text("1,2,3,4\r\n1,2,good,4\r\n")
    ended = subprocess.run(
        [sys.executable, "-m", "sim", "ratings", str(edges)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"{edges}:2:5: rating: expected a number")
    assert "Traceback" not in ended.stderr
