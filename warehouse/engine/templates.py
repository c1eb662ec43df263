"""SQL templates: files in the `sql` folder of a package, with placeholders.

This module only finds them. The module that runs the statement fills the placeholders.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def template(package: str, name: str) -> str:
    """The text of `<package>/sql/<name>.sql`, for `str.format`: braces that belong to the SQL are doubled."""
    return (files(package) / "sql" / f"{name}.sql").read_text(encoding="utf-8")
