"""Code tables: the values that a coded column may have, and the names that departments use for them.

Reads the tables of schemas/codes and of the bureau's own folders. The warehouse translates columns with them; quality
finds wrong codes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any

import polars as pl

from schemas.document import plain_yaml

HEADER = "_tables.yaml"
COLUMNS = (
    "code", "label", "parent", "level", "valid_from", "valid_to", "successor", "aliases", "note",
)  # fmt: skip

_FACTS = frozenset({"title", "standard", "note", "replaces"})


# A larger code table is looked up by its codes alone: its labels are names, not spellings of a code.
LABELLED_CODES = 200
# The name of an engine function, one for each table: a department's spelling → its code.
CODE_IN = "_code_in_"


class CodeTableError(ValueError):
    """A code table is missing or malformed. The message names it and the reason."""


@dataclass(frozen=True, eq=False)
class CodeTable:
    """One code table.

    `rows` has every column of `COLUMNS` as text, sorted by code; a cell without a value is null.
    `standard` is null for a list of our own.
    """

    id: str
    title: str
    standard: str | None
    note: str
    rows: pl.DataFrame

    @cached_property
    def current(self) -> pl.DataFrame:
        """The rows whose code is in use: those without an end of validity."""
        return self.rows.filter(pl.col("valid_to").is_null())

    @property
    def is_labelled(self) -> bool:
        """Whether a label that a department writes stands for its code, as 男 does for 1."""
        return self.current.height <= LABELLED_CODES

    @cached_property
    def spellings(self) -> Mapping[str, str]:
        """The spellings that a department may write for a code in use, in order, each with its code.

        A spelling is the code itself, its label or an alias, in this order of precedence: a spelling that is also a
        code means that code. A spelling that two codes share at the same rank is ambiguous and left out. Example: the
        names of villages.
        """
        rows = self.current.select("code", "label", "aliases").rows()
        known = {code: code for code, _, _ in rows}
        labels = {(label, code) for code, label, _ in rows}
        aliases = {(alias, code) for code, _, joined in rows if joined for alias in joined.split("|")}
        for rank in (labels, aliases):
            meanings = Counter(spelling for spelling, _ in rank)
            known |= {
                spelling: code for spelling, code in rank if meanings[spelling] == 1 and spelling not in known
            }
        return MappingProxyType(dict(sorted(known.items())))


class CodeLibrary:
    """The code tables of several folders.

    A later folder adds tables. It replaces a table of an earlier folder only if its `_tables.yaml` says
    `replaces: true`. Example: the division codes of another city.
    """

    def __init__(self, folders: Sequence[Traversable] = ()) -> None:
        """Read the headers of the shipped folder and of `folders`. A table is read when it is first used.

        Raises:
            CodeTableError: a folder without a readable header, or a table declared twice.
        """
        self._declared: dict[str, tuple[Traversable, Mapping[str, Any]]] = {}
        self._loaded: dict[str, CodeTable] = {}
        for folder in (files("schemas") / "codes", *folders):
            for id_, facts in _read_header(folder).items():
                if id_ in self._declared and not facts.get("replaces", False):
                    raise CodeTableError(
                        f"code table {id_} of {folder} exists already: say `replaces: true` if meant"
                    )
                self._declared[id_] = (folder, facts)

    def ids(self) -> tuple[str, ...]:
        """The ids of all tables, sorted."""
        return tuple(sorted(self._declared))

    def load(self, id_: str) -> CodeTable:
        """The code table `id_`, read once.

        Raises:
            CodeTableError: no folder declares it, or its file breaks a rule of code tables.
        """
        if id_ not in self._declared:
            raise CodeTableError(f"no code table {id_!r}: there are {', '.join(self.ids())}")
        if id_ not in self._loaded:
            folder, facts = self._declared[id_]
            self._loaded[id_] = CodeTable(
                id=id_,
                title=facts["title"],
                standard=facts.get("standard"),
                note=facts.get("note", ""),
                rows=_read_rows(folder / f"{id_}.csv"),
            )
        return self._loaded[id_]

    @cached_property
    def digest(self) -> str:
        """A fingerprint of every table's rows: values coded with other tables are out of date."""
        content = "".join(f"{id_}\n{self.load(id_).rows.write_csv()}" for id_ in self.ids())
        return hashlib.sha256(content.encode()).hexdigest()


@cache
def _shipped() -> CodeLibrary:
    return CodeLibrary()


def load_code_table(id_: str) -> CodeTable:
    """The shipped code table `id_`.

    Raises:
        CodeTableError: no table has that id.
    """
    return _shipped().load(id_)


def code_table_ids() -> tuple[str, ...]:
    """The ids of all shipped code tables, sorted."""
    return _shipped().ids()


def _read_header(folder: Traversable) -> Mapping[str, Mapping[str, Any]]:
    file = folder / HEADER
    if not file.is_file():
        raise CodeTableError(f"{folder} has no {HEADER}")
    header = plain_yaml(file.read_text(encoding="utf-8"))
    if not isinstance(header, dict):
        raise CodeTableError(f"{file} must say for each table its title and standard")
    for id_, facts in header.items():
        if not isinstance(facts, dict) or "title" not in facts or facts.keys() - _FACTS:
            raise CodeTableError(f"{file}: {id_} needs a title and may have standard, note, replaces")
    return MappingProxyType(header)


def _read_rows(file: Traversable) -> pl.DataFrame:
    if not file.is_file():
        raise CodeTableError(f"{file} is declared in {HEADER} but does not exist")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise CodeTableError(f"{file} is not UTF-8") from error
    rows = pl.read_csv(text.encode(), infer_schema=False)
    if unknown := set(rows.columns) - set(COLUMNS):
        raise CodeTableError(f"{file} has unknown columns: {', '.join(sorted(unknown))}")
    if not {"code", "label"} <= set(rows.columns):
        raise CodeTableError(f"{file} needs the columns code and label")
    if rows["code"].null_count() or rows["label"].null_count():
        raise CodeTableError(f"{file} has a row without code or label")
    if rows["code"].n_unique() < rows.height:
        doubled = sorted(set(rows.filter(rows["code"].is_duplicated())["code"]))
        raise CodeTableError(f"{file} has codes twice: {', '.join(doubled)}")
    given = [name if name in rows.columns else pl.lit(None, pl.String).alias(name) for name in COLUMNS]
    return rows.select(given).sort("code")
