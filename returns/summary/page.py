"""The bureau's summary of a batch (批次概览): one page in one file, to be opened offline and printed.

Here the figures of `returns.summary.summary_metrics` become charts and sentences, and the page is put in place
beside the batch's packages. What it looks like is in `returns/summary/pages/summary.html` and `summary.css`. No
personal data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote as url_quote

import duckdb
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from quality.tickets.states import STATES, TO_ANSWER
from returns.packages.build import AUDIENCES, AUTHOR, LEDGER, Package, read_index
from returns.packages.sheet_catalogue import FIRST_SHEETS
from returns.packages.sheet_spec import sheet_standard
from returns.packages.sheet_views import ReturnContext
from returns.summary.charts import SERIES, Bar, Bars, ChartLine, LineChart, Tile, Tiles, legend
from returns.summary.summary_metrics import (
    PAGES,
    Figures,
    Row,
    deliveries_of,
    figures_inputs,
    figures_of,
    tiles,
)
from schemas.contract.model import DIMENSIONS
from warehouse.home.files import digest_of, sha256_of
from warehouse.home.folders import Home

PAGE = "summary.html"

_INPUTS = re.compile(r'<meta name="inputs" content="(\w+)">')

MOST_TOWNSHIPS = 15
MOST_RULES = 25
GRID_COLUMNS = 7

# Reminders stand beside errors, in a lighter tone of the same colour.
LIGHT = "#9dbcd2"


def build_summary(
    connection: duckdb.DuckDBPyConnection, home: Home, turn: ReturnContext, warnings: Sequence[str]
) -> Path:
    """Write the summary of a batch to `returns/<batch>/summary.html`, unless nothing it follows from has changed.

    Args:
        connection: with the function library and the code tables.
        home: where the page goes, and where receipts lie.
        turn: the batch; its packages have been made, and are linked to.
        warnings: what a person should look at, in Chinese: the first line of the page.

    Returns:
        The page. Its bytes follow from the batch alone.
    """
    batch = turn.batch
    deliveries = deliveries_of(home, turn)
    index = read_index(home.returns(batch))
    packages = index.packages if index else ()
    ledger = index.inputs.get(LEDGER, "") if index else ""
    told = [[asdict(package) for package in packages], list(warnings), ledger]
    inputs = digest_of([figures_inputs(turn, deliveries), _pages_digest(), told])
    path = home.returns(batch) / PAGE
    if path.exists() and _inputs_of(path) == inputs:
        return path
    page = summary_page(figures_of(connection, turn, deliveries), packages, inputs, warnings, ledger)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{PAGE}")
    draft.write_text(page, encoding="utf-8")
    draft.replace(path)
    return path


def _inputs_of(path: Path) -> str | None:
    """What a page says of what it follows from; nothing unless it is whole."""
    page = path.read_text(encoding="utf-8", errors="replace")
    found = _INPUTS.search(page)
    return found[1] if found and page.rstrip().endswith("</html>") else None


@cache
def _pages_digest() -> str:
    """A fingerprint of the queries, the style and the page itself."""
    return digest_of({path.name: sha256_of(path) for path in PAGES.iterdir() if path.is_file()})


def summary_page(
    figures: Figures,
    packages: Sequence[Package],
    inputs: str,
    warnings: Sequence[str] = (),
    ledger: str = "",
) -> str:
    """The page.

    Args:
        figures: of the batch.
        packages: what is linked to, relative to the page.
        inputs: a fingerprint of all that it follows from.
        warnings: what a person should look at first, in Chinese.
        ledger: the last act of the ledger that the batch follows from, as the packages carry it.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"n": _grouped, "change": _change, "url": url_quote, "rate": _rate}
    template = environment.from_string((PAGES / PAGE).read_text(encoding="utf-8"))
    return template.render(
        f=figures,
        author=AUTHOR,
        inputs=inputs,
        ledger=ledger,
        style=Markup((PAGES / "summary.css").read_text(encoding="utf-8")),
        lead=_lead(figures),
        warnings=warnings,
        dimension_titles=DIMENSIONS,
        charts={
            "dimensions": _dimensions(figures),
            "departments": _departments(figures),
            "counties": _counties(figures.counties),
            "townships": _townships(figures.townships, "open", 0),
            "township_rates": _townships(
                sorted(figures.townships, key=lambda row: -_number(row, "rate")), "rate", 1
            ),
            "states": _states(figures),
            "trend": _trend(figures),
        },
        rules=[row for row in figures.rules if row["now"] or row["before"]][:MOST_RULES],
        links={
            title: [
                (package, package.rows[first]) for package in packages if package.audience == audience.name
            ]
            for audience, title in zip(AUDIENCES, ("镇街", "部门"), strict=True)
            for first in [sheet_standard(FIRST_SHEETS[audience.name]).title]
        },
    )


