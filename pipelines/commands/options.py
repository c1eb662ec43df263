"""Options that several commands share, and the settings that the root command gives them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime
from typing import Annotated

import typer

from assets.platform import CHINA, FIRST_BATCH, LAST_BATCH, Platform
from pipelines.declarations import declared_fingerprint, problems
from pipelines.platform import build_platform
from pipelines.settings import Settings, SettingsError
from pipelines.terminal import console
from schemas.codes import CodeTableError
from schemas.contract.odcs import ContractError
from warehouse.home.encryption import WrongKey
from warehouse.home.folders import Home
from warehouse.home.lock import HomeInUse, exclusive

BatchOption = Annotated[str | None, typer.Option("--batch", metavar="YYYY-MM-DD", help="批次（业务日期）")]
JsonOption = Annotated[bool, typer.Option("--json", help="输出 JSON，供程序读取")]


def today() -> date:
    """The business date."""
    return datetime.now(CHINA).date()


def batch_date(text: str | None, option: str = "--batch") -> date | None:
    """The batch that an option names.

    Raises:
        typer.Exit: it is not a date, or not a date of a batch. The reason is on stderr.
    """
    if text is None:
        return None
    try:
        batch = date.fromisoformat(text)
    except ValueError:
        batch = None
    # "20260302" is an ISO 8601 date too, but a batch has one spelling.
    if batch is None or batch.isoformat() != text:
        raise console.usage(f"{option} {text}：请写成 2026-03-02 这样的日期")
    return checked_batch(batch, option)


def checked_batch(batch: date, option: str = "--batch") -> date:
    """The batch itself, if a batch may have that day.

    Raises:
        typer.Exit: the day is outside the years of the platform. The reason is on stderr.
    """
    if not FIRST_BATCH <= batch <= LAST_BATCH:
        raise console.usage(
            f"{option} {batch}：批次只能在 {FIRST_BATCH} 至 {LAST_BATCH} 之间，请检查年份是否写错"
        )
    return batch


def settings_of(context: typer.Context) -> Settings:
    """The settings that the root command read."""
    settings: Settings = context.obj
    return settings


@contextmanager
def alone(home: Home, what: str, *, wait: bool = False) -> Iterator[None]:
    """Hold the installation's lock, or name its holder.

    Raises:
        typer.Exit: another process holds it, and `wait` is false.
    """
    try:
        with exclusive(home, what, wait=wait):
            yield
    except HomeInUse as error:
        raise console.failed(str(error)) from None


def platform_of(context: typer.Context) -> Platform:
    """The installation, for a command that only reads.

    Raises:
        typer.Exit: contracts or code tables cannot be read, or the settings name something that does not exist, or
            lack the key of the lake.
    """
    try:
        return build_platform(settings_of(context))
    except (ContractError, CodeTableError, SettingsError, WrongKey) as error:
        raise console.usage(str(error)) from None


def problems_said(count: int) -> str:
    """The last line of every command, with exit 2, if contracts have problems. The problems stand above it."""
    return f"合同有 {count} 处问题，请先按上面的提示改正"


def linted_platform_of(context: typer.Context) -> Platform:
    """The installation, after a check of its contracts.

    Contracts that were found clean are checked again only when they, or the programs that check them, have changed.

    Raises:
        typer.Exit: as with `platform_of`, or contracts have problems. Each is reported with file and line.
    """
    platform = platform_of(context)
    settings, clean = settings_of(context), platform.home.clean_contracts
    now = declared_fingerprint(settings)
    if clean.is_file() and clean.read_text(encoding="ascii", errors="replace") == now:
        return platform
    # All contracts are checked as written: a choice of datasets leaves parts of them out.
    found = problems(settings)
    if found:
        for problem in found:
            console.progress(str(problem))
        raise console.usage(problems_said(len(found)))
    # An error here may be ignored: without the whole file, the next command checks the contracts again.
    with suppress(OSError):
        clean.write_text(now, encoding="ascii")
    return platform
