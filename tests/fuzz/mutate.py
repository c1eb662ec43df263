"""Mutations of files that know what they break: text, zips and workbooks, DBF, SQLite, old workbooks.

`mutant(kind, content, number)` is a function of its arguments: the same number gives the same bytes.
"""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Callable, Sequence
from io import BytesIO
from random import Random

Mutation = Callable[[Random, bytes], bytes]

_NUMBERS = (0, 1, 2, 3, 127, 128, 255, 256, 65_535, 65_536, 2**31 - 1, 2**32 - 1)
_TEXTS = (
    ",", "\t", ";", "|", '"', '""', '"\n', "\n", "\r", "\r\n", "\0", "\x1e", "\x1f\x1f", "\ufeff", "合计", "注：",
    "=cmd|' /C calc'!A0", "𠮷", "\u3000",
)  # fmt: skip


def mutant(kind: str, content: bytes, number: int) -> bytes:
    """One mutant of a file: one to three mutations, of its own format and of bytes in general."""
    random = Random(f"{kind}-{number}")
    known = OF_FORMAT[kind]
    for _ in range(random.choice((1, 1, 2, 3))):
        mutation = random.choice(known if random.random() < 0.7 else BYTES)
        content = mutation(random, content)
    return content


def _piece(random: Random, content: bytes) -> slice:
    start = random.randrange(len(content) + 1)
    return slice(start, start + random.choice((1, 2, 4, 16, 100, 1000)))


def _flip(random: Random, content: bytes) -> bytes:
    data = bytearray(content)
    for _ in range(random.choice((1, 3, 10)) if data else 0):
        data[random.randrange(len(data))] = random.randrange(256)
    return bytes(data)


def _cut(random: Random, content: bytes) -> bytes:
    return content[: random.randrange(len(content) + 1)]


def _behead(random: Random, content: bytes) -> bytes:
    return content[random.randrange(len(content) + 1) :]


def _delete(random: Random, content: bytes) -> bytes:
    piece = _piece(random, content)
    return content[: piece.start] + content[piece.stop :]


def _double(random: Random, content: bytes) -> bytes:
    piece = _piece(random, content)
    return content[: piece.stop] + content[piece] + content[piece.stop :]


def _insert(random: Random, content: bytes) -> bytes:
    place = _piece(random, content).start
    return content[:place] + random.randbytes(random.choice((1, 3, 50))) + content[place:]


def _blank(random: Random, content: bytes) -> bytes:
    piece = _piece(random, content)
    return content[: piece.start] + bytes(len(content[piece])) + content[piece.stop :]


BYTES: Sequence[Mutation] = (_flip, _flip, _cut, _behead, _delete, _double, _insert, _blank)


# Text


def _type_in(random: Random, content: bytes) -> bytes:
    text = random.choice(_TEXTS).encode(random.choice(("utf-8", "gb18030")))
    place = _piece(random, content).start
    return content[:place] + text + content[place:]


def _long_line(random: Random, content: bytes) -> bytes:
    place = _piece(random, content).start
    return (
        content[:place]
        + random.choice((b"x", b",", b'"')) * random.choice((5_000, 200_000))
        + content[place:]
    )


def _other_delimiter(random: Random, content: bytes) -> bytes:
    return content.replace(b",", random.choice((b"\t", b";", b"|", b",,", b"\xef\xbc\x8c")))


def _other_ends(random: Random, content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n").replace(
        b"\n", random.choice((b"\r", b"\n", b"\r\n", b"\n\n", b"\n\r"))
    )


