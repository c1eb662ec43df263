"""Heads of the ledger as things outside it carry them: published databases, packages, summaries, backups.

Whoever deletes entries would have to change all of them. What a head is, is `returns.ledger.heads`.
"""

from __future__ import annotations

import json
import re
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import duckdb

from returns.ledger.heads import KnownHead, LedgerHead
from returns.ledger.witness import Witness
from returns.packages.build import INDEX, LEDGER, head_in_index
from returns.summary.page import PAGE
from warehouse.home.backup import CONTENTS
from warehouse.home.encryption import Keys, WrongKey
from warehouse.home.folders import Home
from warehouse.publish.switch import published_ledger

_META = re.compile(r'<meta name="ledger" content="(\d+:[0-9a-f]{64})">')


class NoHeads(ValueError):
    """A file that was named to compare the ledger with, and that carries no head of one."""


def known_heads(home: Home, keys: Keys, *, thorough: bool = False) -> list[KnownHead]:
    """The heads that the things of a home carry.

    Args:
        home: the installation.
        keys: what its databases are encrypted with.
        thorough: whether to look at every batch, not at the published database and the newest packages only.
    """
    databases = (home.warehouse, home.previous_warehouse) if thorough else (home.warehouse,)
    found = [known for path in databases for known in _in_database(path, keys)]
    folders = sorted((path.parent for path in home.root.glob(f"returns/*/{INDEX}")), reverse=True)
    for folder in folders if thorough else folders[:1]:
        found += _in_returns(folder)
    return found


def has_heads(home: Home, keys: Keys) -> bool:
    """Whether anything of a home carries a head: its witness and its register then were there, too."""
    return bool(known_heads(home, keys))


def heads_in(path: Path, keys: Keys, *, required: bool = True) -> list[KnownHead]:
    """The heads in a home, a backup, a package, a summary page or a witness that somebody names.

    Raises:
        NoHeads: a head is required, and the path has another form or carries no head.
    """
    if path.is_dir():
        home = Home(path)
        found = [*known_heads(home, keys, thorough=True), *_in_witness(home.witness)]
    elif tarfile.is_tarfile(path):
        found = _in_backup(path)
    elif zipfile.is_zipfile(path):
        found = _in_package(path)
    elif path.suffix == ".html":
        found = _in_page(path)
    else:
        found = _in_witness(path)
    if required and not found:
        raise NoHeads(f"{path} 中没有台账的链头：请指定安装目录、备份、返还包、批次概览或 ledger.witness")
    return found


def _in_database(path: Path, keys: Keys) -> Iterator[KnownHead]:
    try:
        told = published_ledger(path, keys)
    except (duckdb.Error, WrongKey):
        return  # named as damage, or by the key
    if told is not None:
        yield KnownHead(path.name, LedgerHead(*told))


def _in_returns(folder: Path) -> Iterator[KnownHead]:
    try:
        head = head_in_index(folder)
    except (ValueError, KeyError, TypeError):
        head = None  # named as damage
    if head is not None:
        yield KnownHead(f"批次 {folder.name} 的返还包", head)
    yield from _in_page(folder / PAGE)


def _in_page(path: Path) -> list[KnownHead]:
    if not path.is_file():
        return []
    found = _META.search(path.read_text(encoding="utf-8", errors="replace"))
    return [KnownHead(f"批次 {path.parent.name} 的概览", LedgerHead.parse(found[1]))] if found else []


def _in_package(path: Path) -> list[KnownHead]:
    with zipfile.ZipFile(path) as archive:
        if "manifest.json" not in archive.namelist():
            return []
        told = json.loads(archive.read("manifest.json")).get(LEDGER)
    return [KnownHead(path.name, LedgerHead(told["number"], told["hash"]))] if told else []


def _in_backup(path: Path) -> list[KnownHead]:
    with tarfile.open(path) as archive:
        try:
            member = archive.extractfile(CONTENTS)
        except KeyError:
            return []
        told = json.load(member).get(LEDGER) if member else None
    return [KnownHead(path.name, LedgerHead.parse(told))] if told else []


def _in_witness(path: Path) -> list[KnownHead]:
    heads = [
        LedgerHead(line.number, line.link)
        for line in Witness(path).lines()
        if line.number and line.link is not None
    ]
    return [KnownHead(str(path), heads[-1])] if heads else []
