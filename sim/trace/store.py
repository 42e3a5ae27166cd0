"""Results on disk: whole or not at all, and checked by digest when they are read.

A folder is written under a temporary name, flushed, and renamed when it is complete. Its
manifest lists every file with its length and digest; compared bytes carry no time of day.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sim.core.errors import StorageError
from sim.core.records import Records

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from sim.trace.records import Trace

MANIFEST = "manifest.json"
FACTS = "ambit"  # key of facts in the metadata of a Parquet file
TEMPORARY = ".tmp-"  # in the name of whatever is not finished
MARKET_TABLES = ("signals", "sales", "disputes", "traders", "scores")  # if there is a market
# what a receipt says otherwise than the transaction under the same name
RECEIPT_NAMES = {"fee": "fee_charged", "amount": "amount_moved"}


def write_traces(folder: Path, first: int, traces: Sequence[Trace]) -> None:
    """Write a part of a result: transactions with receipts, blocks, views, tasks, series, trade.

    Errors: StorageError if the disk refuses.
    """
    calls = [
        _create_columns(trace.replication, trace.transactions, trace.receipts, trace.truths)
        for trace in traces
    ]
    for columns, trace in zip(calls, traces, strict=True):
        columns["domain"] = trace.domains
        for name, stored in RECEIPT_NAMES.items():
            columns[stored] = np.ascontiguousarray(trace.receipts[name])
    write_table(folder / f"transactions-{first:06d}.parquet", _join(calls))
    for name in ("tasks", "approvals", "exposure"):
        tables = [_create_columns(trace.replication, getattr(trace, name)) for trace in traces]
        write_table(folder / f"{name}-{first:06d}.parquet", _join(tables))
    for name in ("views", "commits"):
        tables = [
            _create_columns(trace.replication, getattr(trace.ordering, name)) for trace in traces
        ]
        write_table(folder / f"{name}-{first:06d}.parquet", _join(tables))
    for name in MARKET_TABLES if traces[0].market.is_open else ():
        tables = [
            _create_columns(trace.replication, getattr(trace.market, name)) for trace in traces
        ]
        write_table(folder / f"{name}-{first:06d}.parquet", _join(tables))
    write_table(folder / f"faults-{first:06d}.parquet", _create_faults(traces))
    write_table(folder / f"headers-{first:06d}.parquet", _create_headers(traces))


def _create_columns(replication: int, *tables: Records) -> dict[str, Any]:
    """Columns of tables that run in parallel; a name that two have is taken from the first."""
    columns: dict[str, Any] = {"replication": np.full(len(tables[0]), replication, dtype=np.int64)}
    for table in tables:
        for name in table.dtype.names or ():
            if name not in columns:
                columns[name] = np.ascontiguousarray(table[name])
    return columns


def _join(tables: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def _create_headers(traces: Sequence[Trace]) -> dict[str, Any]:
    rows = [(trace.replication, header) for trace in traces for header in trace.headers]
    columns: dict[str, Any] = {
        "replication": np.array([replication for replication, _ in rows], dtype=np.int64)
    }
    for name in ("height", "proposed_us", "committed_us", "n_transactions", "messages", "n_bytes"):
        columns[name] = np.array([getattr(header, name) for _, header in rows], dtype=np.int64)
    for name in ("receipts_root", "state_root", "digest"):
        columns[name] = [getattr(header, name).hex() for _, header in rows]
    return columns


def _create_faults(traces: Sequence[Trace]) -> dict[str, Any]:
    rows = [(trace.replication, fault) for trace in traces for fault in trace.ordering.faults]
    columns: dict[str, Any] = {
        "replication": np.array([replication for replication, _ in rows], dtype=np.int64),
        "fault": [fault.name for _, fault in rows],
        "validators": [" ".join(map(str, fault.validators)) for _, fault in rows],
    }
    for name in ("from_us", "until_us", "is_byzantine"):
        columns[name] = np.array([int(getattr(fault, name)) for _, fault in rows], dtype=np.int64)
    return columns


def write_table(path: Path, columns: dict[str, Any]) -> None:
    """One Parquet file, flushed to the disk.

    Errors: StorageError if the disk refuses.
    """
    write_bytes(path, encode_table(columns))


def encode_table(columns: dict[str, Any], facts: dict[str, Any] | None = None) -> bytes:
    """Bytes of a Parquet file; facts, if any, stand in its metadata under `FACTS`."""
    table = pa.table(columns)
    if facts is not None:
        table = table.replace_schema_metadata({FACTS: json.dumps(facts, sort_keys=True)})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", use_dictionary=False, write_statistics=False)
    return sink.getvalue().to_pybytes()


def encode_rows(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Bytes of a CSV file with one line for each row; None is an empty field."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return text.getvalue().encode()


def write_bytes(path: Path, content: bytes) -> None:
    """A small file, flushed to the disk.

    Errors: StorageError if the disk refuses.
    """
    try:
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StorageError(str(path), f"cannot be written: {error.strerror or error}") from error


def replace_file(path: Path, content: bytes) -> None:
    """A file under its name whole or not at all; what stood there stands until it is written.

    Errors: StorageError if the disk refuses.
    """
    temporary = get_temporary(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(temporary, content)
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        raise StorageError(str(path), f"cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(NotADirectoryError):  # what stands above it is a file
            temporary.unlink(missing_ok=True)


def get_temporary(path: Path) -> Path:
    """A name beside a path that nobody else writes to, on this machine or another."""
    return path.with_name(f"{path.name}{TEMPORARY}{uuid.uuid4().hex[:12]}")


def remove_leftovers(folder: Path) -> None:
    """Drop what a writer that was killed left unfinished in a folder nobody writes to now.

    Errors: StorageError if the disk refuses.
    """
    try:
        for path in sorted(folder.glob(f"*{TEMPORARY}*")):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    except OSError as error:
        problem = f"cannot be cleaned up: {error.strerror or error}"
        raise StorageError(str(folder), problem) from error


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder; nothing where the system cannot open one."""
    if os.name == "nt":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def create_folder(path: Path) -> None:
    """A fresh empty folder, and the folders above it.

    Errors: StorageError if the disk refuses.
    """
    try:
        if path.exists():
            shutil.rmtree(path)
        path.mkdir(parents=True)
    except OSError as error:
        raise StorageError(str(path), f"cannot be created: {error.strerror or error}") from error


