import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.core.encoding import (
    DOMAIN_TAG,
    ENCODED_COLUMNS,
    HEADER_BYTES,
    decode_transaction,
    encode_batch,
    encode_transaction,
)
from sim.core.keys import create_keypair, is_signed_by, sign
from sim.core.records import STAMPED_COLUMNS, TRANSACTION, Ints, Records

GENESIS = bytes(range(32))
OTHER_GENESIS = bytes(range(1, 33))
ARGUMENTS = np.array([5, 7, 11, -1, 2**63 - 1])
INT64 = st.integers(-(2**63), 2**63 - 1)


def create_transaction(**columns: int) -> Records:
    record = np.zeros((), TRANSACTION)
    for number, name in enumerate(ENCODED_COLUMNS, start=1):
        record[name] = number
    record["arguments_from"], record["arguments_to"] = 1, 3
    for name, value in columns.items():
        record[name] = value
    return record


def encode(**columns: int) -> bytes:
    return encode_transaction(create_transaction(**columns), ARGUMENTS, GENESIS)


ENCODED = encode()


def test_the_layout_is_tag_genesis_columns_count_and_ids() -> None:
    words = range(1, len(ENCODED_COLUMNS) + 1)
    columns = b"".join(word.to_bytes(8, "little") for word in words)
    count_and_ids = b"".join(n.to_bytes(width, "little") for n, width in ((2, 4), (7, 8), (11, 8)))
    expected = b"AMBIT-TX-V1" + GENESIS + columns + count_and_ids
    assert expected == ENCODED


def test_the_bytes_are_pinned() -> None:
    assert hashlib.sha256(ENCODED).hexdigest()[:16] == "e06b6a123041e6ee"


@pytest.mark.parametrize("name", ENCODED_COLUMNS)
def test_every_signed_column_changes_the_bytes(name: str) -> None:
    assert encode(**{name: -1}) != ENCODED


@pytest.mark.parametrize("name", STAMPED_COLUMNS)
def test_no_stamped_column_changes_the_bytes(name: str) -> None:
    assert encode(**{name: -1}) == ENCODED


def test_the_bytes_hold_the_ids_and_not_where_they_stood() -> None:
    moved = create_transaction(arguments_from=0, arguments_to=2)
    assert encode_transaction(moved, ARGUMENTS[1:3], GENESIS) == ENCODED


def test_other_argument_ids_change_the_bytes() -> None:
    assert encode_transaction(create_transaction(), ARGUMENTS[::-1], GENESIS) != ENCODED


def test_another_genesis_changes_the_bytes() -> None:
    assert encode_transaction(create_transaction(), ARGUMENTS, OTHER_GENESIS) != ENCODED


@pytest.mark.parametrize(
    "other",
    [
        encode_transaction(create_transaction(), ARGUMENTS, OTHER_GENESIS),
        encode(chain_id=99),
        encode(kind=99),
        b"OTHER-TX-V1" + ENCODED[len(DOMAIN_TAG) :],
    ],
    ids=["genesis", "chain id", "kind", "domain tag"],
)
def test_a_signature_does_not_carry_over(other: bytes) -> None:
    pair = create_keypair(bytes(32))
    signature = sign(pair.secret, ENCODED)
    assert is_signed_by(pair.public, ENCODED, signature)
    assert not is_signed_by(pair.public, other, signature)


def test_a_batch_encodes_as_its_transactions_one_by_one() -> None:
    batch = np.stack([create_transaction(nonce=n, arguments_from=n) for n in range(4)])
    expected = [encode_transaction(batch[n], ARGUMENTS, GENESIS) for n in range(4)]
    assert encode_batch(batch, ARGUMENTS, GENESIS) == expected


def test_a_strided_batch_encodes_as_its_copy() -> None:
    batch = np.stack([create_transaction(nonce=n) for n in range(6)])[::2]
    expected = encode_batch(batch.copy(), ARGUMENTS, GENESIS)
    assert encode_batch(batch, ARGUMENTS, GENESIS) == expected


