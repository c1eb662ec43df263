"""A contract drafted from a sample file: valid ODCS YAML that a person completes.

`warehouse.collect.infer.profile` judges the values; this module writes the result in the style of schemas/contracts.
Facts that no file contains (owner, purpose, frequency) are marked `待填写`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from schemas.codes import CodeLibrary
from schemas.contract.library import Library, load_library
from schemas.document import plain_yaml
from schemas.formats import load_formats
from schemas.kinds import load_kinds
from schemas.lints.problem import has_chinese
from warehouse.collect.infer.profile import Proposal, find_key, propose
from warehouse.collect.infer.sample import Sample
from warehouse.collect.intake.landing import openable
from warehouse.collect.readers.headings.group_rows import GROUP
from warehouse.collect.readers.headings.header_match import clean_title
from warehouse.engine.functions import install
from warehouse.isolation.reading import read_sample

# The day, month or running number in a file name, which the next delivery will not repeat.
_DATED = re.compile(r"[-_ .（(]*(?:\d{2,4}年?(?:\d{1,2}月?)?(?:\d{1,2}日?)?|\d[\d._-]*)[)）]*$")
_PLAIN = re.compile(r"[\w（）()·/][\w（）()·/.*-]*")

_UNJUDGED = "L3"
_ASKED = "待填写"
# A comment lists at most this many rows.
_SHOWN_ROWS = 10


def draft_contract(file: Path, id_: str, table: str | None) -> str:
    """Draft a contract from a sample of a dataset.

    Args:
        file: a CSV file in a Chinese or Unicode encoding, a workbook (with or without a title above the headings
            and notes below the data), an SQLite database or a DBF.
        id_: the dataset's id, `<department>.<dataset>`.
        table: the table of a database or the sheet of a workbook; needed if a database has several.

    Returns:
        ODCS v3.2.0 YAML. Comments mark what a person must judge or fill in.

    Raises:
        UnreadableFile: the file cannot be read as a table; the message says why, in Chinese.
    """
    with TemporaryDirectory() as scratch, _database().cursor() as connection:
        file = openable(file, Path(scratch) / "file")
        sample = read_sample(file, table, connection, Path(scratch))
        columns = propose(connection, sample.headings, sample.rows, *_shipped())
        key = find_key(connection, columns)
    return "\n".join(_document(file, id_, sample, columns, key)) + "\n"


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """A database in memory with the function library; each cursor has its own temporary tables."""
    connection = duckdb.connect()
    install(connection)
    return connection


@cache
def _shipped() -> tuple[Library, CodeLibrary]:
    """The shipped contracts and code tables, for comparison."""
    return load_library(), CodeLibrary()


def _document(
    file: Path, id_: str, sample: Sample, columns: Sequence[Proposal], key: tuple[int, ...]
) -> Iterator[str]:
    department, _, dataset = id_.partition(".")
    stem = _DATED.sub("", file.stem) or file.stem
    part = sample.recognition.table or (sample.recognition.sheet if sample.others else None)
    title = _scalar(_in_chinese(part or stem))
    yield f"# Drafted from {file.name}, {sample.rows} rows. Fill in what says {_ASKED}, judge every guess, then check"
    yield "# it: zhenjie contract lint"
    yield from _seen(sample)
    yield from _opening(department, id_, title)
    yield from _server(file, stem, sample)
    yield from _facts(columns, key)
    yield "schema:"
    yield f"  - name: {dataset or department}"
    yield f"    businessName: {title}"
    yield f"    description: {_ASKED}  # what one row is"
    for heading in sample.repeated:
        yield f"    # The heading {_scalar(heading)} stands twice; only the first column is read."
    yield from _of_key(sample, columns, key)
    yield "    properties:"
    for place, column in enumerate(columns):
        yield from _property(column, key.index(place) + 1 if place in key else None)


def _seen(sample: Sample) -> Iterator[str]:
    """Comments on how the file was read, and on the rows and sheets that were not read."""
    found = sample.recognition
    form = load_formats()[found.form]
    if not sample.headed:
        yield "# Guess: the file has no headings; its first row is a record (headings: none). Name every column."
    elif found.header_row is not None:
        first = found.header_row - found.header_rows + 1
        rows = f"row {first}" if found.header_rows == 1 else f"rows {first} to {found.header_row}"
        yield f"# Guess: the headings stand in {rows}."
    if form.takes("delimiter"):
        yield f"# Guess: the encoding is {found.encoding}, the delimiter {found.delimiter!r}."
    if sample.others:
        what = "sheets" if form.takes("sheet") else "tables"
        yield f"# Not read, the other {what}: {'、'.join(' '.join(name.split()) for name in sample.others)}."
    for note in sample.reading.notes:
        yield f"# Seen: {' '.join(note.text.split())}"
    reasons: dict[str, list[int]] = {}
    for aside in sample.reading.set_aside:
        reasons.setdefault(aside.reason, []).append(aside.row)
    for reason, every in reasons.items():
        named = "、".join(map(str, every[:_SHOWN_ROWS])) + ("…" if len(every) > _SHOWN_ROWS else "")
        hint = " (a column with groupRow: true would have their text)" if reason == GROUP else ""
        yield f"# Set aside: 第 {named} 行：{reason}{hint}"


def _of_key(sample: Sample, columns: Sequence[Proposal], key: tuple[int, ...]) -> Iterator[str]:
    if not key:
        yield "    # Guess: no column and no pair of columns identifies a row, so that its content does (key: none)."
        return
    names = " and ".join(columns[place].name for place in key)
    if len(key) == 1 and not columns[key[0]].unique:
        again = sample.rows - columns[key[0]].counts.distinct_values
        yield f"    # Guess: {names} is the key. {again} rows repeat a value of {names} or have none: is it?"
    else:
        yield f"    # Guess: {names} is the key: no two of the {sample.rows} rows have the same."


def _opening(department: str, id_: str, title: str) -> Iterator[str]:
    yield "apiVersion: v3.2.0"
    yield "kind: DataContract"
    yield f"id: {id_}"
    yield f"name: {title}"
    yield "version: 1.0.0"
    yield "status: draft  # active, once the department has agreed"
    yield f"domain: {department}"
    yield f"tenant: {_ASKED}  # the department's Chinese name"
    yield "description:"
    yield f"  purpose: {_ASKED}  # what it is for, and which items it is the authority of"
    yield "team:"
    yield f"  name: {_ASKED}  # the section that answers for the data"
    yield "tags: []"


def _server(file: Path, stem: str, sample: Sample) -> Iterator[str]:
    found = sample.recognition
    facts: dict[str, str | list[str]] = {}
    if load_formats()[found.form].takes("delimiter") and found.encoding is not None:
        utf8 = found.encoding in ("utf-8", "utf-8-sig")
        facts["encodings"] = ["utf-8-sig", "gb18030"] if utf8 else [found.encoding]
    if found.delimiter is not None and found.delimiter != ",":
        facts["delimiter"] = found.delimiter
    if not sample.headed:
        facts["headings"] = "none"
    if found.sheet is not None and sample.others:
        facts["sheet"] = found.sheet
    if found.table is not None:
        facts["table"] = found.table
    yield "servers:"
    yield "  - server: delivery"
    yield "    type: local"
    path = _scalar(f"{stem}*{file.suffix or load_formats()[found.form].suffixes[0]}")
    yield f"    path: {path}  # which file names are this dataset's"
    yield f"    format: {found.form}"
    if facts:
        yield "    customProperties:"
    for name, value in facts.items():
        text = f"[{', '.join(value)}]" if isinstance(value, list) else _scalar(value)
        yield f"      - {{property: {name}, value: {text}}}"


def _facts(columns: Sequence[Proposal], key: tuple[int, ...]) -> Iterator[str]:
    """The contract's facts: frequency, lateness, subject, township, and the column that names a row to people."""
    yield "slaProperties:  # how often it is delivered, and how many days late it may be"
    yield "  - {property: frequency, value: 1, unit: m}"
    yield "  - {property: latency, value: 5, unit: d}"
    yield "customProperties:"
    yield "  - {property: delivery, value: snapshot}  # guess: every delivery holds every row"
    if not key:
        yield "  - {property: key, value: none}  # guess"
    ways = [f"{{column: {column.name}}}" for column in columns if column.role == "township"]
    subject = _subject(columns, key) if key else None
    if subject is not None:
        named = load_kinds()[str(subject.kind)].identifies
        assert named is not None
        entity, dataset = named.entity, named.township_by
        value = f"{{{entity}: {{entity: {entity}, key: {subject.name}}}}}"
        yield f"  - {{property: subjects, value: {value}}}  # guess"
        ways += [f"{{dataset: {dataset}, by: {subject.name}}}"] if dataset else []
    if ways:
        yield f"  - {{property: unit, value: [{', '.join(ways)}]}}  # guess: how a row finds its township"
    else:
        yield "  # No column leads to a township: findings go to the department alone. If one does, add"
        yield "  # {property: unit, value: [{column: …}]}"
    label = next((column.name for column in columns if _names_a_row(column)), None)
    if label is not None:
        yield f"  - {{property: label, value: {label}}}  # guess: what names a row to people"