def seal(folder: Path, final: Path, manifest: dict[str, Any]) -> None:
    """Write the manifest with the digest of every file, then give the folder its final name.

    Errors: StorageError if the disk refuses; the final name then holds what it held before.
    """
    try:
        files = {path.name: describe_content(path.read_bytes()) for path in folder.iterdir()}
        write_bytes(folder / MANIFEST, create_manifest({**manifest, "files": files}))
        _replace_folder(folder, final)
    except OSError as error:
        raise StorageError(str(final), f"cannot be written: {error.strerror or error}") from error


def describe_content(content: bytes) -> dict[str, Any]:
    """What a manifest says of a file."""
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    return {"bytes": len(content), "blake2b": digest}


def _replace_folder(folder: Path, final: Path) -> None:
    """Rename a folder onto another name; what stood there stands until the moment it is done."""
    old = final.with_name(f"{final.name}{TEMPORARY}old")
    if not final.exists():
        folder.rename(final)
        sync_folder(final.parent)
        return
    if old.exists():
        shutil.rmtree(old)
    os.replace(final, old)
    try:
        folder.rename(final)
    except OSError:
        os.replace(old, final)
        raise
    shutil.rmtree(old)


def create_manifest(facts: dict[str, Any]) -> bytes:
    """A manifest in its one form, with its own digest in it."""
    text = json.dumps(facts, indent=1, sort_keys=True)
    digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    return json.dumps({**facts, "manifest": digest}, indent=1, sort_keys=True).encode() + b"\n"


def load_manifest(folder: Path) -> dict[str, Any]:
    """Manifest of a finished result, every file checked against it.

    Errors: StorageError naming the first file that is missing, cut or changed.
    """
    manifest, damaged = check_files(folder)
    if damaged:
        raise damaged[0]
    return manifest


def check_files(folder: Path, name: str = MANIFEST) -> tuple[dict[str, Any], list[StorageError]]:
    """A manifest, and what is wrong with each file that is not as it says, in order of names.

    Errors: StorageError if the manifest itself is not what was written.
    """
    path = folder / name
    try:
        content = path.read_bytes()
        manifest: dict[str, Any] = json.loads(content)
        facts = {key: value for key, value in manifest.items() if key != "manifest"}
        if content != create_manifest(facts):
            raise StorageError(str(path), "is not what was written: digests differ")
        files = manifest["files"]
        found = [_find_damage(folder / file, files[file]) for file in sorted(files)]
    except OSError as error:
        raise StorageError(str(path), f"cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StorageError(str(path), f"is no manifest: {error}") from error
    return manifest, [damage for damage in found if damage is not None]


def _find_damage(path: Path, written: dict[str, Any]) -> StorageError | None:
    """What is wrong with a file, if anything; `written` is what its manifest says of it."""
    try:
        found = describe_content(path.read_bytes())
    except OSError as error:
        problem = f"cannot be read: {error.strerror or error}"
        return StorageError(str(path), f"{problem}; written were {written['bytes']} bytes")
    if found["bytes"] != written["bytes"]:
        problem = f"holds {found['bytes']} bytes, written were {written['bytes']}"
        return StorageError(str(path), problem)
    if found["blake2b"] != written["blake2b"]:
        problem = f"digest {found['blake2b']}, of what was written {written['blake2b']}"
        return StorageError(str(path), f"is not what was written: {problem}")
    return None
