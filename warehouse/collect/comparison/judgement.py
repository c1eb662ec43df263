"""The judgement of a whole file: compare its measures with the limits, the delivery in force and the history.

Example: the register had 2,990 rows and has 1,794 now. It lost 40 %, and 2 % are allowed. The file does not come into
force, even if each of its rows is correct.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import sqrt

from schemas.contract.model import Column, Contract
from warehouse.collect.comparison.checks import (
    CHANGED,
    CONTENT,
    EXCHANGED_LIMIT,
    FACTORS,
    FALL_WORDS,
    FEW,
    FIRST_DATE_LIMIT,
    KEYS_LOST_LIMITS,
    PLACE_LIMIT,
    REPEATED_LIMIT,
    RISE_WORDS,
    ROWS_LIMITS,
    UNIT,
    ContentCheck,
)
from warehouse.collect.comparison.history import NO_HISTORY, History
from warehouse.collect.comparison.measures import Measures
from warehouse.collect.comparison.pairs import Pairs

_NAMED = 5
"""The number of places that a message names."""

# Counts vary by chance: a difference of up to three standard deviations is no sign of a fault.
_DEVIATIONS = 3


@dataclass(frozen=True)
class Problem:
    """A failed check: a description of the problem and the action for the sender (Chinese)."""

    check: str
    columns: tuple[str, ...]
    text: str
    advice: str
    warns_only: bool = False


@dataclass(frozen=True)
class Compared:
    """A delivery beside the one in force.

    Attributes:
        contract: the contract of both.
        now: the delivery's measures.
        then: the measures of the rows in force; None if nothing is in force.
        pairs: the comparison by key; None if nothing is in force or no column identifies a row.
        history: the usual differences of the dataset.
        is_cut_off: whether the file ends in the middle of a row.
        name_of: the name of a county or township by its code.
        is_register: whether the dataset defines which entities exist.
    """

    contract: Contract
    now: Measures
    then: Measures | None
    pairs: Pairs | None
    history: History
    is_cut_off: bool
    name_of: Callable[[str], str]
    is_register: bool


def judge(compared: Compared) -> list[Problem]:
    """List the checks that a delivery fails, the most important first."""
    then = compared.then
    if then is not None and then.rows and not compared.now.rows:
        return [_no_rows(compared.contract, then)]
    found = [*_cut_off(compared), *_rows(compared), *_sheets(compared), *_places(compared)]
    found += [*_exchanged(compared), *_content(compared), *_unit(compared), *_repeated(compared)]
    found += [*_keys(compared), *_changed(compared)]
    return list(_without_consequences(found))


def shares_of(compared: Compared) -> dict[str, float]:
    """The shares by which a delivery differs from the delivery in force; the history keeps them."""
    then, pairs = compared.then, compared.pairs
    if then is None or not then.rows:
        return {}
    moved = (compared.now.rows - then.rows) / then.rows
    shares = {"rows_fall": max(0.0, -moved), "rows_rise": max(0.0, moved)}
    for name in compared.now.counts:
        shares[name] = max(0.0, compared.now.share(name) - then.share(name))
    if pairs is not None:
        shares["keys_lost"] = 1 - pairs.common / then.rows
        if pairs.common:
            shares |= {f"changed.{name}": n / pairs.common for name, n in pairs.changed.items()}
    return shares


def percent(share: float) -> str:
    """Write a share as a percentage."""
    digits = 0 if share >= 0.1 or round(share, 4) == round(share, 2) else 1
    return f"{share:.{digits}%}"


def _limit(compared: Compared, check: str, default: float | None, column: str | None = None) -> float | None:
    """The limit of a check: the contract's; without one, the larger of the default and the dataset's usual share."""
    limits = compared.contract.limits
    if limits.declares(check, column):
        return limits.share(check, column)
    if default is None:
        return None
    return max(default, compared.history.usual(check if column is None else f"{check}.{column}"))


def _is_beyond(count: float, of: int, limit: float | None) -> bool:
    return limit is not None and count >= FEW and count > limit * of


def _is_beyond_chance(count: float, of: int, limit: float | None) -> bool:
    """Whether a number of rows exceeds a limit by more than chance explains."""
    if limit is None or not _is_beyond(count, of, limit):
        return False
    return count > limit * of + _DEVIATIONS * sqrt(limit * of)


def _no_rows(contract: Contract, then: Measures) -> Problem:
    text = f"没有数据行，而目前使用的数据有 {then.rows:,} 行"
    warns = contract.volume is not None and contract.volume.handling == "warn"
    return Problem("rows_fall", (), text, "请核对导出条件", warns_only=warns)


def _cut_off(compared: Compared) -> Iterator[Problem]:
    if compared.is_cut_off and _limit(compared, "cut_off", 0.0) is not None:
        text = "文件在一行的中间结束，像是没有传完就被截断了"
        yield Problem("cut_off", (), text, "请重新导出，并核对文件大小与来源一致")


def _rows(compared: Compared) -> Iterator[Problem]:
    now, then, volume = compared.now, compared.then, compared.contract.volume
    if then is None or not then.rows:
        return
    # Rounded: 7 rows instead of 10 are a loss of 0.3, not of 0.30000000000000004.
    moved = round(now.rows / then.rows - 1, 9)
    check, words = ("rows_fall", FALL_WORDS) if moved < 0 else ("rows_rise", RISE_WORDS)
    if volume is not None:
        limit = volume.fall if moved < 0 else volume.rise
        beyond = limit is not None and abs(moved) > limit
    else:
        is_declared = compared.contract.limits.declares(check)
        limit = _limit(compared, check, ROWS_LIMITS[not compared.is_register])
        judged = _is_beyond if is_declared else _is_beyond_chance
        beyond = judged(abs(now.rows - then.rows), then.rows, limit)
    if beyond and limit is not None:
        told = words.format(before=then.rows, share=percent(abs(moved)), limit=percent(limit))
        advice = "请核对导出是否完整" if moved < 0 else "请核对是否重复导出或混入了别的数据"
        warns = volume is not None and volume.handling == "warn"
        yield Problem(check, (), f"有 {now.rows:,} 行，{told}", advice, warns_only=warns)


def _sheets(compared: Compared) -> Iterator[Problem]:
    now, then = compared.now, compared.then
    if then is None or _limit(compared, "sheet_lost", 0.0) is None:
        return
    lost = [sheet for sheet in then.sheets if sheet not in now.sheets]
    # If all sheets are missing, they were renamed.
    if lost and len(lost) < len(then.sheets) and now.rows < then.rows:
        rows = sum(then.sheets[sheet] for sheet in lost)
        if rows >= FEW:
            text = f"缺少工作表：{_listed(lost)}（先前共 {rows:,} 行）"
            yield Problem("sheet_lost", (), text, "请补齐工作表")


def _places(compared: Compared) -> Iterator[Problem]:
    now, then = compared.now, compared.then
    limit = _limit(compared, "place_lost", PLACE_LIMIT)
    if then is None or limit is None:
        return
    counties = _lost(then.counties, now.counties, limit)
    townships = {
        place: rows
        for place, rows in _lost(then.places, now.places, limit).items()
        if place[: len(next(iter(then.counties)))] not in counties
    }
    for kind, lost, all_ in (("区市", counties, then.counties), ("镇街", townships, then.places)):
        # If most places lost rows, the check of the number of rows reports it.
        if lost and len(lost) <= max(1, len(all_) // 2):
            told = [
                f"{compared.name_of(place)}（由 {a:,} 行减为 {b:,} 行）" for place, (a, b) in lost.items()
            ]
            text = f"缺少 {len(lost)} 个{kind}的大部分数据：{_listed(told)}"
            yield Problem("place_lost", (), text, f"请核对这些{kind}的数据是否已汇总进来")


def _lost(then: Mapping[str, int], now: Mapping[str, int], limit: float) -> dict[str, tuple[int, int]]:
    return {
        place: (rows, now.get(place, 0))
        for place, rows in sorted(then.items())
        if _is_beyond(rows - now.get(place, 0), rows, limit)
    }


def _content(compared: Compared) -> Iterator[Problem]:
    for check in CONTENT:
        for column in compared.contract.delivered_columns:
            if check.columns(column) and _is_out(compared, check, column):
                name = f"{check.name}.{column.name}"
                share = compared.now.share(name)
                text = check.says.format(
                    title=column.title,
                    share=percent(share),
                    count=compared.now.counts[name],
                    before=percent(compared.then.share(name)) if compared.then is not None else "",
                )
                yield Problem(check.name, (column.name,), text, check.advice)


def _is_out(compared: Compared, check: ContentCheck, column: Column) -> bool:
    name, now, then = f"{check.name}.{column.name}", compared.now, compared.then
    if then is not None and then.rows:
        limit = _limit(compared, check.name, check.limit, column.name)
        return _is_beyond((now.share(name) - then.share(name)) * now.rows, now.rows, limit)
    first = check.first_limit
    if check.name == "one_value" and column.type in ("date", "timestamp"):
        first = FIRST_DATE_LIMIT
    limit = _limit(compared, check.name, first, column.name)
    return now.rows >= 2 * FEW and _is_beyond(now.counts.get(name, 0), now.rows, limit)


def _repeated(compared: Compared) -> Iterator[Problem]:
    now, then = compared.now, compared.then
    excess = now.share("repeated") - (then.share("repeated") if then is not None else 0)
    if _is_beyond(excess * now.rows, now.rows, _limit(compared, "rows_repeated", REPEATED_LIMIT)):
        told = f"{now.counts['repeated']:,} 行（{percent(now.share('repeated'))}）"
        text = f"有 {told}的主键在前面已经出现过，像是重复导出"
        yield Problem("rows_repeated", (), text, "请去掉重复的行后重新导出")


def _keys(compared: Compared) -> Iterator[Problem]:
    then, pairs = compared.then, compared.pairs
    if then is None or pairs is None:
        return
    lost = then.rows - then.counts.get("repeated", 0) - pairs.common
    limit = _limit(compared, "keys_lost", KEYS_LOST_LIMITS[not compared.is_register])
    if _is_beyond_chance(lost, then.rows, limit):
        titles = "、".join(column.title for column in compared.contract.key)
        text = f"先前 {then.rows:,} 行中有 {lost:,} 行的{titles}不见了（{percent(lost / then.rows)}）"
        yield Problem("keys_lost", (), text, "请核对文件是否属于本数据集、本地区")


def _changed(compared: Compared) -> Iterator[Problem]:
    pairs = compared.pairs
    for column in compared.contract.delivered_columns if pairs is not None else ():
        count = pairs.changed.get(column.name, 0) if pairs is not None else 0
        limit = _limit(compared, "changed", CHANGED.limit(column), column.name)
        if pairs is not None and _is_beyond(count, pairs.common, limit):
            text = CHANGED.says.format(title=column.title, share=percent(count / pairs.common), count=count)
            yield Problem("changed", (column.name,), text, CHANGED.advice)


def _unit(compared: Compared) -> Iterator[Problem]:
    pairs = compared.pairs
    for name, scaled in pairs.scaled.items() if pairs is not None else ():
        column = compared.contract.column(name)
        limit = _limit(compared, "unit", UNIT.limit(column), name)
        if pairs is None or not scaled:
            continue
        factor = max(scaled, key=lambda f: scaled[f])
        if _is_beyond(scaled[factor], pairs.common, limit):
            text = UNIT.says.format(
                title=column.title,
                share=percent(scaled[factor] / pairs.common),
                count=scaled[factor],
                factor=FACTORS[factor],
            )
            yield Problem("unit", (name,), text, UNIT.advice)


def _exchanged(compared: Compared) -> Iterator[Problem]:
    pairs = compared.pairs
    limit = _limit(compared, "exchanged", EXCHANGED_LIMIT)
    for (one, other), count in pairs.exchanged.items() if pairs is not None else ():
        if pairs is not None and _is_beyond(count, pairs.common, limit):
            titles = [compared.contract.column(name).title for name in (one, other)]
            text = (
                f"“{titles[0]}”与“{titles[1]}”两列像是互换了：{percent(count / pairs.common)} 的行"
                f"（{count:,} 行）里一列正是先前的另一列"
            )
            yield Problem("exchanged", (one, other), text, "请核对列的顺序与表头后重新导出")


def _without_consequences(problems: list[Problem]) -> Iterator[Problem]:
    """Drop the problems that only follow from another problem."""
    checks = {problem.check for problem in problems}
    exchanged = {c for p in problems if p.check == "exchanged" for c in p.columns}
    explained = {c for p in problems if p.check not in ("changed", "form") for c in p.columns}
    for problem in problems:
        if problem.check == "keys_lost" and checks & {
            "rows_fall",
            "scientific",
            "masked",
            "exchanged",
            "form",
        }:
            continue
        if problem.check == "rows_rise" and "rows_repeated" in checks:
            continue
        if problem.check == "changed" and set(problem.columns) <= explained | exchanged:
            continue
        if problem.check == "form" and set(problem.columns) <= exchanged:
            continue
        yield problem


def _listed(texts: list[str]) -> str:
    more = f"等 {len(texts):,} 个" if len(texts) > _NAMED else ""
    return "、".join(texts[:_NAMED]) + more


__all__ = ["NO_HISTORY", "Compared", "Problem", "judge", "percent", "shares_of"]
