"""Charts as inline SVG: declared with their numbers, drawn without a script, legible in print and offline.

Bars, stacked bars, a line over batches and a grid of tiles; hovering a mark shows its numbers. What is charted,
and in which words, is said by who declares the chart. Looks beyond the colours of marks are in the page's style.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from markupsafe import Markup, escape

# Colour-blind readers can distinguish these colours; their lightness differs in a black-and-white print.
SERIES = ("#0f5499", "#0d7680", "#990f3d", "#d8893b", "#8a7f73", "#5a5247")

# Of five classes, light to dark (ColorBrewer's PuBu, made to sit on warm paper).
SHADES = ("#dfe6ea", "#b3cbd9", "#7aa9c4", "#3c7fa8", "#0b4a75")
NO_DATA = "#ece4d9"
GHOST = "#e9ddcd"

# What is less is drawn as nothing.
LEAST = 1e-6


@dataclass(frozen=True)
class Bar:
    """One horizontal bar: values of the series in their order, and what it is compared with, pale behind it."""

    label: str
    values: tuple[float, ...]
    before: float | None = None


@dataclass(frozen=True)
class Bars:
    """Horizontal bars, stacked where there are several series.

    Attributes:
        series: names of the values in each bar.
        bars: from top to bottom.
        colours: of the series.
        before: what the pale bar behind means, if there is one.
        label_width: pixels for the labels.
        decimals: of the numbers beside the bars.
    """

    series: tuple[str, ...]
    bars: tuple[Bar, ...]
    colours: tuple[str, ...] = SERIES
    before: str = ""
    label_width: int = 130
    decimals: int = 0
    width: int = 520

    def svg(self) -> Markup:
        """The chart."""
        row, thick, right = 27, 15, 58
        room = self.width - self.label_width - right
        most = max((max(sum(bar.values), bar.before or 0) for bar in self.bars), default=0) or 1
        height = row * len(self.bars) + 4
        return _svg(self.width, height, self._marks(row, thick, room / most), self._told())

    def _marks(self, row: int, thick: int, scale: float) -> Iterator[Markup]:
        left = self.label_width
        for place, bar in enumerate(self.bars):
            top = place * row + 6
            middle = top + thick / 2 + 4.5
            yield _text(left - 10, middle, bar.label, "end", "label")
            x = float(left)
            if bar.before:
                told = f"{bar.label}　{self.before}：{_number(bar.before)}"
                yield _rect(x, top - 3, bar.before * scale, thick + 6, GHOST, told)
            for name, value, colour in zip(self.series, bar.values, self.colours, strict=False):
                wide = value * scale
                if value:
                    told = f"{bar.label}　{name}：{_number(value)}"
                    yield _rect(x, top, max(wide, 1), thick, colour, told)
                x += wide
            yield _text(x + 6, middle, f"{sum(bar.values):,.{self.decimals}f}", "start", "value")
        yield Markup('<path d="M{0} 0V{1}" class="axis"/>').format(left, row * len(self.bars) + 2)

    def _told(self) -> str:
        return "；".join(f"{bar.label} {_number(sum(bar.values))}" for bar in self.bars)


@dataclass(frozen=True)
class ChartLine:
    """One line over the batches."""

    name: str
    values: tuple[float, ...]
    colour: str


@dataclass(frozen=True)
class LineChart:
    """Lines over batches: the axis begins at nothing; each line is named at its end."""

    labels: tuple[str, ...]
    lines: tuple[ChartLine, ...]
    width: int = 1080
    height: int = 250

    def svg(self) -> Markup:
        """The chart."""
        left, right, top, bottom = 46, 120, 12, 28
        most = max((value for line in self.lines for value in line.values), default=0)
        ticks = _ticks(most)
        wide, high = self.width - left - right, self.height - top - bottom
        step = wide / max(1, len(self.labels) - 1)
        xs = [left + step * place for place in range(len(self.labels))]
        ys = {tick: top + high - high * tick / ticks[-1] for tick in ticks}
        return _svg(self.width, self.height, self._marks(xs, ys, top, high, ticks[-1]), self._told())

    def _marks(
        self, xs: Sequence[float], ys: dict[float, float], top: float, high: float, most: float
    ) -> Iterator[Markup]:
        for tick, y in ys.items():
            yield Markup('<path d="M{0:.1f} {1:.1f}H{2:.1f}" class="grid"/>').format(xs[0], y, xs[-1])
            yield _text(xs[0] - 9, y + 4, _number(tick), "end", "label")
        for x, label in zip(xs, self.labels, strict=True):
            yield _text(x, top + high + 20, label, "middle", "label")
        ends = _apart([top + high - high * line.values[-1] / most for line in self.lines], 16, top + high)
        for line, end in zip(self.lines, ends, strict=True):
            points = [(x, top + high - high * v / most) for x, v in zip(xs, line.values, strict=True)]
            path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
            yield Markup('<path d="{0}" class="line" stroke="{1}"/>').format(path, line.colour)
            for (x, y), label, value in zip(points, self.labels, line.values, strict=True):
                yield Markup(
                    '<circle cx="{0:.1f}" cy="{1:.1f}" r="3.6" fill="{2}"><title>{3}</title></circle>'
                ).format(x, y, line.colour, f"{label}　{line.name}：{_number(value)}")
            yield _text(
                xs[-1] + 10, end + 4, f"{line.name} {_number(line.values[-1])}", "start", "end", line.colour
            )

    def _told(self) -> str:
        return "；".join(f"{line.name} {'、'.join(_number(v) for v in line.values)}" for line in self.lines)


@dataclass(frozen=True)
class Tile:
    """One place on the grid; without a value it is there, but nothing is known of it."""

    label: str
    row: int
    column: int
    value: float | None
    told: str


@dataclass(frozen=True)
class Tiles:
    """A grid of tiles of equal size, shaded by value in classes of equal width up to a round number."""

    tiles: tuple[Tile, ...]
    unit: str
    width: int = 560

    def svg(self) -> Markup:
        """The chart with its legend."""
        columns = max((tile.column for tile in self.tiles), default=0) + 1
        rows = max((tile.row for tile in self.tiles), default=0) + 1
        size = min(80.0, self.width / columns)
        return _svg(self.width, ceil(size * rows + 46), self._marks(size, rows), self._told())

    @property
    def _step(self) -> float:
        return _ticks(max((tile.value or 0 for tile in self.tiles), default=0), len(SHADES))[-1] / len(SHADES)

    def _marks(self, size: float, rows: int) -> Iterator[Markup]:
        for tile in self.tiles:
            x, y = tile.column * size, tile.row * size
            shade = self._shade(tile.value)
            yield _rect(x + 2, y + 2, size - 4, size - 4, shade, tile.told)
            ink = "light" if shade in SHADES[3:] else "dark"
            yield _text(x + size / 2, y + size / 2 - 4, tile.label, "middle", f"tile {ink}")
            shown = "—" if tile.value is None else f"{tile.value:.1f}"
            yield _text(x + size / 2, y + size / 2 + 17, shown, "middle", f"rate {ink}")
        yield from self._legend(size * rows + 14)

    def _legend(self, top: float) -> Iterator[Markup]:
        step = self._step
        for place, shade in enumerate(SHADES):
            span = f"{_short(step * place)}—{_short(step * (place + 1))}"
            yield _rect(2 + 76 * place, top, 74, 9, shade, f"{span} {self.unit}")
            yield _text(2 + 76 * place, top + 24, span, "start", "label")
        yield _rect(2 + 76 * len(SHADES) + 12, top, 40, 9, NO_DATA, "无数据")
        yield _text(2 + 76 * len(SHADES) + 12, top + 24, "无数据", "start", "label")

    def _shade(self, value: float | None) -> str:
        if value is None:
            return NO_DATA
        return SHADES[min(len(SHADES) - 1, floor(value / self._step))]

    def _told(self) -> str:
        return "；".join(tile.told for tile in self.tiles)


def legend(names: Sequence[str], colours: Sequence[str] = SERIES) -> Markup:
    """The names of series with their colours, as a line of text above a chart."""
    items = (
        Markup('<span class="key"><i style="background:{0}"></i>{1}</span>').format(colour, name)
        for name, colour in zip(names, colours, strict=False)
    )
    return Markup('<p class="legend">{0}</p>').format(Markup("").join(items))


def _svg(width: float, height: float, marks: Iterator[Markup], told: str) -> Markup:
    return Markup(
        '<svg viewBox="0 0 {0:.0f} {1:.0f}" role="img" aria-label="{2}" xmlns="http://www.w3.org/2000/svg">{3}</svg>'
    ).format(width, height, told, Markup("").join(marks))


def _rect(x: float, y: float, width: float, height: float, fill: str, told: str) -> Markup:
    return Markup(
        '<rect x="{0:.1f}" y="{1:.1f}" width="{2:.1f}" height="{3:.1f}" fill="{4}"><title>{5}</title></rect>'
    ).format(x, y, width, height, fill, told)


def _text(x: float, y: float, text: str, anchor: str, style: str, colour: str = "") -> Markup:
    fill = Markup(' style="fill:{0}"').format(colour) if colour else ""
    return Markup('<text x="{0:.1f}" y="{1:.1f}" text-anchor="{2}" class="{3}"{4}>{5}</text>').format(
        x, y, anchor, style, fill, escape(text)
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.2g}"


def _ticks(most: float, parts: int = 4) -> list[float]:
    """Round steps from nothing to at least `most`: 1, 2, 2.5 or 5 times a power of ten each."""
    if most < LEAST:
        return [0.0, float(parts)]
    rough = most / parts
    power = 10.0 ** floor(log10(rough))
    step = next(power * nice for nice in (1, 2, 2.5, 5, 10) if power * nice >= rough * 0.999999)
    return [step * place for place in range(parts + 1)]


def _apart(places: Sequence[float], least: float, lowest: float) -> list[float]:
    """Places of texts moved up as far as needed for none to cover another; none below `lowest`, their order stays."""
    moved = list(places)
    floor_of_next = lowest
    for index in sorted(range(len(moved)), key=lambda index: moved[index], reverse=True):
        moved[index] = min(moved[index], floor_of_next)
        floor_of_next = moved[index] - least
    return moved
