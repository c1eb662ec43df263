"""A simulated township data officer: answers a returned workbook from the truth.

She knows the sample city as its people do, and nothing of the platform but the sheet 待核实. Used by
the demonstration and by tests of the whole loop; how workbooks are made and read back belongs to
others.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from sample_city.officer.paperwork import Paper
from sample_city.registry import EXTRACTS
from sample_city.world.basis.codebook import label_by_code
from sample_city.world.basis.streams import stream

SHEET: Final = "待核实"
TICKET, DATASET, KEY, FIELD = "工单号", "数据集", "记录主键", "字段代码"
SUGGESTION, VERDICT, VALUE, NOTE = "建议值", "处理结果", "更正值", "说明"
COLUMNS: Final = (TICKET, DATASET, KEY, FIELD, SUGGESTION, VERDICT, VALUE, NOTE)
ADOPT, CORRECT, CONFIRM, UNABLE = "采纳建议", "更正为", "数据无误", "无法核实"
NOTES: Final = {
    CONFIRM: "已与本人核对，与证件一致。",
    UNABLE: "镇街无法确定，请来源部门核实。",
}

Problem = tuple[str, str, str]
"""Dataset, record key and field: what a ticket asks about."""


@dataclass(frozen=True)
class Answers:
    """What the officer did.

    Attributes:
        verdicts: Number of answers by verdict.
        mistaken: Ticket numbers that were answered wrongly on purpose.
    """

    verdicts: dict[str, int]
    mistaken: tuple[str, ...]


@dataclass(frozen=True)
class OfficerAnswer:
    """One answer: a verdict and, for 更正为, the value."""

    verdict: str
    value: str = ""


def answer(workbook: Path, truth: Path, out: Path, *, mistakes: float = 0.0, seed: int = 0) -> Answers:
    """Fill in the sheet 待核实 of a returned workbook and save it under another name.

    Args:
        workbook: The workbook as returned; it is not changed.
        truth: The folder that ``generate`` wrote.
        out: Where the answered workbook goes.
        mistakes: Share of answers that are wrong on purpose.
        seed: Which of them.

    Raises:
        ValueError: The workbook has no such sheet, or the sheet lacks a column.
    """
    with Paper(workbook, SHEET) as paper:
        header, columns = _header(paper, workbook)
        right = _right_values(truth)
        rng = stream(seed, f"officer {workbook.name}")
        verdicts: Counter[str] = Counter()
        mistaken = []
        for row, texts in paper.rows(after=header):
            cells = {column: texts[place] for column, place in columns.items()}
            if not cells[TICKET]:
                continue
            problem = (cells[DATASET], cells[KEY], cells[FIELD])
            given = honest(problem, cells[SUGGESTION], right)
            if rng.random() < mistakes:
                given = mistake(given, cells[SUGGESTION])
                mistaken.append(cells[TICKET])
            for column, text in (
                (VERDICT, given.verdict),
                (VALUE, given.value),
                (NOTE, NOTES.get(given.verdict, "")),
            ):
                paper.write(row, columns[column], text)
            verdicts[given.verdict] += 1
        paper.save(out)
    return Answers(dict(sorted(verdicts.items())), tuple(mistaken))


def honest(problem: Problem, suggestion: str, right: Mapping[Problem, str]) -> OfficerAnswer:
    """What a conscientious officer answers.

    Args:
        problem: What the ticket asks about.
        suggestion: The platform's, empty if it has none.
        right: The right value of every planted error; empty where nobody can know one.
    """
    if problem not in right:
        return OfficerAnswer(CONFIRM)
    value = right[problem]
    if not value:
        return OfficerAnswer(UNABLE)
    written = as_written(problem, value)
    if suggestion in (value, written):
        return OfficerAnswer(ADOPT)
    return OfficerAnswer(CORRECT, written)


def mistake(given: OfficerAnswer, suggestion: str) -> OfficerAnswer:
    """A careless answer to the same ticket."""
    if given.verdict != CONFIRM:
        return OfficerAnswer(CONFIRM)
    return OfficerAnswer(ADOPT) if suggestion else OfficerAnswer(UNABLE)


def as_written(problem: Problem, value: str) -> str:
    """A value in standard form as a person writes it: the label of a code."""
    dataset, _, field = problem
    tables = {extract.delivery.dataset: extract.delivery.coded for extract in EXTRACTS}
    table = tables.get(dataset, {}).get(field)
    return value if table is None else label_by_code(table).get(value, value)


def _right_values(truth: Path) -> dict[Problem, str]:
    errors = pl.read_csv(truth / "errors.csv", infer_schema=False).fill_null("")
    rows = errors.select("dataset", "record_key", "field", "right").iter_rows()
    return {(dataset, key, field): right for dataset, key, field, right in rows}


def _header(paper: Paper, workbook: Path) -> tuple[int, dict[str, int]]:
    """The row number of the header, and the position of each column in it."""
    for number, texts in paper.rows():
        if TICKET in texts and VERDICT in texts:
            missing = [column for column in COLUMNS if column not in texts]
            if missing:
                raise ValueError(f"sheet {SHEET} of {workbook} lacks {', '.join(missing)}")
            return number, {column: texts.index(column) for column in COLUMNS}
    raise ValueError(f"sheet {SHEET} of {workbook} has no header with {TICKET} and {VERDICT}")
