"""Names of files that come from outside: `shown` makes one safe to read, `stored` makes one safe to keep.

A name is bytes that its sender chose. It may be no UTF-8 (GBK by FTP), drive a terminal (ESC), hide its ending
(U+202E), or be the name of a file of ours. Every message shows `FileName.shown`, every copy is stored under
`FileName.stored`, and patterns of contracts are matched by `FileName.fits`.
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

# Bytes of UTF-8 of a stored name. A file system takes 255; drafts and receipts beside a file put more around it.
LONGEST_NAME = 160
_LONGEST_SUFFIX = 20

# Characters that a reader does not see, or that act on what is beside them: control characters (Cc), formats such as
# bidi overrides and zero-width ones (Cf), halves of a character (Cs), line and paragraph separators (Zl, Zp).
_HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Blank too, of other categories: Hangul fillers and the grapheme joiner.
_BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"
_BLANKS = re.compile(f"[{_BLANK}]")
# Spaces that look like one of the two a Chinese text is written with, and are another.
_SPACES = "\u0020\u3000"

_URI = "file://"

# What Windows takes for no name, and what a reader takes for a pattern.
_FORBIDDEN = re.compile(r'[/\\:*?"<>|\[\]{}]')
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)", re.IGNORECASE)
# Files that the platform puts beside a delivered file, or at the top of an archive of its own.
_OURS = {
    "receipt.json", "refusal.json", "confirmation.json", "reading.json", "manifest.json", "backup.json", "index.json",
}  # fmt: skip


@dataclass(frozen=True)
class FileName:
    """The name of a file from outside.

    Attributes:
        raw: its bytes, as its sender wrote them; of a file in an archive with the folders before it.
        text: what they read as: UTF-8, or GB 18030, or UTF-8 with `\\xNN` for each byte that is none.
    """

    raw: bytes
    text: str

    @classmethod
    def of(cls, path: Path) -> FileName:
        """The name of a file where it lies."""
        raw = os.fsencode(path.name)
        return cls(raw, _text(raw, ("utf-8", "gb18030")))

    @classmethod
    def in_zip(cls, raw: bytes) -> FileName:
        """A name in a zip that has no mark of UTF-8: chiefly GB 18030, as Chinese Windows and WPS write it.

        Programs on other systems write UTF-8 without the mark. A name is taken for it when it has a character of
        three bytes: a name in GB 18030 is hardly ever valid UTF-8 then.
        """
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            return cls(raw, _text(raw, ("gb18030",)))
        if text.isascii() or max(text) > "\u07ff":
            return cls(raw, text)
        return cls(raw, _text(raw, ("gb18030", "utf-8")))

    def within(self, archive: FileName) -> FileName:
        """The name with the name of the archive before it."""
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
        """The name as it came, if it is shown or stored otherwise."""
        return None if self.text == self.shown and self._last == self.stored else self.text

    @property
    def original_bytes(self) -> str | None:
        """The bytes, percent-encoded as in a URI (RFC 3986), if the text in UTF-8 is other bytes."""
        return None if self.raw == self.text.encode() else quote_from_bytes(self.raw)

    def fits(self, pattern: str) -> bool:
        """Whether the name is one that a pattern of a contract means, in whichever normal form it came."""
        wanted = unicodedata.normalize("NFC", pattern)
        return any(
            fnmatchcase(unicodedata.normalize("NFC", name), wanted) for name in (self._last, self.stored)
        )

    @property
    def _last(self) -> str:
        return self.text.rpartition("/")[2]


def shown(text: str, keep: str = "") -> str:
    """A text with an escape such as `\\u202e` for each character that is hidden or acts on its surroundings.

    Args:
        text: any text; what is shown stays as it is.
        keep: characters that are not escaped all the same.
    """
    if is_plain(text):
        return text
    return "".join(_escaped(c) if is_hidden(c) and c not in keep else c for c in text)


def is_plain(text: str) -> bool:
    """Whether a text surely has no hidden character; quick, for what is long."""
    return text.isprintable() and not _BLANKS.search(text)


def is_hidden(character: str) -> bool:
    """Whether a character is not seen as itself where it is shown."""
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
    """A path as text that any database and log takes: itself, or a `file:` URI (RFC 8089) if it is not that plain."""
    text = str(path)
    return text if shown(text) == text else path.absolute().as_uri()


def path_of_text(text: str) -> Path:
    """The path that `path_as_text` wrote."""
    if not text.startswith(_URI):
        return Path(text)
    return Path(os.fsdecode(unquote_to_bytes(text.removeprefix(_URI))))


def stored(text: str) -> str:
    """A name as near to a text as every file system and every reader of ours takes it, at most 160 bytes long.

    It never begins with a dot or a dash, is none of Windows' devices, and no name of a file of ours.
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
    # Two long names with one beginning stay two.
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
