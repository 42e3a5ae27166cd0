import pytest

from sim.core.identity import compute_entity, create_entities


def test_an_identity_is_pinned() -> None:
    assert compute_entity("honest", 0) == 6967285234045093012


def test_identities_fit_in_63_bits() -> None:
    assert all(0 <= entity < 2**63 for entity in create_entities("honest", 200).tolist())


def test_a_column_of_identities_equals_one_by_one() -> None:
    expected = [compute_entity("honest", index) for index in range(20)]
    assert create_entities("honest", 20).tolist() == expected


def test_a_larger_group_keeps_the_identities_of_its_first_members() -> None:
    assert create_entities("honest", 30)[:20].tolist() == create_entities("honest", 20).tolist()


def test_groups_share_no_identity() -> None:
    entities = [
        entity for group in ("a", "a1", "b", "") for entity in create_entities(group, 50).tolist()
    ]
    assert len(set(entities)) == 200


def test_an_empty_group_has_no_identities() -> None:
    assert create_entities("honest", 0).tolist() == []


def test_a_negative_index_is_refused() -> None:
    with pytest.raises(OverflowError):
        compute_entity("honest", -1)
