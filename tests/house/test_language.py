"""Plain English in comments, docstrings and docs: habits that make a sentence hard to read are refused.

A sentence that has to be read twice is rewritten: name the thing, put the verb first, write one clause a sentence.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Habit → what to write in its place.
HABITS = {
    r"\btold\b": "name who reports, marks or lists what; 'told apart' is 'distinguished'",
    r"\btells? of\b": "'describes', 'lists'",
    r"\botherwise than\b": "'differs from', 'other than'",
    r"\bof which\b": "a second sentence, or 'whose'",
    r"(?<!there )\b(?:is|are|be) none\b": "say what is missing, or what it is not",
    r"\bbe (?:they|it|that)\b": "'whether ... or ...'",
    r"\ball the same\b": "'nevertheless', or leave it out",
    r"\bits? is said\b": "name who says it, or where it is written",
    r"\b(?:what|who|which) is no\b": "say what it is",
    r"\bfor good\b": "'permanently'",
    r"\bas if with\b": "say what happens",
    r"\bhave (?:it|them|a \w+) \w+ed\b": "name who does it",
    r"\bsave that\b": "'except that'",
    r"\bnor is\b": "two sentences",
}
_HABITS = {re.compile(habit, re.IGNORECASE): remedy for habit, remedy in HABITS.items()}

_SQL_COMMENT = re.compile(r"--\s(.*)$")
_YAML_COMMENT = re.compile(r"(?:^|\s)#\s(.*)$")
# The changelog and decisions are records of their day. Tests are not held yet.
_SKIPPED = ("CHANGELOG.md", "docs/decisions/", "tests/")


def _tracked(*patterns: str) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", *patterns], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    return [path for path in listed.split("\0") if path and not path.startswith(_SKIPPED)]


def _python_prose(text: str) -> Iterator[tuple[int, str]]:
    """Comments and docstrings, line by line."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(text)):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else ():
            value = getattr(statement, "value", None)
            if (
                isinstance(statement, ast.Expr)
                and isinstance(value, ast.Constant)
                and isinstance(value.value, str)
            ):
                for number, line in enumerate(value.value.split("\n")):
                    yield statement.lineno + number, line


def _prose(path: str) -> Iterator[tuple[int, str]]:
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.endswith(".py"):
        yield from _python_prose(text)
        return
    comment = {".sql": _SQL_COMMENT, ".yaml": _YAML_COMMENT, ".toml": _YAML_COMMENT}.get(Path(path).suffix)
    is_code = False
    for number, line in enumerate(text.split("\n"), 1):
        if comment is None:
            fence = line.startswith("```")
            is_code = is_code != fence
            if not is_code and not fence:
                yield number, line
        elif found := comment.search(line):
            yield number, found[1]


def _faults(prose: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str, str]]:
    for number, line in prose:
        for habit, remedy in _HABITS.items():
            if found := habit.search(line):
                yield number, found[0], remedy


def test_prose_is_plain() -> None:
    """No comment, docstring or page of the product has one of the habits."""
    faults = [
        f"{path}:{number}: '{words}': write {remedy}"
        for path in _tracked("*.py", "*.md", "*.sql", "*.yaml", "*.toml")
        for number, words, remedy in _faults(_prose(path))
    ]
    assert not faults, "\n" + "\n".join(faults)


@pytest.mark.parametrize(
    "source",
    [
        "# Rows that are told apart.\n",
        '"""A file of which nothing is read."""\n',
        "def f():\n    '''Is none.'''\n",
    ],
)
def test_a_habit_is_found_in_comments_and_docstrings(source: str) -> None:
    """Each place where prose stands is looked at."""
    assert list(_faults(_python_prose(source)))


def test_text_for_people_is_no_prose_of_ours() -> None:
    """Strings of the program are not comments."""
    assert not list(_faults(_python_prose("said = 'told'\n")))
