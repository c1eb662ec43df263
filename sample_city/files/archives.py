"""Zip archives as Chinese Windows makes them: member names in GBK, without the flag that says UTF-8.

What the members hold belongs to files; the same members give the same bytes.
"""

import zipfile
from typing import Final

OPENED: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest time that an archive can hold: nothing in it tells when it was written."""


class GbkEntry(zipfile.ZipInfo):
    """A member whose name is encoded in GBK. ``zipfile`` itself writes only ASCII and UTF-8."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802
        return self.filename.encode("gbk"), self.flag_bits


def entry(name: str, gbk: bool = False) -> zipfile.ZipInfo:
    """A member to be compressed, with fixed time and rights."""
    member = (GbkEntry if gbk else zipfile.ZipInfo)(name, OPENED)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = 0o644 << 16
    member.create_system = 0 if gbk else 3
    return member
