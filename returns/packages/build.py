"""Packages: per township and per department one zip with a workbook, CSV files with schemas, and a manifest.

`returns/packages/sheets/` declares the sheets, over the relations of `returns.packages.sheet_views`. This module
splits the rows by unit and publishes the files. All packages of a batch are written to a temporary place before the
first is moved into place. `index.json` comes last: it exists only while all files that it names exist.

The CSV files are for programs, but people open them too: a text that a spreadsheet would take for a formula is
neutralised, and the schema beside the file says so (`schemas.emit.spreadsheet`). In the workbook every text is a text.
Its hidden sheet holds the signed identity of the package (`returns.signing.identity`).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Literal

import duckdb
import polars as pl

from returns.ledger.heads import NO_ACTS, LedgerHead
from returns.packages.archive import Archive
from returns.packages.currency import Currency, currency_of
from returns.packages.reports import settled
from returns.packages.sheet_catalogue import SheetCatalogue, load_sheets
from returns.packages.sheet_spec import SheetSpec, instructions
from returns.packages.sheet_views import Known, ReturnContext, name_relations, turn_inputs, turn_of
from returns.signing.identity import PackageIdentity, signed_facts
from returns.signing.keys import ensure_signing_key
from returns.summary.summary_metrics import deliveries_of
from returns.workbook.model import ReturnSheet, TextSheet, WorkbookProperties
from returns.workbook.writer import render_workbook
from schemas.emit.spreadsheet import neutralise_frame
from warehouse.engine.functions import library_digest
from warehouse.home.encryption import Key, Keys
from warehouse.home.files import digest_of, replace_json, sha256_of
from warehouse.home.folders import Home
from warehouse.incremental.context import BatchContext

AudienceName = Literal["township", "department"]

INDEX = "index.json"
# The last act of the ledger that a batch follows from: among the index's inputs, and in the manifest of each package.
LEDGER = "ledger"
SIGNED_BY = "signed_by"
"""Among an index's inputs: the name of the key that signed its packages."""

AUTHOR = "市大数据局"
FIRST_TIME = "首次返还，没有上一批次可比。"

# About so many rows are fetched together: for one small unit at a time it would take longer.
ROWS_AT_ONCE = 50_000


@dataclass(frozen=True)
class Audience:
    """The recipients of a package. The catalogue of sheets declares the package's sheets.

    `answers`: whether the first sheet comes back answered, so that its tickets belong to the package's identity.
    """

    name: AudienceName
    folder: str = ""
    answers: bool = False


AUDIENCES = (Audience("township", answers=True), Audience("department", "departments"))


@dataclass(frozen=True)
class _Build:
    """Facts that all packages of a batch share: folder, content, the days of the data, signing key."""

    folder: Path
    turn: ReturnContext
    known: Known
    currency: Currency
    head: LedgerHead
    key: Key
    sheets: SheetCatalogue


@dataclass(frozen=True)
class Package:
    """One package as the index tells it: path below the batch's folder, rows of each sheet, sha256."""

    audience: AudienceName
    unit_code: str
    name: str
    file: str
    rows: Mapping[str, int]
    sha256: str


@dataclass(frozen=True)
class Index:
    """The packages of a batch, townships first, and fingerprints of what they follow from."""

    inputs: Mapping[str, str]
    packages: tuple[Package, ...]


def build_packages(
    context: BatchContext,
    home: Home,
    signing: Keys,
    head: LedgerHead = NO_ACTS,
    declared: SheetCatalogue | None = None,
) -> tuple[Package, ...]:
    """Write the packages of a batch, unless nothing they follow from has changed.

    Args:
        context: the batch; its tickets have been written.
        home: the packages go to `returns/<batch>/`, `<unit code>-<name>.zip`, departments one folder deeper.
        signing: the keys; where none signs yet, one is made in the home.
        head: the last act of the ledger that the batch follows from; each package carries it.
        declared: the sheets of the installation; None for those that are shipped.

    Returns:
        The packages, townships first, in the order of their codes.

    Raises:
        LookupError: the batch has no tickets yet.
        UnusableKey: the home's signing key cannot be read.
    """
    connection, folder, turn = context.connection, home.returns(context.batch), turn_of(context)
    key = ensure_signing_key(home, signing).present
    assert key is not None, "it has just been ensured"
    catalogue = declared or load_sheets()
    currency = currency_of(deliveries_of(home, turn).by_dataset)
    inputs = {
        **turn_inputs(turn),
        "currency": digest_of(asdict(currency)),
        "functions": library_digest(),
        "sheets": catalogue.digest,
        LEDGER: str(head),
        # The key's name: another key makes other signatures, and the name does not give the key away.
        SIGNED_BY: key.id,
    }
    current = _current(folder, inputs)
    if current is not None:
        return current.packages
    sheets = [sheet for audience in AUDIENCES for sheet in catalogue.of(audience.name)]
    build = _Build(folder, turn, name_relations(connection, turn, sheets), currency, head, key, catalogue)
    names: Mapping[AudienceName, Mapping[str, str]] = {
        "township": dict(context.codes.load("division").rows.select("code", "label").iter_rows()),
        "department": {contract.department: contract.department_title for contract in context.library},
    }
    packages = tuple(
        package
        for audience in AUDIENCES
        for package in _of(connection, audience, names[audience.name], build)
    )
    _put_in_place(folder, Index(inputs, packages))
    return packages


