"""The places of declarations: the same names in every folder.

The platform ships declarations, and a bureau adds folders of its own (`ZHENJIE_CONTRACTS`). What a folder declares
beside its contracts lies at its top, under one of the names of `Declaration`. Every reader finds its files here: a kind
of declaration that is found in one folder is found in all of them.

This module has names, paths and the order of the folders. It does not know the content of a declaration.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path

from schemas.document import Document

EARLIER = "earlier"
"""The word in an order for the order of the earlier folders."""

_NEAR = 0.75


class Declaration(StrEnum):
    """The names of declarations at the top of a folder, beside contracts."""

    ENTITIES = "_entities.yaml"
    """Entities (实体)."""
    AUTHORITY = "_authority.yaml"
    """For each attribute of an entity, the datasets in the order in which they are believed (数源顺序)."""
    DERIVED = "_derived"
    """Governance tables that an SQL model makes from others (派生表): a YAML and an SQL file each."""
    CODES = "_codes"
    """Code tables (代码表)."""
    SHEETS = "_sheets"
    """Sheets of the packages (返还表), each with its SQL."""


@dataclass(frozen=True)
class Order:
    """A declared order of names, first to last, and the place of its last declaration."""

    names: tuple[str, ...]
    path: Path
    line: int


def declared_at(kind: Declaration, folders: Sequence[Path], shipped: Path | None = None) -> list[Path]:
    """The existing files or folders of one kind: the shipped one first, then in the order of the folders.

    Args:
        kind: the kind.
        folders: the bureau's own folders, in their order.
        shipped: the place of the platform's own declarations of this kind; None if there are none.
    """
    own = [folder / kind for folder in folders]
    return [path for path in ([shipped, *own] if shipped is not None else own) if path.exists()]


def misnamed(folders: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Files and folders at the top of a folder whose name is nearly one of `Declaration`, so that no reader finds them.

    Yields:
        The path, and the name that was probably meant.
    """
    names = [str(kind) for kind in Declaration]
    for folder in folders:
        for path in sorted(folder.iterdir()):
            if path.name in names or path.name.startswith("."):
                continue
            if near := get_close_matches(path.name, names, n=1, cutoff=_NEAR):
                yield path, near[0]


def read_order(document: Document, place: Sequence[str], value: object, earlier: Order | None) -> Order:
    """Read a declared order: a list of names that replaces the earlier order.

    The word `earlier` stands for the earlier order. Example: with the earlier order `[a, b]`, `[earlier, c]` is
    `[a, b, c]`.

    Args:
        document: the file.
        place: the place of the list in the file.
        value: the list as it was read.
        earlier: the order that earlier folders have declared for the same thing.

    Raises:
        ContractError: not a list of names, a name twice, or `earlier` where no earlier folder declares the order.
    """
    if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
        raise document.error(f"{'.'.join(place)}: write a list of names, the first one first", *place)
    names: list[str] = []
    for index, name in enumerate(value):
        if name != EARLIER:
            added: tuple[str, ...] = (name,)
        elif earlier is None:
            message = f"{'.'.join(place)}: no folder before declares this order: take {EARLIER} out"
            raise document.error(message, *place, index)
        else:
            added = earlier.names
        if doubled := [name for name in added if name in names]:
            raise document.error(f"{'.'.join(place)}: {doubled[0]} is there twice: keep one", *place, index)
        names += added
    return Order(tuple(names), document.path, document.line(*place))
