"""`zhenjie contract new | lint | show | functions`: contracts from the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.options import platform_of, problems_said, settings_of
from pipelines.declarations import problems
from pipelines.platform import code_library
from pipelines.settings import SettingsError
from pipelines.terminal import console
from quality.rules.portable import not_portable
from schemas.codes import CodeTableError
from schemas.contract.library import load_library
from schemas.contract.model import Contract
from schemas.contract.odcs import ContractError
from schemas.contract.selection import resting
from schemas.emit.arrow import arrow_schema
from schemas.emit.authority import authority_comments
from schemas.emit.dictionary import dictionary_page
from schemas.emit.headers import headers
from schemas.emit.sql import create_table
from schemas.expressions.functions import load_functions
from warehouse.collect.infer.draft import draft_contract
from warehouse.collect.readers.layout import UnreadableFile
from warehouse.isolation.reading import get_ready

contract = typer.Typer(
    help="合同（数据标准）：新建、检查、查看。", no_args_is_help=True, add_completion=False
)


def _pandera(contract: Contract) -> str:
    # A lazy import: pandera imports pandas, which takes seconds, and no other command needs it.
    from schemas.emit.pandera import pandera_schema

    return str(pandera_schema(contract).to_json(indent=1))


YAML = "yaml"
"""The form of `contract show` that prints the contract's file, then the authority of each attribute as comments."""

FORMS: Mapping[str, Callable[[Contract], str]] = {
    "sql": create_table,
    "arrow": lambda contract: str(arrow_schema(contract)),
    "pandera": _pandera,
    "headers": lambda contract: ",".join(headers(contract)) + "\n",
    "dictionary": lambda contract: dictionary_page([contract]),
}


@contract.command()
def new(
    file: Annotated[Path, typer.Argument(help="部门交付的样例文件", exists=True, dir_okay=False)],
    id_: Annotated[str, typer.Option("--id", help="数据集，如 transport.station")] = "department.dataset",
    table: Annotated[str | None, typer.Option(help="数据库中的表，或工作簿中的工作表")] = None,
) -> None:
    """由样例文件起草合同，打印到标准输出。 Infer a contract from a sample file."""
    get_ready()
    try:
        typer.echo(draft_contract(file, id_, table), nl=False)
    except UnreadableFile as error:
        raise console.usage(str(error)) from None


@contract.command()
def lint(context: typer.Context) -> None:
    """检查全部合同：文件、行号、问题、怎么改。 Check every contract."""
    settings = settings_of(context)
    try:
        library = load_library(settings.contracts)
        codes = code_library(settings)
        found = [str(problem) for problem in problems(settings)]
    except (ContractError, CodeTableError, SettingsError) as error:
        raise console.usage(str(error)) from None
    # Statements can only be built from contracts without problems.
    found = found or list(not_portable(library, codes))
    for problem in found:
        console.result(problem)
    if found:
        raise console.usage(problems_said(len(found)))
    for rests in resting(library, settings.datasets):
        console.progress(f"{rests.contract}：{rests.what} 不生效：ZHENJIE_DATASETS 没有启用 {rests.dataset}")
    console.progress(f"{len(library.contracts)} 个合同，没有问题")


@contract.command()
def show(
    context: typer.Context,
    dataset: Annotated[str, typer.Argument(help="数据集")],
    form: Annotated[str, typer.Option("--as", help=" | ".join((YAML, *FORMS)))] = YAML,
) -> None:
    """打印一个合同，或由它生成的形式。 Print a contract or what follows from it."""
    library = platform_of(context).library
    if dataset not in library:
        raise console.usage(f"没有数据集 {dataset}；已有：{'、'.join(c.id for c in library)}")
    found = library[dataset]
    if form == YAML:
        lines = [found.path.read_text(encoding="utf-8").rstrip("\n"), *authority_comments(library, found)]
        typer.echo("\n".join(lines))
        return
    if form not in FORMS:
        raise console.usage(f"--as {form}：可用 {'、'.join((YAML, *FORMS))}")
    typer.echo(FORMS[form](found), nl=False)


@contract.command()
def functions() -> None:
    """列出规则中可用的函数。 The function library that rules may use."""
    console.table(
        ["函数", "说明"], [(function.signature, function.title) for function in load_functions().values()]
    )