def _recoded(random: Random, content: bytes) -> bytes:
    """All of it, or what follows a place, in another encoding."""
    place = random.choice((0, random.randrange(len(content) + 1)))
    text = content[place:].decode("gb18030", "ignore")
    codec = random.choice(("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "big5"))
    return content[:place] + text.encode(codec, "ignore")


def _shuffled_lines(random: Random, content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    random.shuffle(lines)
    return b"".join(lines)


_TEXT: Sequence[Mutation] = (
    _type_in, _type_in, _type_in, _long_line, _other_delimiter, _other_ends, _recoded, _shuffled_lines,
)  # fmt: skip


# Zips, and the workbooks that are zips


def _repacked(random: Random, content: bytes, change: Mutation) -> bytes:
    """One member changed, in an archive that is sound."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            members = [(info, archive.read(info)) for info in archive.infolist()]
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError, OSError, zipfile.zlib.error):  # type: ignore[attr-defined]
        return _flip(random, content)
    if not members:
        return content
    chosen = random.randrange(len(members))
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for place, (info, data) in enumerate(members):
            archive.writestr(info.filename, change(random, data) if place == chosen else data)
    return packed.getvalue()


def _member_bytes(random: Random, content: bytes) -> bytes:
    return _repacked(random, content, random.choice(BYTES))


def _member_text(random: Random, content: bytes) -> bytes:
    return _repacked(random, content, random.choice(_TEXT))


def _member_xml(random: Random, content: bytes) -> bytes:
    return _repacked(random, content, random.choice(_XML))


def _without_member(random: Random, content: bytes) -> bytes:
    return _repacked(random, content, lambda _random, _data: b"")


def _nested(random: Random, content: bytes) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in random.choice(
            (["a.zip"], ["表.xlsx"], ["../表.csv"], ["a.csv", "a.csv"], ["con:/x.csv"])
        ):
            archive.writestr(name, content)
    return packed.getvalue()


def _directory(random: Random, content: bytes) -> bytes:
    """A number of the directory changed: flags, method, check sum, sizes, lengths, offset."""
    places = [found.start() for found in re.finditer(rb"PK\x01\x02|PK\x05\x06|PK\x03\x04", content)]
    if not places:
        return _flip(random, content)
    data = bytearray(content)
    place = random.choice(places) + random.choice((6, 8, 10, 12, 16, 20, 24, 28, 30, 32, 42))
    size = random.choice((1, 2, 4))
    data[place : place + size] = random.choice(_NUMBERS).to_bytes(4, "little")[:size]
    return bytes(data)


def _encrypted(_random: Random, content: bytes) -> bytes:
    data = bytearray(content)
    for found in re.finditer(rb"PK\x01\x02", content):
        data[found.start() + 8 : found.start() + 9] = bytes([data[found.start() + 8] | 1])
    return bytes(data)


def _tags(content: bytes) -> list[re.Match[bytes]]:
    return list(re.finditer(rb"<[^<>]*>", content))


def _without_tag(random: Random, content: bytes) -> bytes:
    tags = _tags(content)
    if not tags:
        return content
    tag = random.choice(tags)
    return content[: tag.start()] + content[tag.end() :]


def _doubled_tag(random: Random, content: bytes) -> bytes:
    tags = _tags(content)
    if not tags:
        return content
    tag, place = random.choice(tags), random.choice(tags).start()
    return content[:place] + tag[0] + content[place:]


def _other_number(random: Random, content: bytes) -> bytes:
    numbers = list(re.finditer(rb"[0-9]+", content))
    if not numbers:
        return content
    number = random.choice(numbers)
    text = str(random.choice((*_NUMBERS, -1, random.randrange(40)))).encode()
    return content[: number.start()] + text + content[number.end() :]


def _other_place(random: Random, content: bytes) -> bytes:
    cells = list(re.finditer(rb' r="([A-Z]+)?[0-9]+"', content))
    if not cells:
        return content
    cell = random.choice(cells)
    column = random.choice(("A", "B", "Z", "AZ", "XFD", "ZZZ", ""))
    row = random.choice((0, 1, 2, 7, 300, 1_048_576, 1_048_577, 2**32))
    return content[: cell.start()] + f' r="{column}{row}"'.encode() + content[cell.end() :]


def _other_type(random: Random, content: bytes) -> bytes:
    kinds = list(re.finditer(rb' (t|s|spans|ref|id|name)="[^"]*"', content))
    if not kinds:
        return content
    found = random.choice(kinds)
    value = random.choice(("s", "str", "inlineStr", "b", "e", "d", "n", "", "9999", "A1:XFD1048576", "&x;"))
    return content[: found.start()] + f' {found[1].decode()}="{value}"'.encode() + content[found.end() :]


def _entity(_random: Random, content: bytes) -> bytes:
    return content.replace(
        b"?>", b'?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>', 1
    ).replace(b"</t>", b"&b;</t>", 1)


_XML: Sequence[Mutation] = (
    _without_tag, _without_tag, _doubled_tag, _other_number, _other_number, _other_place, _other_place, _other_type,
    _entity,
)  # fmt: skip
_CONTAINER: Sequence[Mutation] = (_directory, _directory, _encrypted, _nested, _without_member, _member_bytes)


# Binary tables


def _numbers_at(*places: tuple[int, int]) -> Mutation:
    """A number at one of the places (offset, size) changed."""

    def change(random: Random, content: bytes) -> bytes:
        place, size = random.choice(places)
        data = bytearray(content)
        number = random.choice((*_NUMBERS, random.randrange(2**16)))
        data[place : place + size] = number.to_bytes(8, "little")[:size]
        return bytes(data)

    return change


def _dbf_field(random: Random, content: bytes) -> bytes:
    """A letter, length or flag of a field's description changed."""
    head = int.from_bytes(content[8:10], "little")
    fields = max((min(head, len(content)) - 33) // 32, 1)
    data = bytearray(content)
    start, place = 32 + 32 * random.randrange(fields), random.choice((0, 11, 16, 17, 18))
    value = random.choice(b"CNFDLMGIBYT@+OPW") if place == 11 else random.choice((0, 1, 4, 13, 200, 255))
    data[start + place : start + place + 1] = bytes([value])
    return bytes(data)


def _page(random: Random, content: bytes) -> bytes:
    """The head of a page of a database, or a pointer in it, changed; or a page in the place of another."""
    size = 4096
    pages = max(len(content) // size, 1)
    page = size * random.randrange(pages)
    if random.random() < 0.2:
        other = size * random.randrange(pages)
        return content[:page] + content[other : other + size] + content[page + size :]
    data = bytearray(content)
    place = page + (100 if page == 0 else 0) + random.choice((0, 1, 3, 5, 7, 8, 10, 12, 14))
    data[place : place + 2] = struct.pack(">H", random.choice(_NUMBERS) & 0xFFFF)
    return bytes(data)


def _record(random: Random, content: bytes) -> bytes:
    """A record of an old workbook changed: its kind, its length, the row and column of its cell."""
    kinds = rb"\xfd\x00\x0a\x00|\x00\x02\x0e\x00|\xfc\x00|\x03\x02\x0e\x00|\x85\x00|\x09\x08\x10\x00|\x08\x02\x10\x00"
    places = [found.start() for found in re.finditer(kinds, content)]
    if not places:
        return _flip(random, content)
    data = bytearray(content)
    place = random.choice(places) + random.choice((0, 2, 4, 4, 5, 6, 6, 7, 8, 10, 12))
    data[place : place + 2] = struct.pack("<H", random.choice((*_NUMBERS, random.randrange(2**16))) & 0xFFFF)
    return bytes(data)


def _far_record(random: Random, content: bytes) -> bytes:
    """A cell of an old workbook in the last corner."""
    places = [found.start() for found in re.finditer(rb"\xfd\x00\x0a\x00", content)]
    if not places:
        return content
    place = random.choice(places) + 4
    return content[:place] + b"\xff\xff\xff\xff" + content[place + 4 :]


_DBF: Sequence[Mutation] = (
    _numbers_at((0, 1), (4, 4), (8, 2), (10, 2), (29, 1)),
    _dbf_field,
    _dbf_field,
    _type_in,
)
_SQLITE: Sequence[Mutation] = (
    _numbers_at((16, 2), (18, 2), (20, 4), (28, 4), (32, 8), (44, 4), (56, 4)),
    _page,
    _page,
)
_XLS: Sequence[Mutation] = (
    _numbers_at((24, 2), (26, 2), (30, 2), (32, 2), (44, 4), (48, 4), (56, 4), (60, 4), (68, 4), (76, 4)),
    _record, _record, _record, _far_record,
)  # fmt: skip

OF_FORMAT: dict[str, Sequence[Mutation]] = {
    "csv": _TEXT,
    "zip": (*_CONTAINER, _member_text, _member_text),
    "xlsx": (*_CONTAINER, _member_xml, _member_xml, _member_xml, _member_xml, _member_xml, _member_xml),
    "reply": (*_CONTAINER, _member_xml, _member_xml, _member_xml, _member_xml, _member_xml, _member_xml),
    "xls": _XLS,
    "dbf": _DBF,
    "sqlite": _SQLITE,
}
