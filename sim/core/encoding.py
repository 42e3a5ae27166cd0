"""The signed bytes of a transaction: one fixed layout, so that equal bytes mean equal intents.

Layout: domain tag, genesis hash (32 bytes), every signed column but the range of argument ids
(int64 each), number of argument ids (uint32), the ids (int64 each); all little endian. Chain id
and kind are columns, so a signature carries over to no other chain, kind or genesis.
"""

from __future__ import annotations

import numpy as np

from sim.core.records import SIGNED_COLUMNS, TRANSACTION, Ints, Records

DOMAIN_TAG = b"AMBIT-TX-V1"
GENESIS_BYTES = 32
COUNT_BYTES = 4
WORD_BYTES = 8
ENCODED_COLUMNS = tuple(
    name for name in SIGNED_COLUMNS if name not in ("arguments_from", "arguments_to")
)
COLUMNS_BYTES = WORD_BYTES * len(ENCODED_COLUMNS)
HEADER_BYTES = len(DOMAIN_TAG) + GENESIS_BYTES + COLUMNS_BYTES + COUNT_BYTES

_ENCODED = np.dtype([(name, "<i8") for name in ENCODED_COLUMNS])


def encode_transaction(record: Records | np.void, arguments: Ints, genesis: bytes) -> bytes:
    """Bytes that the sender of one transaction signs; as `encode_batch` for a batch of one."""
    batch = np.asarray(record, dtype=TRANSACTION).reshape(1)
    return encode_batch(batch, arguments, genesis)[0]


def encode_batch(transactions: Records, arguments: Ints, genesis: bytes) -> list[bytes]:
    """Bytes that the senders of a batch sign.

    Shapes: transactions is TRANSACTION (n,); arguments is int64 (m,), the ids that the ranges
            arguments_from..arguments_to index.
    Return: n encodings, in order.
    Errors: ValueError if genesis is not 32 bytes, or a range leaves the column of arguments.
    """
    prefix = _create_prefix(genesis)
    columns = np.empty(len(transactions), dtype=_ENCODED)
    for name in ENCODED_COLUMNS:
        columns[name] = transactions[name]
    rows, ids = columns.tobytes(), arguments.astype("<i8").tobytes()
    first, last = transactions["arguments_from"], transactions["arguments_to"]
    if np.any((first < 0) | (first > last) | (last > len(arguments))):
        raise ValueError("a range of argument ids leaves the column of arguments")
    return [
        prefix
        + rows[row * COLUMNS_BYTES : (row + 1) * COLUMNS_BYTES]
        + (stop - start).to_bytes(COUNT_BYTES, "little")
        + ids[start * WORD_BYTES : stop * WORD_BYTES]
        for row, (start, stop) in enumerate(zip(first.tolist(), last.tolist(), strict=True))
    ]


def decode_transaction(data: bytes, genesis: bytes) -> tuple[Records, Ints]:
    """Transaction and argument ids of signed bytes.

    Return: TRANSACTION of shape (), its range spanning exactly the ids, unsigned columns zero;
            and the ids, int64 (k,). Encoding both again gives the same bytes.
    Errors: ValueError if the tag, the genesis hash or the length is not exactly right.
    """
    prefix = _create_prefix(genesis)
    if not data.startswith(prefix):
        raise ValueError("not a transaction of this chain: other domain tag or genesis hash")
    count = int.from_bytes(data[HEADER_BYTES - COUNT_BYTES : HEADER_BYTES], "little")
    if len(data) != HEADER_BYTES + count * WORD_BYTES:
        raise ValueError(f"{len(data)} bytes do not hold exactly {count} argument ids")
    columns = np.frombuffer(data, dtype=_ENCODED, count=1, offset=len(prefix))[0]
    record = np.zeros((), dtype=TRANSACTION)
    for name in ENCODED_COLUMNS:
        record[name] = columns[name]
    record["arguments_to"] = count
    return record, np.frombuffer(data, dtype="<i8", offset=HEADER_BYTES).astype(np.int64)


def _create_prefix(genesis: bytes) -> bytes:
    if len(genesis) != GENESIS_BYTES:
        raise ValueError(f"a genesis hash has {GENESIS_BYTES} bytes, not {len(genesis)}")
    return DOMAIN_TAG + genesis
