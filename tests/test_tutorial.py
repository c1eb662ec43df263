"""The tutorial, word for word: its files are written, its commands run in one shell, its output compared.

Of output that the page shows, a line `…` stands for any number of lines, and `…` within a line for any text.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Printed after each command: nothing else prints it.
END = "\x1e"


@dataclass(frozen=True)
class Command:
    """One command of a console block and the output shown below it."""

    text: str
    shown: tuple[str, ...]


def commands(block: str) -> Iterator[Command]:
    """The commands of a console block; lines that begin with `> ` continue one."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        more = [line[2:] for line in lines[1:] if line.startswith("> ")]
        shown = tuple(line for line in lines[1:] if not line.startswith("> "))
        yield Command("\n".join([lines[0], *more]), shown)


def expected(shown: tuple[str, ...]) -> str:
    """The regular expression of the output that a page shows."""
    parts = (
        r"(?:.*\n)*" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + r"\n" for line in shown
    )
    return "".join(parts)


class Shell:
    """A shell that stays open between the blocks of the page."""

    def __init__(self, folder: Path) -> None:
        kept = {name: os.environ[name] for name in ("HOME", "LD_LIBRARY_PATH") if name in os.environ}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self.process = subprocess.Popen(
            ["bash"],
            cwd=folder,
            env={**kept, "PATH": path, "LC_ALL": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )

    def run(self, command: str) -> str:
        """Run a command; its output, standard error included, without blanks at the line ends."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{command}\nprintf '{END}\\n'\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line.endswith(f"{END}\n"):
                return "".join([*lines, line.removesuffix(f"{END}\n")])
            lines.append(line.lstrip("\ufeff").rstrip() + "\n")
        raise AssertionError(f"the shell ended in: {command}")

    def close(self) -> None:
        """End the shell."""
        self.process.communicate()


def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    page = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    shutil.copyfile(DOCS / "tutorial" / "bus.sql", tmp_path / "bus.sql")
    shell = Shell(tmp_path)
    try:
        for kind, title, text in BLOCK.findall(page):
            if title:
                (tmp_path / title).write_text(text, encoding="utf-8")
                continue
            assert kind == "console"
            for command in commands(text):
                output = shell.run(command.text)
                assert re.fullmatch(expected(command.shown), output), (
                    f"$ {command.text}\n{output}\n--- the page says ---\n" + "\n".join(command.shown)
                )
    finally:
        shell.close()
