"""The identity of a package: the facts in a workbook's hidden sheet, and the signature over all of them.

The signature is HMAC-SHA256 (RFC 2104, FIPS 198-1) over a canonical text of the facts. A workbook that comes back is
taken in only if its facts carry a signature by one of the bureau's keys: so they are what the platform wrote, for the
unit, the batch and the audience that it wrote them for. Every fact counts: one that is changed, added or taken away
breaks the signature.

| Fact | Holds |
|---|---|
| `format` | the version of these facts |
| `audience`, `unit_code`, `batch` | for whom the package was made, and when |
| `tickets 1`, `tickets 2` … | the ticket numbers issued, with blanks between, as many as a cell holds |
| `file <name>` | sha256 of each other file in the package |
| `key` | the name of the key |
| `signature` | 64 hex digits in lower case |
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from warehouse.home.encryption import Key, Keys

FORMAT = "2"
"""Packages before signatures had no format; theirs counts as 1."""

# Ticket numbers in one cell: with blanks between they stay below a cell's 32,767 characters.
TICKETS_IN_A_CELL = 500

_DOMAIN = "zhenjie package identity"
_TICKETS, _FILE = "tickets ", "file "
_KEY, _SIGNATURE = "key", "signature"


class InvalidIdentity(Exception):
    """A workbook is not what the platform made; the Chinese message says why and what to do."""


@dataclass(frozen=True)
class PackageIdentity:
    """For whom a package was made, and what was in it.

    Attributes:
        audience: `township` or `department`.
        unit_code: code of the unit it was made for.
        batch: the day of the turn.
        tickets: the tickets that the unit was asked about, in the order of the sheet.
        files: name of each other file in the package, and its sha256.
    """

    audience: str
    unit_code: str
    batch: date
    tickets: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)


def signed_facts(identity: PackageIdentity, key: Key) -> dict[str, str]:
    """The facts of the hidden sheet, signed; the same identity and key give the same facts.

    Raises:
        ValueError: a ticket number is empty or holds a blank.
    """
    if any(len(ticket.split()) != 1 for ticket in identity.tickets):
        raise ValueError("a ticket number is one word")
    facts = {
        "format": FORMAT,
        "audience": identity.audience,
        "unit_code": identity.unit_code,
        "batch": identity.batch.isoformat(),
        **_in_cells(identity.tickets),
        **{f"{_FILE}{name}": digest for name, digest in identity.files.items()},
        _KEY: key.id,
    }
    return {**facts, _SIGNATURE: _signature(facts, key)}


def verified_identity(facts: Mapping[str, str], keys: Keys) -> PackageIdentity:
    """The identity that facts read from a workbook stand for, if the platform signed just these.

    Args:
        facts: as they stand in the hidden sheet, nothing trimmed.
        keys: the bureau's keys, former ones too.

    Raises:
        InvalidIdentity: there is no signature, by no key at hand, or not over these facts.
    """
    given = facts.get(_SIGNATURE, "")
    if not given and "format" not in facts and facts.keys() <= {"batch", "unit_code"}:
        raise InvalidIdentity(f"是旧版工作簿，没有平台的签章。{_DOWNLOAD}")
    if not given:
        raise InvalidIdentity(f"没有平台的签章，或签章已被删除。{_DOWNLOAD}")
    name = facts.get(_KEY, "")
    key = next((key for key in keys.all if hmac.compare_digest(key.id.encode(), name.encode())), None)
    if key is None:
        raise InvalidIdentity(
            f"所用的签章密钥不是本平台现用的密钥（不是本平台下发，或密钥已更换）。{_DOWNLOAD}"
        )
    signed = {name: value for name, value in facts.items() if name != _SIGNATURE}
    if not hmac.compare_digest(_signature(signed, key).encode(), given.encode()):
        raise InvalidIdentity(
            f"的签章与内容不符：标识（单位、批次或工单清单）在下发后被改动过。{_DOWNLOAD}请不要改动隐藏的工作表。"
        )
    return _identity(facts)


_DOWNLOAD = "请从平台下载最新的工作簿，把答复填进去再提交。"


def _in_cells(tickets: Sequence[str]) -> dict[str, str]:
    starts = range(0, len(tickets), TICKETS_IN_A_CELL)
    return {
        f"{_TICKETS}{number}": " ".join(tickets[start : start + TICKETS_IN_A_CELL])
        for number, start in enumerate(starts, start=1)
    }


def _signature(facts: Mapping[str, str], key: Key) -> str:
    text = json.dumps([_DOMAIN, sorted(facts.items())], ensure_ascii=True, separators=(",", ":"))
    return hmac.digest(base64.b64decode(key.text), text.encode("ascii"), "sha256").hex()


def _identity(facts: Mapping[str, str]) -> PackageIdentity:
    """What signed facts say: they are ours, so they are complete."""
    cells = sorted(
        (int(name.removeprefix(_TICKETS)), value)
        for name, value in facts.items()
        if name.startswith(_TICKETS)
    )
    return PackageIdentity(
        audience=facts["audience"],
        unit_code=facts["unit_code"],
        batch=date.fromisoformat(facts["batch"]),
        tickets=tuple(ticket for _, value in cells for ticket in value.split()),
        files={n.removeprefix(_FILE): digest for n, digest in facts.items() if n.startswith(_FILE)},
    )
