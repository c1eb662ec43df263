"""The code tables of the data standard as the sample city needs them: labels and codes.

The only module here that knows where the standard keeps them.
"""

from functools import cache

from schemas.codes import load_code_table


@cache
def divisions() -> dict[str, str]:
    """Label of every division in use, by code: 6 digits a county, 9 a township, 12 a village."""
    return dict(load_code_table("division").current.select("code", "label").iter_rows())


@cache
def code_by_label(table: str) -> dict[str, str]:
    """The code that each label or other spelling stands for."""
    return dict(load_code_table(table).spellings)


@cache
def label_by_code(table: str) -> dict[str, str]:
    """The standard's label of every code in use."""
    return dict(load_code_table(table).current.select("code", "label").iter_rows())
