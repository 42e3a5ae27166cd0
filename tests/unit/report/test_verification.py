from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sim.experiment.differences import Difference
from sim.experiment.verify import Finding, Kind, Verdict
from sim.report.verification import LISTED_MAX, create_document, write_verdict

RECORD = Difference("outcomes-000000.parquet", 3, "num", float("nan"), 2.5, 1)


def create_verdict(*findings: Finding, **facts: Any) -> Verdict:
    return Verdict(Path("out/world"), 12, 6, list(findings), **facts)


def create_finding(kind: Kind = Kind.DIFFERS, problem: str = str(RECORD)) -> Finding:
    return Finding(kind, "out/world/chain/0", problem, "chain", 1, RECORD)


def test_the_record_that_differs_is_named() -> None:
    line, summary = write_verdict(create_verdict(create_finding()))
    assert line == (
        "out/world/chain/0: not what comes out: chain (seed 1): replication 1, "
        "outcomes-000000.parquet row 3 column num: stored nan, recomputed 2.5"
    )
    assert "NOT AS STORED: 12 files as written, 6 replications run again" in summary


@pytest.mark.parametrize(
    ("kind", "word"),
    [(Kind.DAMAGED, "DAMAGED"), (Kind.DIFFERS, "NOT AS STORED"), (Kind.UNDECIDED, "UNDECIDED")],
)
def test_each_kind_has_its_word_and_its_exit_code(kind: Kind, word: str) -> None:
    verdict = create_verdict(create_finding(kind))
    assert word in write_verdict(verdict)[-1]
    assert verdict.exit_codes == {kind.value}


def test_damage_is_the_first_thing_said() -> None:
    verdict = create_verdict(create_finding(Kind.UNDECIDED), create_finding(Kind.DAMAGED))
    assert "DAMAGED: 1 of 12 files; nothing was run again" in write_verdict(verdict)[-1]


def test_a_long_list_is_cut_and_counted() -> None:
    lines = write_verdict(create_verdict(*[create_finding()] * (LISTED_MAX + 3)))
    assert lines[LISTED_MAX] == "and 3 more"
    assert len(lines) == LISTED_MAX + 2


def test_other_code_is_said() -> None:
    lines = write_verdict(create_verdict(other_code=["00ff"]))
    assert "made by other code (00ff)" in lines[0]


def test_what_a_terminal_would_obey_is_spelt_out() -> None:
    line = write_verdict(create_verdict(create_finding(problem="stored '\x1b[2J'")))[0]
    assert "\x1b" not in line


def test_the_document_is_json_even_of_no_number() -> None:
    document = create_document([create_verdict(create_finding())], 3)
    (result,) = json.loads(json.dumps(document, allow_nan=False))["results"]
    record = result["findings"][0]["record"]
    assert (record["stored"], record["recomputed"]) == ("nan", "2.5")
    assert (record["table"], record["row"], record["column"]) == (RECORD[0], 3, "num")