def _subject(columns: Sequence[Proposal], key: tuple[int, ...]) -> Proposal | None:
    """The column that identifies a row's person or enterprise: a key column, or a column named after its kind."""
    speaking = [column for column in columns if column.role == "identifier"]
    keys = [column for column in speaking if columns.index(column) in key]
    return next(iter(keys or [column for column in speaking if column.name == column.kind]), None)


def _names_a_row(column: Proposal) -> bool:
    return column.role == "name" or column.name.endswith("name") or column.title.endswith("名称")


def _property(column: Proposal, key_position: int | None) -> Iterator[str]:
    title = _in_chinese(column.title)
    yield f"      - name: {column.name}{_asked_of_name(column)}"
    yield f"        businessName: {_scalar(title)}"
    # The heading must stay known, even if the Chinese name changes.
    if clean_title(column.heading) not in (clean_title(title), column.name):
        yield f"        synonyms: [{{synonym: {_scalar(column.heading)}}}]"
    yield f"        logicalType: {column.type}{_asked_of_values(column)}"
    if column.required or key_position:
        yield f"        required: true{'' if key_position else '  # guess: every row of the sample has it'}"
    if key_position:
        yield "        primaryKey: true"
        yield f"        primaryKeyPosition: {key_position}"
    kind = load_kinds()[column.kind].classification if column.kind else None
    level = column.classification or kind
    asked = "" if level else "  # L1 public … L4 most sensitive: judge it"
    yield f"        classification: {level or _UNJUDGED}{asked}"
    facts = {"semanticKind": column.kind, "codeTable": column.codes}
    if any(facts.values()):
        yield "        customProperties:"
    for name, value in facts.items():
        if value:
            yield f"          - {{property: {name}, value: {value}}}{_share(column, name)}"


