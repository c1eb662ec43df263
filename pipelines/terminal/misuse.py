"""Wrong calls of the command line: a Chinese sentence before typer's English one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from typer.exceptions import TyperException

# The sentence for each class of typer's errors. `{name}` is the option or argument.
_SENTENCES = {
    "MissingParameter": "缺少{name}",
    "NoSuchOption": "没有选项 {name}",
    "BadOptionUsage": "选项 {name} 用得不对",
    "BadArgumentUsage": "参数用得不对",
    "BadParameter": "{name} 的值不对",
    "UsageError": "命令写得不对",
}


@contextmanager
def in_chinese() -> Iterator[None]:
    """Inside the block, errors of wrong calls begin with a Chinese sentence and a hint at the help."""
    try:
        yield
    except TyperException as error:
        _prefix(error)
        raise


def _prefix(error: Any) -> None:
    sentence = _SENTENCES.get(type(error).__name__)
    # An error passes twice through nested groups.
    if sentence is None or "format_message" in vars(error):
        return
    context = error.ctx.command_path if error.ctx is not None else "zhenjie"
    told = f"{sentence.format(name=_name(error))}。用法见 {context} --help\n{error.format_message()}"
    error.format_message = lambda: told


def _name(error: Any) -> str:
    option, parameter = getattr(error, "option_name", None), getattr(error, "param", None)
    if option:
        return str(option)
    if parameter is None:
        return "参数"
    return f"选项 {parameter.opts[0]}" if parameter.opts[0].startswith("-") else f"参数 {parameter.name}"
