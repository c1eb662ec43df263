"""Packages: per township and per department one zip with a workbook, CSV files with schemas, and a manifest.

What the sheets show is declared in `returns/sheets/`; here their relations are named, the rows are parted by
unit, and the files are put in place. A batch's packages appear one by one, whole, and `index.json` comes last.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import polars as pl

from quality.published import TICKETS, findings_of, rule_rows
from quality.tickets import STATES, TO_ANSWER
from returns.declared import SheetStandard, instructions, sheet_standard
from returns.workbook.model import Sheet, TextSheet, WorkbookProperties
from returns.workbook.writer import write_workbook
from schemas.codes import CodeLibrary
from schemas.emit.sql import literal
from schemas.library import Library
from warehouse.catalogue import contract_tables
from warehouse.home import Home
from warehouse.lake import Lake, digest_of, replace_json
from warehouse.values import LABELLED_CODES

INDEX = "index.json"
DEPARTMENTS = "departments"
AUTHOR = "市大数据局"


@dataclass(frozen=True)
class Audience:
    """Who gets a package, and the sheets in it; the first sheet counts what waits for an answer."""

    name: str
    sheets: tuple[str, ...]
    folder: str = ""


TOWNSHIP = Audience("township", ("tickets", "register", "population"))
DEPARTMENT = Audience("department", ("department_tickets", "department_corrections"), DEPARTMENTS)


@dataclass(frozen=True)
class Package:
    """One package as the index tells it: path below the batch's folder, rows of each sheet, sha256."""

    unit_code: str
    name: str
    file: str
    rows: Mapping[str, int]
    sha256: str


def build_packages(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    lake: Lake,
    library: Library,
    codes: CodeLibrary,
    batch: date,
) -> list[Package]:
    """Write the packages of a batch, unless nothing they follow from has changed.

    Returns:
        The packages, townships first, in the order of their codes.
    """
    folder = home.returns(batch)
    inputs = _inputs(lake, library, codes, batch)
    current = read_index(folder)
    if current is not None and current["inputs"] == inputs and _all_there(folder, current):
        return [Package(**package) for package in current["packages"]]
    _name_relations(connection, lake, library, codes, batch)
    names = {
        row[0]: row[1] for row in codes.load("division").rows.select("code", "label").iter_rows()
    }
    departments = {contract.department: contract.department_title for contract in library}
    packages = [
        *_of(connection, TOWNSHIP, folder, names, batch),
        *_of(connection, DEPARTMENT, folder, departments, batch),
    ]
    _clear(folder, {package.file for package in packages})
    replace_json(
        folder / INDEX, {"inputs": inputs, "packages": [asdict(package) for package in packages]}
    )
    return packages


def read_index(folder: Path) -> dict[str, object] | None:
    """The index of a batch's packages, if they are complete."""
    try:
        index: dict[str, object] = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return index


def _all_there(folder: Path, index: Mapping[str, object]) -> bool:
    packages = index["packages"]
    assert isinstance(packages, list)
    return all((folder / package["file"]).exists() for package in packages)


def _clear(folder: Path, kept: set[str]) -> None:
    """Take away packages of an earlier build that this one does not have."""
    for path in folder.rglob("*.zip"):
        if path.relative_to(folder).as_posix() not in kept:
            path.unlink()


def _inputs(lake: Lake, library: Library, codes: CodeLibrary, batch: date) -> dict[str, str]:
    sheets = {
        name: digest_of(
            [asdict(column) for column in standard.columns] + [standard.sql, standard.notes]
        )
        for name in (*TOWNSHIP.sheets, *DEPARTMENT.sheets)
        for standard in [sheet_standard(name)]
    }
    tables = {
        f"{layer}/{table}": partition.fingerprint
        for layer, table in (TICKETS, ("governance", "person"))
        if (partition := lake.as_of(layer, table, batch)) is not None
    }
    contracts = {contract.id: contract.digest for contract in library}
    return {
        **tables,
        "sheets": digest_of(sheets),
        "codes": codes.digest,
        "contracts": digest_of(contracts),
    }


def _name_relations(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    library: Library,
    codes: CodeLibrary,
    batch: date,
) -> None:
    """The relations that the sheets' SQL may name, beside the schema `codes`."""
    relations: dict[str, str | pl.DataFrame] = {
        "ticket": f"FROM {_scan(lake, *TICKETS, batch)}",
        "finding": findings_of(lake, library, batch),
        "person": f"FROM {_scan(lake, 'governance', 'person', batch)}",
        "correction_in_force": _corrections_in_force(lake, library, batch),
        "catalog_rule": rule_rows(library, codes),
        "state": pl.DataFrame(
            [(state, titles[0], state in TO_ANSWER) for state, titles in STATES.items()],
            schema=["state", "title", "to_answer"],
            orient="row",
        ),
        "code_label": _code_labels(codes),
    }
    for published in contract_tables(library):
        relations[published.standard.id.replace(".", "_")] = published.rows
    for name, rows in relations.items():
        if isinstance(rows, pl.DataFrame):
            connection.register("relation_rows", rows)
            connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM relation_rows")
            connection.unregister("relation_rows")
        else:
            connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {rows}")