def _share(column: Proposal, fact: str) -> str:
    if fact != "semanticKind":
        return "  # guess: the table knows the values"
    share = column.counts.kinds.get(str(column.kind))
    return f"  # guess: {share:.0%} of the values are" if share is not None else "  # guess"


def _in_chinese(text: str) -> str:
    """A name for people; a name that is not Chinese is marked as to be filled in."""
    return text if has_chinese(text) else f"{_ASKED}（{text}）"


def _asked_of_name(column: Proposal) -> str:
    return "  # give it an English name" if re.fullmatch(r"column_\d+", column.name) else ""


def _asked_of_values(column: Proposal) -> str:
    counts = column.counts
    if not counts.filled:
        return "  # the sample has no value in this column"
    if column.kind or column.codes:
        return ""
    if column.type == "string" and counts.integers == counts.filled:
        if counts.identifiers:
            return "  # guess: long digits or leading zeros are an identifier"
        if counts.one_width:
            return (
                f"  # guess: {counts.widest} digits in every row are a code; integer, if they are an amount"
            )
        return "  # guess: digits that identify; integer, if anybody calculates with them"
    return "" if column.type == "string" else f"  # guess: all {counts.filled} values are"


def _scalar(text: str) -> str:
    """Write a text as YAML: plain if that is safe, even within braces; else in quotes."""
    plain = _PLAIN.fullmatch(text) and plain_yaml(text) == text
    return text if plain else json.dumps(text, ensure_ascii=False)
