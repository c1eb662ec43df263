"""Derived tables: governance tables that an SQL model makes from the tables of entities.

A folder declares each in `_derived/<table>.yaml`, with the model beside it in `_derived/<table>.sql`:

    title: 家庭户
    description: 一户一档，由人员按户号归集
    key: household_no              # the column that identifies a row
    whole: false                   # true: a row also depends on rows of the inputs that carry another key
    inputs: {person: [resident_id, household_no]}   # entity → the attributes that the model reads
    references: {head_id: person}  # columns that hold the key of an entity; what is published must keep to it
    columns: {household_no: {type: string, title: 户号}}   # in the order of the model's columns

In the model `{person}` stands for the table of an entity. Unless `whole` is true, a turn computes only the rows of
affected keys: keys with a changed input row. It reads only the input rows with these keys. A model whose row for one
key depends on rows of other keys would give wrong rows; `schemas.lints.derived` refuses it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from schemas.declared import Declaration, declared_at
from schemas.document import ContractError, Document, read_document
from schemas.tables import NO_OTHER_KEYS, TableField


@checked_dataclass(frozen=True, config=NO_OTHER_KEYS)
class _Declared:
    """The content of a declaration file."""

    title: str
    key: str
    whole: bool
    inputs: dict[str, tuple[str, ...]]
    columns: dict[str, dict[str, str]]
    description: str = ""
    references: dict[str, str] | None = None


@dataclass(frozen=True)
class DerivedTable:
    """A governance table that an SQL model makes from the tables of entities.

    Attributes:
        name: the table's.
        key: the column that identifies a row.
        whole: whether a row depends on rows of the inputs that carry another key: the table is computed as a whole.
        inputs: entity → the attributes that the model reads.
        references: column → the entity whose key it holds.
        fields: the columns, in the order of the model's.
        model: the SQL; `{<entity>}` stands for a table.
        document: the declaration with its lines.
    """

    name: str
    title: str
    description: str
    key: str
    whole: bool
    inputs: Mapping[str, tuple[str, ...]]
    references: Mapping[str, str]
    fields: tuple[TableField, ...]
    model: str
    document: Document

    @property
    def model_path(self) -> Path:
        """The file of the model."""
        return self.document.path.with_suffix(".sql")


_DECLARED = TypeAdapter(_Declared)
_FIELDS = TypeAdapter(tuple[TableField, ...])


def read_derived(folders: Sequence[Path]) -> tuple[DerivedTable, ...]:
    """The derived tables that folders declare, in their order.

    Raises:
        ContractError: a file cannot be read, lacks something, has no model beside it, or declares a table twice.
    """
    found: dict[str, DerivedTable] = {}
    for folder in declared_at(Declaration.DERIVED, folders):
        for path in sorted(folder.glob("*.yaml")):
            if other := found.get(path.stem):
                message = (
                    f"derived table {path.stem} is already declared in {other.document.path}: rename the file"
                )
                raise ContractError(path, 1, message)
            found[path.stem] = _read(path)
    return tuple(found.values())


def _read(path: Path) -> DerivedTable:
    document = read_document(path)
    declared: _Declared = _checked(document, _DECLARED, document.data)
    columns = [{"name": name, **facts} for name, facts in declared.columns.items()]
    fields: tuple[TableField, ...] = _checked(document, _FIELDS, columns, "columns")
    model = path.with_suffix(".sql")
    if not model.exists():
        raise ContractError(path, 1, f"there is no {model.name} beside it: write the model there")
    return DerivedTable(
        name=path.stem,
        title=declared.title,
        description=declared.description,
        key=declared.key,
        whole=declared.whole,
        inputs=declared.inputs,
        references=declared.references or {},
        fields=fields,
        model=model.read_text(encoding="utf-8"),
        document=document,
    )


def _checked(document: Document, adapter: TypeAdapter[Any], value: object, *place: str) -> Any:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        at = [part for part in first["loc"] if isinstance(part, str)]
        where = ".".join([*place, *map(str, first["loc"])])
        raise document.error(f"{where}: {first['msg']}", *place, *at) from None
