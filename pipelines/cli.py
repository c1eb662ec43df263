"""The command line `zhenjie`: each verb is a command in `pipelines.commands`.

Exit codes: 0 done; 1 done with something set aside or refused; 2 a wrong call; 3 a run failed; 130 stopped by Ctrl-C;
141 the reader of the output went away.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from pipelines.settings import SettingsError, read_settings
from pipelines.terminal import console
from pipelines.terminal.misuse import in_chinese
from pipelines.terminal.process import begin, run_to_end
from warehouse.home.modes import keep_private

# Verb → the module in `pipelines.commands` with the command, or the group of commands, of that name.
VERBS: Mapping[str, str] = {
    "demo": "city", "sample": "city", "deliver": "loop", "run": "loop", "status": "status", "query": "query",
    "reply": "loop", "dev": "dev", "doctor": "operations", "backup": "operations", "restore": "operations",
    "rekey": "operations", "contract": "contract",
}  # fmt: skip

# The number of new objects after which Python collects garbage. Nearly all objects of a command (imports, syntax
# trees) live to its end: with Python's own number, collecting takes a twentieth of the time.
_GARBAGE = 50_000


class Verbs(TyperGroup):
    """The verbs, each imported when it is called: to import all of them takes twice as long as any one."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The verbs in the order of the help."""
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command behind a verb. For an unknown word, typer guesses the meant one of `commands`."""
        for verb in [cmd_name] if cmd_name in VERBS else VERBS:
            if verb not in self.commands:
                self.add_command(_command(verb), verb)
        return self.commands.get(cmd_name)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the options before the verb. A wrong option gets a Chinese message."""
        with in_chinese():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Parse the verb and its options. A wrong option gets a Chinese message."""
        with in_chinese():
            return super().invoke(ctx)


def _command(verb: str) -> Any:
    found = getattr(import_module(f"pipelines.commands.{VERBS[verb]}"), verb)
    if not isinstance(found, typer.Typer):
        alone = typer.Typer(add_completion=False)
        alone.command(verb)(found)
        found = alone
    command = typer.main.get_command(found)
    command.name = verb
    return command


app = typer.Typer(
    name="zhenjie",
    cls=Verbs,
    help="镇街综合数据平台：采集—校核—返还—更正。 The township data platform.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def root(
    context: typer.Context,
    home: Annotated[
        Path | None, typer.Option("--home", help="安装目录（默认 ZHENJIE_HOME 或 .zhenjie）", file_okay=False)
    ] = None,
) -> None:
    """镇街综合数据平台：采集—校核—返还—更正。 The township data platform."""
    # The sample city is public and is written to be handed around, so its files follow the umask.
    if context.invoked_subcommand != "sample":
        keep_private()
    try:
        context.obj = read_settings(home=home)
    except SettingsError as error:
        raise console.usage(str(error)) from None


def main() -> None:
    """The entry point of the `zhenjie` command."""
    gc.set_threshold(_GARBAGE)
    begin()
    try:
        # Not `app()`: it replaces our hook for errors by Typer's, which prints tracebacks.
        sys.exit(run_to_end(typer.main.get_command(app)))
    finally:
        # Else Python collects garbage once more before it ends, which takes a second after a turn.
        gc.freeze()


if __name__ == "__main__":
    main()
