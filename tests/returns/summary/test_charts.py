"""Charts: marks as long, as high and as dark as their numbers; every mark says what it is; nothing is obeyed."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from returns.summary.charts import NO_DATA, SHADES, Bar, Bars, ChartLine, LineChart, Tile, Tiles, legend

SVG = "{http://www.w3.org/2000/svg}"


def drawn(chart: Markup) -> ElementTree.Element:
    return ElementTree.fromstring(str(chart))


def rects(chart: Markup) -> list[tuple[str, float, str]]:
    """What each rectangle says, its width and its colour."""
    found = []
    for rect in drawn(chart).iter(f"{SVG}rect"):
        title = rect.find(f"{SVG}title")
        assert title is not None
        found.append((str(title.text), float(rect.attrib["width"]), rect.attrib["fill"]))
    return found


def test_bars_are_as_long_as_their_values_and_say_them() -> None:
    chart = Bars(
        ("错误", "提醒"), (Bar("规范性", (300, 100), 800), Bar("完整性", (1_200, 0))), before="上一批次"
    ).svg()
    widths = {told: width for told, width, _ in rects(chart)}
    assert set(widths) == {
        "规范性　错误：300", "规范性　提醒：100", "规范性　上一批次：800", "完整性　错误：1,200",
    }  # fmt: skip
    unit = widths["完整性　错误：1,200"] / 1_200
    assert widths["规范性　错误：300"] == pytest.approx(300 * unit, abs=0.1)
    assert widths["规范性　上一批次：800"] == pytest.approx(800 * unit, abs=0.1)


def test_stacked_values_lie_end_to_end() -> None:
    marks = list(drawn(Bars(("甲", "乙"), (Bar("x", (3, 5)),)).svg()).iter(f"{SVG}rect"))
    first, second = (({name: float(mark.attrib[name]) for name in ("x", "width")}) for mark in marks)
    assert second["x"] == pytest.approx(first["x"] + first["width"], abs=0.15)


def test_what_is_shown_is_text_and_never_markup() -> None:
    chart = Bars(("<b>&",), (Bar('"><script>alert(1)</script>', (1,)),)).svg()
    assert "<script" not in chart
    texts = [text.text for text in drawn(chart).iter(f"{SVG}text")]
    assert '"><script>alert(1)</script>' in texts
    assert "<i>x" not in legend(("<i>x",))


def test_a_line_rises_as_its_values_do_from_nothing() -> None:
    chart = LineChart(("3月2日", "3月3日", "3月4日"), (ChartLine("问题", (0.0, 50.0, 100.0), "#000"),)).svg()
    heights = [float(point.attrib["cy"]) for point in drawn(chart).iter(f"{SVG}circle")]
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.11)
    grid = [
        float(str(p.attrib["d"]).split()[1].split("H")[0])
        for p in drawn(chart).iter(f"{SVG}path")
        if p.attrib["class"] == "grid"
    ]
    assert heights[0] == pytest.approx(max(grid), abs=0.1)
    assert heights[2] == pytest.approx(min(grid), abs=0.1)
    titles = [str(title.text) for title in drawn(chart).iter(f"{SVG}title")]
    assert titles[-1] == "3月4日　问题：100"


@given(st.lists(st.tuples(st.floats(0, 1e7), st.floats(0, 1e7)), min_size=1, max_size=5))
def test_names_of_lines_never_cover_each_other(values: list[tuple[float, float]]) -> None:
    lines = tuple(ChartLine(f"线{n}", pair, "#000") for n, pair in enumerate(values))
    chart = drawn(LineChart(("一", "二"), lines).svg())
    ends = sorted(float(t.attrib["y"]) for t in chart.iter(f"{SVG}text") if t.attrib["class"] == "end")
    assert all(below - above >= 15.7 for above, below in pairwise(ends))
    assert ends[-1] <= 250 - 28 + 4.1


@given(st.lists(st.one_of(st.none(), st.floats(0, 1e6)), min_size=1, max_size=15))
def test_a_higher_rate_is_never_lighter(rates: list[float | None]) -> None:
    tiles = tuple(Tile(f"区{n}", 0, n, rate, f"区{n}") for n, rate in enumerate(rates))
    shades = [colour for told, _, colour in rects(Tiles(tiles, "件/千人").svg()) if told.startswith("区")]
    assert [shade == NO_DATA for shade in shades] == [rate is None for rate in rates]
    known = sorted(
        (rate, SHADES.index(shade)) for rate, shade in zip(rates, shades, strict=True) if rate is not None
    )
    classes = [place for _, place in known]
    assert classes == sorted(classes)


def test_tiles_stand_where_they_are_put() -> None:
    chart = drawn(Tiles((Tile("甲", 0, 1, 1.0, "甲"), Tile("乙", 1, 0, None, "乙")), "件").svg())
    first, second = list(chart.iter(f"{SVG}rect"))[:2]
    assert float(first.attrib["x"]) > float(second.attrib["x"])
    assert float(first.attrib["y"]) < float(second.attrib["y"])


def test_charts_of_nothing_are_drawn_all_the_same() -> None:
    for chart in (
        Bars((), ()),
        Bars(("甲",), (Bar("x", (0,)),)),
        Tiles((), "件"),
        LineChart(("一",), (ChartLine("甲", (0.0,), "#000"),)),
    ):
        assert drawn(chart.svg()).tag == f"{SVG}svg"
