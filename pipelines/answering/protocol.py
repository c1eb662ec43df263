"""The messages between `zhenjie query` and the answering process: one request, frames of output, one outcome.

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
# The largest frame in bytes: a piece of output, or a message of the engine.
LARGEST = 1 << 20
# Seconds beyond the limit after which the kernel ends a query that ignores the interruption.
GRACE = 1.0


@dataclass(frozen=True)
class Request:
    """A query and what it may use.

    Attributes:
        sql: the statement that a person wrote.
        form: the form of the answer.
        home: the folder of the installation.
        keys: the keys that the published files may be encrypted with.
        memory: bytes that the engine may take before it spills.
        threads: cores that the engine may use.
        seconds: the time limit of the query, its output included.
        width: columns of the terminal; None for a file or a pipe.
        encoding: the encoding of the output. It decides which characters draw the lines of a table.
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
    """The reason why a query has no answer, or only a part of it.

    Attributes:
        said: a sentence in Chinese, then the engine's own message.
        code: the exit code.
        word: the word for it in the ledger.
    """

    said: str
    code: int
    word: Literal["refused", "failed", "stopped"]


class NoAnswer(Exception):
    """A query has no answer, or only a part of it. Holds the refusal."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.said)
        self.refusal = refusal
