"""Names of files from outside: `shown` makes a name safe to display, `stored` makes a name safe to store.

The sender chooses the bytes of a name. They may not be UTF-8 (GBK by FTP), may control a terminal (ESC), hide the
file's extension (U+202E), or equal the name of a file of the platform. Messages show `FileName.shown`, copies are
stored under `FileName.stored`, and `FileName.fits` matches patterns of contracts.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

# Bytes of UTF-8 of a stored name. A file system allows 255; names of drafts and receipts add a prefix or suffix.
LONGEST_NAME = 160
_LONGEST_SUFFIX = 20

# Invisible characters, and characters that change their neighbours: control characters (Cc), formats such as bidi
# overrides and zero-width characters (Cf), surrogates (Cs), line and paragraph separators (Zl, Zp).
_HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Invisible characters of other categories: Hangul fillers and the grapheme joiner.
_BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"
_BLANKS = re.compile(f"[{_BLANK}]")
# The two spaces of Chinese text. Every other space only looks like one of them.
_SPACES = "\u0020\u3000"

_URI = "file://"

# Characters that Windows forbids in names, and characters that readers interpret as a pattern.
_FORBIDDEN = re.compile(r'[/\\:*?"<>|\[\]{}]')
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)", re.IGNORECASE)
# Files that the platform writes beside a delivered file, or at the top of its own archives.
_OURS = {
    "receipt.json", "refusal.json", "confirmation.json", "reading.json", "manifest.json", "backup.json", "index.json",
}  # fmt: skip


@dataclass(frozen=True)
class FileName:
    """The name of a file from outside.

    Attributes:
        raw: its bytes, as its sender wrote them; for a file in an archive, with the folders before it.
        text: the decoded bytes: UTF-8, or GB 18030, or UTF-8 with `\\xNN` for each invalid byte.
    """

    raw: bytes
    text: str

    @classmethod
    def of(cls, path: Path) -> FileName:
        """The name of a file on the disk."""
        raw = os.fsencode(path.name)
        return cls(raw, _text(raw, ("utf-8", "gb18030")))

    @classmethod
    def in_zip(cls, raw: bytes) -> FileName:
        """A name in a zip without the UTF-8 flag: usually GB 18030, as Chinese Windows and WPS write it.

        Programs on other systems write UTF-8 without the flag. A valid UTF-8 name with a character of three bytes is
        read as UTF-8: a name in GB 18030 is almost never valid UTF-8 with such a character.
        """
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            return cls(raw, _text(raw, ("gb18030",)))
        if text.isascii() or max(text) > "\u07ff":
            return cls(raw, text)
        return cls(raw, _text(raw, ("gb18030", "utf-8")))

    def within(self, archive: FileName) -> FileName:
        """The name, preceded by the name of the archive."""
        return FileName(archive.raw + b"/" + self.raw, f"{archive.text}/{self.text}")

    @cached_property
    def shown(self) -> str:
        """The name for people, with the folders before it."""
        return shown(self.text)

    @cached_property
    def stored(self) -> str:
        """The name for the file system."""
        return stored(self._last)

    @property
    def original(self) -> str | None:
        """The original name, if the shown or stored name differs."""
        return None if self.text == self.shown and self._last == self.stored else self.text

    @property
    def original_bytes(self) -> str | None:
        """The bytes, percent-encoded as in a URI (RFC 3986), if they differ from the text in UTF-8."""
        return None if self.raw == self.text.encode() else quote_from_bytes(self.raw)

    def fits(self, pattern: str) -> bool:
        """Whether the name matches a pattern of a contract, in any Unicode normal form."""
        wanted = unicodedata.normalize("NFC", pattern)
        return any(
            fnmatchcase(unicodedata.normalize("NFC", name), wanted) for name in (self._last, self.stored)
        )

    @property
    def _last(self) -> str:
        return self.text.rpartition("/")[2]


def shown(text: str, keep: str = "") -> str:
    """A text with an escape such as `\\u202e` for each invisible character.

    Args:
        text: any text; visible characters stay.
        keep: invisible characters that are not escaped.
    """
    if is_plain(text):
        return text
    return "".join(_escaped(c) if is_hidden(c) and c not in keep else c for c in text)


def is_plain(text: str) -> bool:
    """Whether a text surely has no invisible character; a fast test for long texts."""
    return text.isprintable() and not _BLANKS.search(text)


def is_hidden(character: str) -> bool:
    """Whether a character is invisible or changes its neighbours."""
    category = unicodedata.category(character)
    if category in _HIDDEN_CATEGORIES or character in _BLANK:
        return True
    return category == "Zs" and character not in _SPACES


def shown_name(path: Path) -> str:
    """The name of a file for people."""
    return FileName.of(path).shown


def shown_path(path: Path) -> str:
    """A whole path for people."""
    return "/".join(FileName.of(Path(part)).shown for part in str(path).split("/"))


def path_as_text(path: Path) -> str:
    """A path as text that every database and log can store: itself, or a `file:` URI (RFC 8089) if it is not plain."""
    text = str(path)
    return text if shown(text) == text else path.absolute().as_uri()


def path_of_text(text: str) -> Path:
    """The path that `path_as_text` wrote."""
    if not text.startswith(_URI):
        return Path(text)
    return Path(os.fsdecode(unquote_to_bytes(text.removeprefix(_URI))))


def stored(text: str) -> str:
    """The name nearest to a text that every file system and reader accepts, at most 160 bytes long.

    It never begins with a dot or a dash, and is never a device of Windows or the name of a file of the platform.
    """
    name = unicodedata.normalize("NFC", text).rstrip(". \u3000")
    name = "".join("_" if is_hidden(c) else c for c in name)
    name = _FORBIDDEN.sub("_", name)
    if not name or name[0] in ".-~ " or _RESERVED.match(name) or _is_ours(name):
        name = f"_{name}"
    return _shortened(name, text)


def _is_ours(name: str) -> bool:
    folded = name.casefold()
    return folded in _OURS or folded.endswith(".receipt.json")


def _shortened(name: str, text: str) -> str:
    if len(name.encode()) <= LONGEST_NAME:
        return name
    suffix = Path(name).suffix
    if len(suffix.encode()) > _LONGEST_SUFFIX:
        suffix = ""
    # The hash keeps two long names with the same beginning distinct.
    mark = "~" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8] + suffix
    room = LONGEST_NAME - len(mark.encode())
    return name.removesuffix(suffix).encode()[:room].decode("utf-8", "ignore") + mark


def _text(raw: bytes, encodings: tuple[str, ...]) -> str:
    for encoding in encodings:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("utf-8", "backslashreplace")


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