def test_an_empty_batch_has_no_encodings() -> None:
    assert encode_batch(np.zeros(0, TRANSACTION), ARGUMENTS, GENESIS) == []


@pytest.mark.parametrize(("first", "last"), [(-1, 2), (3, 2), (0, 6)])
def test_a_range_outside_the_arguments_is_refused(first: int, last: int) -> None:
    with pytest.raises(ValueError, match="range of argument ids"):
        encode(arguments_from=first, arguments_to=last)


def test_a_genesis_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes, not 31"):
        encode_transaction(create_transaction(), ARGUMENTS, GENESIS[:31])


def test_decoding_returns_the_signed_columns() -> None:
    record, ids = decode_transaction(ENCODED, GENESIS)
    expected = create_transaction(arguments_from=0, arguments_to=2)
    assert (record.item(), ids.tolist()) == (expected.item(), [7, 11])


@given(
    st.lists(INT64, min_size=len(ENCODED_COLUMNS), max_size=len(ENCODED_COLUMNS)),
    st.lists(INT64, max_size=5),
)
def test_what_decodes_encodes_to_the_same_bytes(columns: list[int], ids: list[int]) -> None:
    words = np.array([*columns, *ids], dtype="<i8").tobytes()
    cut = 8 * len(columns)
    data = DOMAIN_TAG + GENESIS + words[:cut] + len(ids).to_bytes(4, "little") + words[cut:]
    assert encode_transaction(*decode_transaction(data, GENESIS), GENESIS) == data


@given(st.binary(max_size=HEADER_BYTES + 20))
def test_bytes_that_decode_at_all_are_canonical(tail: bytes) -> None:
    data = DOMAIN_TAG + GENESIS + tail
    try:
        decoded = decode_transaction(data, GENESIS)
    except ValueError:
        return
    assert encode_transaction(*decoded, GENESIS) == data


@given(st.lists(st.lists(INT64, max_size=3), max_size=4))
def test_a_batch_round_trips(lists: list[list[int]]) -> None:
    arguments: Ints = np.array([i for ids in lists for i in ids], dtype=np.int64)
    batch = np.zeros(len(lists), TRANSACTION)
    batch["arguments_to"] = np.cumsum([len(ids) for ids in lists])
    batch["arguments_from"] = batch["arguments_to"] - [len(ids) for ids in lists]
    encoded = encode_batch(batch, arguments, GENESIS)
    assert [decode_transaction(data, GENESIS)[1].tolist() for data in encoded] == lists


@pytest.mark.parametrize("length", [0, 10, 11, 42, 43, 100, 194, 195, 198, 199, 207, 214])
def test_cut_bytes_are_refused(length: int) -> None:
    with pytest.raises(ValueError, match=r"exactly \d+ argument ids|not a transaction"):
        decode_transaction(ENCODED[:length], GENESIS)


@pytest.mark.parametrize("extra", [1, 8])
def test_trailing_bytes_are_refused(extra: int) -> None:
    with pytest.raises(ValueError, match="exactly 2 argument ids"):
        decode_transaction(ENCODED + bytes(extra), GENESIS)


@pytest.mark.parametrize("count", [0, 1, 3, 2**31, 2**32 - 1])
def test_a_wrong_count_of_ids_is_refused(count: int) -> None:
    data = ENCODED[: HEADER_BYTES - 4] + count.to_bytes(4, "little") + ENCODED[HEADER_BYTES:]
    with pytest.raises(ValueError, match=f"exactly {count} argument ids"):
        decode_transaction(data, GENESIS)


@pytest.mark.parametrize("data", [b"X" + ENCODED[1:], ENCODED[1:]], ids=["tag", "shifted"])
def test_another_domain_tag_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="other domain tag or genesis hash"):
        decode_transaction(data, GENESIS)


def test_bytes_of_another_genesis_are_refused() -> None:
    with pytest.raises(ValueError, match="other domain tag or genesis hash"):
        decode_transaction(ENCODED, OTHER_GENESIS)
