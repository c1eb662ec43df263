"""Code tables: which values a coded column may have, and what departments call them.

Here: reading the tables of schemas/codes and of the bureau's own folders. Translating a column with them is
the warehouse's business, finding a wrong code quality's.
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


# A code table with more codes is looked up by its codes alone: its labels are names, not spellings of a code.
LABELLED_CODES = 200
# Functions of the engine, one a table, named so: the code that a department's spelling stands for.
CODE_IN = "_code_in_"


class CodeTableError(ValueError):
    """A code table is missing or not as it must be; says which and why."""


@dataclass(frozen=True, eq=False)
class CodeTable:
    """One code table.

    `rows` has every column of `COLUMNS` as text, null where there is nothing to say, sorted by code.
    `standard` is null for a plain list of our own.
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
        """What a department may write for a code in use, in order, and the code that it stands for.

        The code itself, its label and its aliases, in that order of precedence: a spelling that is also a
        code means that code. One that two codes of the same rank share means neither and is left out, as
        the names of villages often are.
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

    A later folder adds tables. It replaces one of an earlier folder only if its `_tables.yaml` says
    `replaces: true` there: the division codes of another city, for one.
    """

    def __init__(self, folders: Sequence[Traversable] = ()) -> None:
        """Read the headers of the shipped folder and of `folders`; tables are read when asked for.

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
        """A fingerprint of every table's rows: what was coded with other tables is out of date."""
        content = "".join(f"{id_}\n{self.load(id_).rows.write_csv()}" for id_ in self.ids())
        return hashlib.sha256(content.encode()).hexdigest()


@cache
def _shipped() -> CodeLibrary:
    return CodeLibrary()


def load_code_table(id_: str) -> CodeTable:
    """The shipped code table `id_`.

    Raises:
        CodeTableError: there is none of that id.
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
