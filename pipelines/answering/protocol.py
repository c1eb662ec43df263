"""What goes between `zhenjie query` and the process that answers: one request, then frames of output and an outcome.

The frames are those of `warehouse.isolation.messages`. The last one has `rows`, or `refusal`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from warehouse.home.encryption import Keys

Form = Literal["table", "csv", "json"]

# Bytes of output in one frame.
PIECE = 1 << 18
# Bytes that a frame may have: a piece, or a message of the engine.
LARGEST = 1 << 20
# Seconds beyond its limit after which the kernel ends a query that does not hear an interruption.
GRACE = 1.0


@dataclass(frozen=True)
class Request:
    """A query and what it may use.

    Attributes:
        sql: what a person wrote.
        form: how the answer is written.
        home: the folder of the installation.
        keys: with which the published files may be encrypted.
        memory: bytes that the engine may take before it spills.
        threads: cores that the engine may use.
        seconds: after which the query is stopped, its output included.
        width: columns of the terminal; None for a file or a pipe.
        encoding: of the output, which says what lines of a table may be drawn with.
        scratch: the folder in which the query may spill.
    """

    sql: str
    form: Form
    home: Path
    keys: Keys
    memory: int
    threads: int
    seconds: int
    width: int | None
    encoding: str
    scratch: Path


@dataclass(frozen=True)
class Refusal:
    """Why there is no answer, or only a part.

    Attributes:
        said: a sentence in Chinese; below it, what the engine says.
        code: the exit code.
        word: what it is in the ledger.
    """

    said: str
    code: int
    word: Literal["refused", "failed", "stopped"]


class NoAnswer(Exception):
    """There is no answer, or only a part; holds the refusal."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.said)
        self.refusal = refusal