def read_index(folder: Path) -> Index | None:
    """The index of a batch's packages, if they are complete."""
    try:
        facts = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Index(facts["inputs"], tuple(Package(**package) for package in facts["packages"]))


def head_in_index(folder: Path) -> LedgerHead | None:
    """The last act of the ledger that a batch's packages follow from; None if no index says so.

    Raises:
        ValueError, KeyError or TypeError: the index is damaged.
    """
    index = read_index(folder)
    return LedgerHead.parse(index.inputs[LEDGER]) if index is not None and LEDGER in index.inputs else None


def damaged_packages(home: Home) -> Iterator[tuple[date, Path]]:
    """The packages, or indexes of packages, that are missing or not what they were, with their batches."""
    for path in sorted(home.root.glob(f"returns/*/{INDEX}")):
        batch = date.fromisoformat(path.parent.name)
        try:
            index = read_index(path.parent)
        except (ValueError, KeyError, TypeError):
            yield batch, path
            continue
        assert index is not None, "its file has just been found"
        yield from ((batch, path.parent / p.file) for p in index.packages if not _whole(path.parent, p))


def _current(folder: Path, inputs: Mapping[str, str]) -> Index | None:
    """The index, if its packages follow from just these inputs and are all as they were made."""
    try:
        index = read_index(folder)
    except (ValueError, KeyError, TypeError):
        return None  # damaged: made again
    if index is None or index.inputs != inputs or not all(_whole(folder, p) for p in index.packages):
        return None
    return index


def _whole(folder: Path, package: Package) -> bool:
    path = folder / package.file
    return path.exists() and sha256_of(path) == package.sha256