def _lead(figures: Figures) -> Iterator[str]:
    """The batch in sentences."""
    came = [delivered for delivered in figures.deliveries if delivered.batch == figures.batch]
    late = [delivered.title for delivered in figures.deliveries if delivered.days_late]
    never = [delivered.title for delivered in figures.deliveries if delivered.batch is None]
    yield f"本批次收到 {len(came)} 个数据集，参与校核的共 {figures.verified:,} 行，发现问题 {figures.findings:,} 个"
    if figures.findings_before is not None:
        change = figures.findings - figures.findings_before
        word = (
            "与上一批次持平"
            if not change
            else f"比上一批次{'增加' if change > 0 else '减少'} {abs(change):,} 个"
        )
        yield f"，{word}"
    flow = figures.flow
    yield (
        f"。办结工单 {flow['closed']:,} 件，新增 {flow['new']:,} 件，重新出现 {flow['reopened']:,} 件，"
        f"尚有 {flow['now']:,} 件未办结。"
    )
    if late:
        yield f"逾期未交付：{'、'.join(late)}。"
    if never:
        yield f"尚无可用的交付：{'、'.join(never)}。"


def _dimensions(figures: Figures) -> Markup:
    found = {str(row["dimension"]): row for row in figures.dimensions}
    bars = tuple(
        Bar(
            title,
            tuple(_count(found.get(name, {}), kind) for kind in ("errors", "warnings")),
            _count(found.get(name, {}), "before") if figures.since else None,
        )
        for name, title in DIMENSIONS.items()
        if name != "accessibility"
    )
    names = ("错误", "提醒")
    colours = (SERIES[0], LIGHT)
    chart = Bars(names, bars, colours, "上一批次", label_width=74)
    return legend(names, colours) + chart.svg()


def _departments(figures: Figures) -> Markup:
    names = [name for name in DIMENSIONS if name != "accessibility"]
    titles = {str(row["department"]): str(row["title"]) for row in figures.departments}
    found = {(row["department"], row["dimension"]): row for row in figures.departments}
    bars = [
        Bar(
            title,
            tuple(_count(found.get((department, name), {}), "now") for name in names),
            sum(_count(found.get((department, name), {}), "before") for name in names)
            if figures.since
            else None,
        )
        for department, title in titles.items()
    ]
    bars.sort(key=lambda bar: (-sum(bar.values), -(bar.before or 0)))
    series = tuple(DIMENSIONS[name] for name in names)
    return legend(series) + Bars(series, tuple(bars), before="上一批次", label_width=104).svg()


def _counties(counties: Sequence[Row]) -> Markup:
    """The counties on their grid; those the layout does not know follow below, row by row."""
    layout = {row["code"]: row for row in tiles().to_dicts()}
    below = max((row["row"] for row in layout.values()), default=-1) + 1
    unknown = [county for county in counties if county["code"] not in layout]
    for place, county in enumerate(unknown):
        row, column = divmod(place, GRID_COLUMNS)
        layout[county["code"]] = {"label": str(county["title"])[:4], "row": below + row, "column": column}
    return Tiles(tuple(_tile(county, layout[county["code"]]) for county in counties), "件/千人").svg()


def _tile(county: Row, place: Mapping[str, Any]) -> Tile:
    known = county["rate"] is not None
    told = (
        f"待办 {_count(county, 'open'):,} 件，居民 {_count(county, 'residents'):,} 人" if known else "无数据"
    )
    return Tile(
        place["label"],
        place["row"],
        place["column"],
        _number(county, "rate") if known else None,
        f"{county['title']}：{told}",
    )


def _townships(rows: Sequence[Row], by: str, decimals: int) -> Markup:
    shown = [row for row in rows if row["open"]][:MOST_TOWNSHIPS]
    bars = tuple(Bar(str(row["title"]), (_number(row, by),)) for row in shown)
    chart = Bars(("待办工单",), bars, (SERIES[2],), label_width=150, decimals=decimals)
    return chart.svg() if bars else Markup("")


def _states(figures: Figures) -> Markup:
    found = {str(row["state"]): row for row in figures.states}
    bars = tuple(
        Bar(
            titles[0],
            (_count(found.get(state, {}), "now"),),
            _count(found.get(state, {}), "before") if figures.since else None,
        )
        for state, titles in STATES.items()
    )
    return Bars(("工单",), bars, (SERIES[1],), "上一批次", label_width=74).svg()


def _trend(figures: Figures) -> Markup:
    if len(figures.trend) < 2:
        return Markup("")
    past = figures.trend
    lines = (
        ChartLine("问题", tuple(float(p.findings) for p in past), SERIES[2]),
        ChartLine("待镇街核实", tuple(float(p.tickets(*TO_ANSWER)) for p in past), SERIES[3]),
        ChartLine("累计办结", tuple(float(p.tickets("closed")) for p in past), SERIES[0]),
    )
    return LineChart(tuple(f"{p.batch.month}月{p.batch.day}日" for p in past), lines).svg()


def _count(row: Row, name: str) -> int:
    value = row.get(name, 0)
    assert isinstance(value, int)
    return value


def _number(row: Row, name: str) -> float:
    value = row[name]
    return float(value) if isinstance(value, int | float) else 0.0


def _grouped(value: int | None) -> str:
    return "—" if value is None else f"{value:,}"


def _change(value: int | None) -> str:
    if value is None:
        return ""
    return "±0" if value == 0 else f"{'＋' if value > 0 else '−'}{abs(value):,}"


def _rate(value: float | None) -> str:
    return "—" if value is None else f"{value:.1f}"
