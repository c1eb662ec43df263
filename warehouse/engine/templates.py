"""SQL of more than a few lines: files in the `sql` folder of a package, with places for what varies.

Here only how they are found. What stands in for a place is said by the module that runs the statement.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def template(package: str, name: str) -> str:
    """The text of `<package>/sql/<name>.sql`, to be filled with `str.format`: braces of SQL itself are doubled."""
    return (files(package) / "sql" / f"{name}.sql").read_text(encoding="utf-8")
