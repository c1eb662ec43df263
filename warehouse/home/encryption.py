"""Encryption at rest: the installation's keys, and how they are passed to DuckDB.

AES-256 in GCM: Parquet's modular encryption for files of the lake, DuckDB's own encryption for databases. A key is
named by its fingerprint, which may appear in manifests and messages. The key itself appears in no logged SQL text, no
message and no `repr`. The settings provide keys; the lake and the publication decide which files are encrypted.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from pathlib import Path

import duckdb

from schemas.emit.sql import literal, quote

KEY_BYTES = 32
# DuckDB's file header: a checksum, the magic bytes, the version of the storage, the flags. The first bit of the flags
# says that the rest of the file is encrypted.
_MAGIC, _MAGIC_AT, _FLAGS_AT = b"DUCK", 8, 20
# Parquet's magic bytes of a file with an encrypted footer.
_SEALED_PARQUET = b"PARE"


class WrongKey(Exception):
    """An encrypted file cannot be read with the present keys; names the missing key and the remedy."""


@dataclass(frozen=True)
class Key:
    """A secret of 32 bytes, in base64 as DuckDB takes it."""

    text: str = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a text that is not a key.

        Raises:
            ValueError: the text is not base64 of 32 bytes; the message does not quote it.
        """
        try:
            secret = base64.b64decode(self.text, validate=True)
        except (binascii.Error, ValueError):
            secret = b""
        if len(secret) != KEY_BYTES:
            raise ValueError("a key is 32 random bytes in base64, as `openssl rand -base64 32` writes them")

    @cached_property
    def id(self) -> str:
        """The name of the key: 12 hex digits of its sha256, which do not reveal the key."""
        return hashlib.sha256(b"zhenjie key " + self.text.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Keys:
    """The present key, which writes (None for plain files), and earlier keys, which only read."""

    present: Key | None = None
    former: tuple[Key, ...] = ()

    @property
    def all(self) -> tuple[Key, ...]:
        """Every key, the present key first."""
        return (*((self.present,) if self.present else ()), *self.former)

    @property
    def ids(self) -> frozenset[str]:
        """The names of the keys."""
        return frozenset(key.id for key in self.all)

    def check(self, needed: Iterable[str], what: object) -> None:
        """Check that every needed key is present.

        Raises:
            WrongKey: a key is missing; names the file that needs it.
        """
        missing = sorted(set(needed) - self.ids)
        if missing:
            raise WrongKey(_wrong(what, f"（{', '.join(missing)}）", self))

    def prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Let a connection's database read and write with these keys, and encrypt its spill files.

        Call it before external access is switched off: DuckDB only writes encrypted files with OpenSSL, which the
        extension httpfs loads.
        """
        if not self.all:
            return
        connection.execute(f"LOAD {literal(str(_extension()))}")
        connection.execute("SET temp_file_encryption = true")
        for key in self.all:
            connection.execute(f"PRAGMA add_parquet_key({literal(key.id)}, {literal(key.text)})")


NO_KEYS = Keys()


def attach(
    connection: duckdb.DuckDBPyConnection, path: Path, name: str, keys: Keys, *, read_only: bool = True
) -> None:
    """Attach a database file under a name. An existing file keeps its encryption; a new file gets the present key.

    Raises:
        WrongKey: it is encrypted with none of the keys.
        duckdb.Error: it is not a database, or cannot be read.
    """
    tried: tuple[Key | None, ...] = keys.all if is_encrypted(path) else (None,)
    if not path.exists() and not read_only:
        tried = (keys.present,)
    for key in tried:
        options = [*(["READ_ONLY"] if read_only else []), *(["ENCRYPTION_KEY $key"] if key else [])]
        bracket = f" ({', '.join(options)})" if options else ""
        try:
            # The key is a parameter, because DuckDB's error messages quote the text of the statement.
            connection.execute(
                f"ATTACH {literal(str(path))} AS {quote(name)}{bracket}", {"key": key.text} if key else None
            )
        except duckdb.InvalidInputException as error:
            # The text of the message decides: DuckDB uses the same class for other faults of a call.
            if key is None or "encryption key" not in str(error):
                raise
        else:
            return
    raise WrongKey(_wrong(path, "", keys))


def is_encrypted(path: Path) -> bool:
    """Whether a Parquet file or a DuckDB database is encrypted, by its first bytes."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(_FLAGS_AT + 1)
    if head.startswith(_SEALED_PARQUET):
        return True
    return head[_MAGIC_AT:].startswith(_MAGIC) and len(head) > _FLAGS_AT and bool(head[_FLAGS_AT] & 1)


def _wrong(what: object, which: str, keys: Keys) -> str:
    given = f"现有密钥：{', '.join(key.id for key in keys.all)}" if keys.all else "没有设置密钥"
    return (
        f"{what} 已加密，所用密钥{which}不在手边；{given}。请检查 ZHENJIE_KEY、ZHENJIE_FORMER_KEYS。 "
        f"Encrypted with {'a key' if not which else 'the key ' + which.strip('（）')} that is not at hand: "
        "check ZHENJIE_KEY and ZHENJIE_FORMER_KEYS."
    )


def _extension() -> Path:
    """The extension file from the wheel: no download, and the right version for this DuckDB."""
    package = files("duckdb_extension_httpfs")
    return Path(str(package / "extensions" / f"v{duckdb.__version__}" / "httpfs.duckdb_extension"))
