from __future__ import annotations

from pathlib import Path

import pytest

from sim.core.errors import InputError
from sim.experiment.proof import RecordProof, prove_record
from sim.experiment.run import RunOptions, run_scenario
from sim.scenario.load import load_scenario
from tests.worlds import create_reacher, create_worker, write_scenario


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("proof")
    path = write_scenario(
        place,
        horizon="60s",
        replications=1,
        agents=[create_worker(count=40), create_reacher(count=2)],
        policies=["unguarded", "chain"],
    )
    result = run_scenario(load_scenario(path), RunOptions(workers=1, out=place / "out"))
    assert result.folder is not None
    return result.folder


@pytest.fixture(scope="module")
def proof(folder: Path) -> RecordProof:
    return prove_record(folder, "chain", 0, 20)


def get_head(proof: RecordProof) -> bytes:
    return proof.headers[-1].digest


def test_a_record_is_proved_to_who_knows_the_head_alone(folder: Path, proof: RecordProof) -> None:
    assert proof.holds(get_head(proof))
    assert len(proof.headers) > 1
    for number in (0, 50, 100):
        assert prove_record(folder, "chain", 0, number).holds(get_head(proof))


def test_every_changed_byte_of_the_page_breaks_the_proof(proof: RecordProof) -> None:
    for place in range(0, len(proof.page), 7):
        page = bytearray(proof.page)
        page[place] ^= 1
        assert not proof._replace(page=bytes(page)).holds(get_head(proof))


def test_a_changed_header_breaks_the_proof(proof: RecordProof) -> None:
    for place, header in enumerate(proof.headers):
        headers = list(proof.headers)
        headers[place] = header._replace(n_transactions=header.n_transactions + 1)
        assert not proof._replace(headers=headers).holds(get_head(proof))


def test_a_record_of_another_place_is_no_proof(proof: RecordProof) -> None:
    assert not proof._replace(leaf=proof.leaf + 1).holds(get_head(proof))
    assert not proof._replace(before=bytes(31) + b"\1").holds(get_head(proof))
    assert not proof.holds(bytes(32))


def test_where_nothing_is_on_a_chain_there_is_nothing_to_prove(folder: Path) -> None:
    with pytest.raises(InputError, match="unguarded keeps no chain"):
        prove_record(folder, "unguarded", 0, 0)
    with pytest.raises(InputError, match=r"wrote \d+ records on a chain, asked for number 99999"):
        prove_record(folder, "chain", 0, 99999)
