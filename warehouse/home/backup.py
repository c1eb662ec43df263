"""A backup: one tar file, with checksums, of everything in a home that cannot be made again.

Restoring verifies every file first. Then the new home appears in one step.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from warehouse.home.files import DRAFT, is_draft
from warehouse.home.folders import Home
from warehouse.home.modes import FILE, FOLDER
from warehouse.home.names import shown

# Not in the backup: things that can be made again, or that belong to this machine only.
NOT_KEPT = ("spill", "dagster", "lock", "delivery.lock", "contracts.clean", "verified.json")
# Folders whose file names come from outside.
_FROM_OUTSIDE = ("inbox", "aside", "answers")
CONTENTS = "backup.json"


class DamagedBackup(Exception):
    """The archive is not a backup, or not complete; nothing has been restored."""


def write_backup(home: Home, archive: Path, ledger: str = "") -> int:
    """Write a backup as a draft and rename it to its place.

    Args:
        home: held by the caller's lock.
        archive: the tar file; its folder exists.
        ledger: the last act of the ledger, which a restore compares with its ledger.

    Returns:
        Its size in bytes.
    """
    draft = archive.with_name(f".{archive.name}")
    try:
        with draft.open("wb") as file:
            os.fchmod(file.fileno(), FILE)
            _write(home, file, {draft.resolve(), archive.resolve()}, ledger)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(archive)
    finally:
        draft.unlink(missing_ok=True)
    return archive.stat().st_size


def _write(home: Home, file: IO[bytes], apart: set[Path], ledger: str) -> None:
    digests: dict[str, str] = {}
    with (
        tarfile.open(fileobj=file, mode="w") as tar,
        TemporaryDirectory(dir=home.root, prefix=DRAFT) as scratch,
    ):
        for name, path in _kept(home, Path(scratch)):
            if path.resolve() in apart:
                continue
            with path.open("rb") as source:
                digests[name] = hashlib.file_digest(source, "sha256").hexdigest()
            tar.add(path, arcname=name, recursive=False)
        # In ASCII: the name of a file in the inbox may not be valid UTF-8.
        content = json.dumps({"files": digests, "ledger": ledger}, indent=1).encode()
        info = tarfile.TarInfo(CONTENTS)
        info.size, info.mode = len(content), FILE
        tar.addfile(info, io.BytesIO(content))


def _kept(home: Home, scratch: Path) -> Iterator[tuple[str, Path]]:
    """Every file to keep, with its name below the home. Drafts are left out: they are unfinished or abandoned."""
    for path in sorted(home.root.rglob("*")):
        place = path.relative_to(home.root)
        if place.parts[0] in NOT_KEPT or any(_is_draft(place, part) for part in place.parts):
            continue
        if path.name.startswith(home.ledger.name) and path.parent == home.root:
            if path == home.ledger:
                yield place.as_posix(), _copied(path, scratch)
        elif path.is_file() and not path.is_symlink():
            yield place.as_posix(), path


def _is_draft(place: Path, part: str) -> bool:
    """Whether a part of a path is a draft. Another name with a leading dot may be a delivered file."""
    return is_draft(part) or (place.parts[0] not in _FROM_OUTSIDE and part.startswith("."))


def _copied(database: Path, scratch: Path) -> Path:
    """A consistent copy of an SQLite database, including its write-ahead log."""
    copy = scratch / database.name
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def restore_backup(
    home: Home, archive: Path, check: Callable[[Home, str], None] = lambda _, __: None
) -> None:
    """Restore a backup into a home that does not exist yet or is an empty folder.

    Args:
        home: the new home.
        archive: the tar file.
        check: checks the restored files before they become the home, with the last act of the ledger that the backup
            recorded. If it raises an error, the home is not changed.

    Raises:
        DamagedBackup: the archive is truncated, altered, or not a backup of this platform.
        OSError: the home cannot be made, or is not empty.
    """
    draft = home.root.with_name(f".{home.root.name}.restoring")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        try:
            with tarfile.open(archive) as tar:
                tar.extractall(draft, filter=_private)
            for path in (draft, *draft.rglob("*")):
                if path.is_dir():
                    path.chmod(FOLDER)
        except (tarfile.TarError, EOFError) as error:
            raise DamagedBackup(f"{archive}：不是完整的备份文件（{type(error).__name__}）") from error
        facts = _verify(draft, archive)
        (draft / CONTENTS).unlink()
        check(Home(draft), facts.get("ledger", ""))
        draft.rename(home.root)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _private(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo:
    """A member as `tarfile.data_filter` allows it, readable by its owner only."""
    safe = tarfile.data_filter(member, folder)
    return safe.replace(mode=FOLDER if safe.isdir() else FILE, deep=False)


def _verify(folder: Path, archive: Path) -> dict[str, Any]:
    """Compare every file with its checksum; returns the archive's own description."""
    try:
        facts: dict[str, Any] = json.loads((folder / CONTENTS).read_text(encoding="utf-8"))
        digests: dict[str, str] = facts["files"]
    except (OSError, ValueError, KeyError) as error:
        raise DamagedBackup(f"{archive}：缺少校验清单，备份不完整，或不是 zhenjie backup 的备份") from error
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    found.discard(CONTENTS)
    for name in sorted(found ^ digests.keys()):
        raise DamagedBackup(f"{archive}：{shown(name)} {'不在校验清单中' if name in found else '缺失'}")
    for name, digest in digests.items():
        with (folder / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                raise DamagedBackup(f"{archive}：{shown(name)} 与校验清单不符")
    return facts
