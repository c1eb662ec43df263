"""A process of the command line: its streams and rights at the start, and its end in every case.

It never ends with a traceback. A known failure ends with a sentence. An unknown one ends with its place in the code,
without the error's own text, which may quote a resident's data.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

import duckdb
from sqlalchemy.exc import SQLAlchemyError

from pipelines.settings import utf8_environment
from pipelines.terminal import console
from pipelines.terminal.codes import STOPPED, UNREAD
from pipelines.terminal.failures import database_failure, os_failure
from returns.ledger.chain import LedgerError
from warehouse.home.encryption import WrongKey
from warehouse.home.names import shown_path

# DuckDB's message for a statement that Ctrl-C interrupted.
_INTERRUPTED = "Query interrupted"


def begin() -> None:
    """Prepare the process: it can write any text, open a file of any name, and fails with a sentence."""
    if sys.getfilesystemencoding().lower() != "utf-8":
        # In an old locale (GBK, or C without coercion) the platform's Chinese file names could not be written.
        again = [sys.executable, "-X", "utf8", *sys.orig_argv[1:]]
        os.execve(sys.executable, again, utf8_environment(sys.stdout.encoding if sys.stdout else "utf-8"))
    sys.excepthook = _unexpected
    _open_streams()


def _open_streams() -> None:
    """Open the streams that the caller closed. All streams escape characters that their encoding lacks."""
    # Else the next opened file would get the number of a stream, and output would be written into it.
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(handle)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115  # to the end
        getattr(sys, name).reconfigure(errors="backslashreplace")


def run_to_end(command: Callable[[], object]) -> int:
    """Run a command. If it fails, print a sentence about the cause.

    Args:
        command: a command of Typer's, which ends with `SystemExit`.

    Returns:
        The exit code.
    """
    stdout = sys.stdout
    if (argument := _no_text(sys.argv[1:])) is not None:
        console.progress(f"参数“{argument}”不是 UTF-8 编码的文字，也不是已有的文件。请改正后再试")
        return console.USAGE
    try:
        command()
        code = console.DONE
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else console.FAILED if ended.code else console.DONE
        if sys.stdout is not stdout:
            # Typer replaces a stream whose reader is gone by a silent one.
            return UNREAD
        if code == STOPPED:
            console.progress("已中止")
    except KeyboardInterrupt:
        console.progress("已中止")
        return STOPPED
    except RuntimeError as error:
        if str(error) != _INTERRUPTED:
            raise
        console.progress("已中止")
        return STOPPED
    except WrongKey as error:
        console.progress(str(error))
        code = console.USAGE
    except UnicodeEncodeError as error:
        if not _has_halves(error.object):
            raise
        console.progress("环境变量或路径中有不是 UTF-8 编码的文字。请改正后再试")
        code = console.USAGE
    except OSError as error:
        code = _failed(os_failure(error), error.filename)
    except MemoryError:
        code = _failed("内存不足。请关闭其他程序，或调小 ZHENJIE_MEMORY，再运行一次")
    except LedgerError as error:
        code = _failed(str(error))
    except (SQLAlchemyError, duckdb.Error) as error:
        code = _failed(database_failure(error))
    return _written_out(code)


def _no_text(arguments: Sequence[str]) -> str | None:
    """The first argument with bytes that are not UTF-8, unless it names an existing file."""
    return next((text for text in arguments if _has_halves(text) and not os.path.lexists(text)), None)


def _has_halves(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _failed(sentence: str, place: object = None) -> int:
    console.progress(f"失败：{sentence}")
    if isinstance(place, (str, bytes)) and place:
        console.progress(f"位置：{shown_path(Path(os.fsdecode(place)))}")
    return console.FAILED


def _written_out(code: int) -> int:
    """Flush the standard output. Returns the exit code, a different one if that fails."""
    try:
        sys.stdout.flush()
    except OSError as error:
        # Else Python tries again at its end, and prints an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if error.errno == errno.EPIPE:
            return UNREAD
        return _failed(f"结果没有全部输出：{os_failure(error)}")
    return code


def _unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print where an unforeseen error was raised, without its text: it may quote a resident's data.

    Raises:
        SystemExit: always, with the code for a failure.
    """
    if issubclass(kind, KeyboardInterrupt):
        console.progress("已中止")
        raise SystemExit(STOPPED)
    console.progress(f"失败：程序出错（{kind.__name__}）。请把下面的位置和所用的命令一起报给维护人员：")
    for frame in traceback.extract_tb(trace):
        console.progress(f"  {frame.filename}:{frame.lineno}  {frame.name}")
    raise SystemExit(console.FAILED)