def _put_in_place(folder: Path, index: Index) -> None:
    """Put the packages written beside in place of those there were: for that moment there is no index."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / INDEX).unlink(missing_ok=True)
    for package in index.packages:
        path = folder / package.file
        _draft_of(path).replace(path)
    _clear(folder, {package.file for package in index.packages})
    replace_json(folder / INDEX, asdict(index))


def _draft_of(path: Path) -> Path:
    return path.with_name(f".{path.name}")


def _clear(folder: Path, kept: set[str]) -> None:
    """Take away packages of an earlier build that this one does not have, and drafts of one that died."""
    for path in folder.rglob("*.zip"):
        if path.relative_to(folder).as_posix() not in kept:
            path.unlink()


def _of(
    connection: duckdb.DuckDBPyConnection,
    audience: Audience,
    names: Mapping[str, str],
    build: _Build,
) -> Iterator[Package]:
    """The packages of one audience in the order of their units, as many at a time as the engine has threads.

    Memory holds the rows of so many units and of those that come next. Each sheet's rows are made once for all
    units, in their order, so that a unit's lie together: reading them skips all the others.
    """
    parameters = {"batch": build.turn.batch}
    standards = [
        settled(standard.fed_by(build.known), connection, build.turn.codes, parameters)
        for standard in build.sheets.of(audience.name)
        if standard.about is None or standard.about in build.known
    ]
    for standard in standards:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE sheet_{standard.name} AS {standard.sql}",
            {name: value for name, value in parameters.items() if f"${name}" in standard.sql} or None,
        )
    threads = connection.execute("SELECT current_setting('threads')").fetchall()[0][0]
    made: deque[Future[Package]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="package") as workers:
        for code, tables in _units(connection, standards):
            name = names.get(code, code)
            made.append(workers.submit(_package, audience, code, name, tables, build))
            if len(made) > threads:
                yield made.popleft().result()
        yield from (package.result() for package in made)
    for standard in standards:
        connection.execute(f"DROP TABLE sheet_{standard.name}")


def _units(
    connection: duckdb.DuckDBPyConnection, standards: Sequence[SheetSpec]
) -> Iterator[tuple[str, dict[SheetSpec, pl.DataFrame]]]:
    """Every unit with its rows, in the order of the codes."""
    counted = " UNION ALL ".join(f"SELECT unit_code FROM sheet_{standard.name}" for standard in standards)
    runs = connection.execute(
        "SELECT array_agg(unit_code ORDER BY unit_code) FROM ("
        f"SELECT unit_code, sum(count(*)) OVER (ORDER BY unit_code) // {ROWS_AT_ONCE} AS run "
        f"FROM ({counted}) GROUP BY unit_code) GROUP BY run ORDER BY run"
    ).fetchall()
    for (codes,) in runs:
        fetched = {standard: _parted(connection, standard, codes[0], codes[-1]) for standard in standards}
        for code in codes:
            yield code, {standard: parts.get(code, empty) for standard, (parts, empty) in fetched.items()}


def _parted(
    connection: duckdb.DuckDBPyConnection, standard: SheetSpec, first: str, last: str
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """The rows of the units from the first to the last, unit by unit, and no rows for those that have none."""
    query = f"FROM sheet_{standard.name} WHERE unit_code BETWEEN ? AND ?"
    rows = connection.execute(query, [first, last]).pl()
    parts = rows.partition_by("unit_code", include_key=False, as_dict=True)
    return {code: part for (code,), part in parts.items()}, rows.drop("unit_code").clear()


def _package(
    audience: Audience,
    code: str,
    name: str,
    tables: Mapping[SheetSpec, pl.DataFrame],
    build: _Build,
) -> Package:
    first, turn, batch = next(iter(tables.values())), build.turn, build.turn.batch
    facts = {
        "unit": name,
        "batch": batch.isoformat(),
        "count": first.height,
        "sheets": "、".join(["说明", *(standard.title for standard in tables)]),
        "dates": build.currency.dates,
        "notice": build.currency.notice,
        "compared": f"与上一次返还（{turn.since}）相比。" if turn.since else FIRST_TIME,
    }
    sheets: list[ReturnSheet | TextSheet] = [
        instructions(audience.name, facts),
        *(standard.sheet(rows, facts, build.currency.notice) for standard, rows in tables.items()),
    ]
    stem = f"{code}-{name}"
    beside: dict[str, bytes] = {}
    for standard, rows in tables.items():
        beside[f"{standard.title}.csv"] = _csv(standard.table(rows))
        beside[f"{standard.title}.schema.json"] = _json(standard.table_schema())
    digests = {member: hashlib.sha256(content).hexdigest() for member, content in beside.items()}
    tickets = tuple(first["ticket_id"]) if audience.answers else ()
    identity = signed_facts(PackageIdentity(audience.name, code, batch, tickets, digests), build.key)
    workbook = _workbook(sheets, f"{name} {batch.isoformat()}", batch, identity)
    members = {f"{stem}-{batch.isoformat()}.xlsx": workbook, **beside}
    rows_of = {standard.title: rows.height for standard, rows in tables.items()}
    members["manifest.json"] = _json(
        {
            "batch": batch.isoformat(),
            "unit_code": code,
            "unit": name,
            "rows": rows_of,
            "data_batches": build.currency.by_dataset,
            LEDGER: {"number": build.head.number, "hash": build.head.hash},
            "files": {
                member: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
                for member, content in members.items()
            },
        }
    )
    path = build.folder / audience.folder / f"{stem}.zip"
    digest = _write_zip(path, members, batch)
    return Package(audience.name, code, name, path.relative_to(build.folder).as_posix(), rows_of, digest)


def _workbook(
    sheets: Sequence[ReturnSheet | TextSheet], title: str, batch: date, identity: Mapping[str, str]
) -> bytes:
    properties = WorkbookProperties(
        title=title,
        author=AUTHOR,
        created=datetime(batch.year, batch.month, batch.day),
        identity=identity,
    )
    buffer = BytesIO()
    render_workbook(buffer, sheets, properties)
    return buffer.getvalue()


def _csv(rows: pl.DataFrame) -> bytes:
    """UTF-8 with a byte-order mark: without it Excel takes Chinese text for another encoding."""
    buffer = BytesIO()
    neutralise_frame(rows).write_csv(buffer, include_bom=True)
    return buffer.getvalue()


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def _write_zip(path: Path, members: Mapping[str, bytes], batch: date) -> str:
    """Write a zip beside its place, with fixed times: the same content makes the same bytes; returns its sha256."""
    buffer = BytesIO()
    with Archive(buffer, batch) as archive:
        for name, content in members.items():
            archive.add(name, [content], compressed=not name.endswith(".xlsx"))
    path.parent.mkdir(parents=True, exist_ok=True)
    with _draft_of(path).open("wb") as file:
        file.write(buffer.getvalue())
        file.flush()
        os.fsync(file.fileno())  # after a power cut too, what the index names is there
    return hashlib.sha256(buffer.getvalue()).hexdigest()