def _scan(lake: Lake, layer: str, table: str, batch: date) -> str:
    partition = lake.as_of(layer, table, batch)
    if partition is None:
        raise LookupError(f"{layer}/{table} has no partition on {batch}: run the stages before")
    return partition.scan


def _corrections_in_force(lake: Lake, library: Library, batch: date) -> str:
    parts = [
        f"SELECT DISTINCT {literal(contract.id)} AS dataset, record_key, "
        f"unnest(string_split(_corrected, ',')) AS field FROM {table.scan} WHERE _corrected IS NOT NULL"
        for contract in library
        if (table := lake.as_of("standard", contract.id, batch)) is not None
    ]
    return " UNION ALL ".join(parts)


def _code_labels(codes: CodeLibrary) -> pl.DataFrame:
    """Code → label of the tables whose labels are what a person writes; names of divisions are not."""
    return pl.concat(
        rows.select(pl.lit(table).alias("code_table"), "code", "label")
        for table in codes.ids()
        if (rows := codes.load(table).rows).height <= LABELLED_CODES
    )


def _of(
    connection: duckdb.DuckDBPyConnection,
    audience: Audience,
    folder: Path,
    names: Mapping[str, str],
    batch: date,
) -> Iterator[Package]:
    """The packages of one audience, a unit at a time: memory holds one unit's rows."""
    standards = [sheet_standard(name) for name in audience.sheets]
    for standard in standards:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE sheet_{standard.name} AS {standard.sql}",
            {"batch": batch} if "$batch" in standard.sql else None,
        )
    units = " UNION ".join(f"SELECT unit_code FROM sheet_{standard.name}" for standard in standards)
    codes = [row[0] for row in connection.execute(f"{units} ORDER BY unit_code").fetchall()]
    for code in codes:
        tables = {
            standard: connection.execute(
                f"SELECT * EXCLUDE (unit_code) FROM sheet_{standard.name} WHERE unit_code = ?",
                [code],
            ).pl()
            for standard in standards
        }
        yield _package(audience, folder, code, names.get(code, code), tables, batch)
    for standard in standards:
        connection.execute(f"DROP TABLE sheet_{standard.name}")


def _package(
    audience: Audience,
    folder: Path,
    code: str,
    name: str,
    tables: Mapping[SheetStandard, pl.DataFrame],
    batch: date,
) -> Package:
    first = next(iter(tables.values()))
    facts = {"unit": name, "batch": batch.isoformat(), "count": first.height}
    sheets = [
        instructions(audience.name, facts),
        *(standard.sheet(rows, facts) for standard, rows in tables.items()),
    ]
    members = {f"{code}-{name}-{batch.isoformat()}.xlsx": _workbook(sheets, code, name, batch)}
    for standard, rows in tables.items():
        members[f"{standard.title}.csv"] = _csv(standard.table(rows))
        members[f"{standard.title}.schema.json"] = _json(standard.table_schema())
    rows_of = {standard.title: rows.height for standard, rows in tables.items()}
    members["manifest.json"] = _json(
        {
            "batch": batch.isoformat(),
            "unit_code": code,
            "unit": name,
            "rows": rows_of,
            "files": {
                member: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
                for member, content in members.items()
            },
        }
    )
    path = folder / audience.folder / f"{code}-{name}.zip"
    digest = _write_zip(path, members, batch)
    return Package(code, name, path.relative_to(folder).as_posix(), rows_of, digest)


def _workbook(sheets: Sequence[Sheet | TextSheet], code: str, name: str, batch: date) -> bytes:
    properties = WorkbookProperties(
        title=f"{name} {batch.isoformat()}",
        author=AUTHOR,
        created=datetime(batch.year, batch.month, batch.day),
        identity={"batch": batch.isoformat(), "unit_code": code},
    )
    with TemporaryDirectory() as scratch:
        path = Path(scratch) / "package.xlsx"
        write_workbook(path, sheets, properties)
        return path.read_bytes()


def _csv(rows: pl.DataFrame) -> bytes:
    """UTF-8 with a byte-order mark: without it Excel takes Chinese text for another encoding."""
    buffer = BytesIO()
    rows.write_csv(buffer, include_bom=True)
    return buffer.getvalue()


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def _write_zip(path: Path, members: Mapping[str, bytes], batch: date) -> str:
    """Write a zip with fixed times, so that the same content makes the same bytes; returns its sha256."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, (batch.year, batch.month, batch.day, 0, 0, 0))
            stored = name.endswith(".xlsx")
            info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}")
    draft.write_bytes(buffer.getvalue())
    draft.replace(path)
    return hashlib.sha256(buffer.getvalue()).hexdigest()
