"""Later batches: changes instead of everything, files sent again, and what the truth says of both."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from typer.testing import CliRunner

import sample_city.forms.changes
from pipelines.cli import app
from sample_city.declarations import Extract
from sample_city.errors.faults import Plan, plan
from sample_city.forms.changes import changes
from sample_city.forms.delivery import consignment
from sample_city.generate import SampleCity, Summary, generate
from sample_city.registry import EXTRACTS
from sample_city.world.basis.timeline import BASE
from sample_city.world.building import build_city
from sample_city.world.city import City
from tests.sample_city.delivered import Delivered

BASE_DATE, LATER = date(2026, 3, 2), date(2026, 6, 1)
SENT = {
    "human_resources.employment": ("registration_no", "就业登记变更_20260601.csv"),
    "emergency.inspection": ("inspection_no", "安全检查记录变更_20260601.csv"),
}
SAME = ["dataset", "record_key", "field", "kind", "delivered", "right", "derivable"]


@pytest.fixture(scope="module")
def continued(
    tmp_path_factory: pytest.TempPathFactory,
    planned: Callable[..., SampleCity],
    struck: Delivered,
    struck_later: Delivered,
) -> Summary:
    """The city of `later`, delivered as a batch that follows that of `city`."""
    folder = tmp_path_factory.mktemp("continued")
    return planned(10_000, 7).generate(folder, LATER, since=BASE_DATE)


@pytest.fixture(scope="module")
def truth(continued: Summary) -> pl.DataFrame:
    return pl.read_csv(continued.truth / "errors.csv", infer_schema=False).fill_null("")


def _rows(whole: pl.DataFrame) -> pl.DataFrame:
    return whole.drop("_row", "_part", "change")


def _changes(continued: Summary, struck_later: Delivered, dataset: str) -> pl.DataFrame:
    """The rows of a file of changes, with the columns of the standard."""
    (path,) = [file.path for file in continued.files if file.dataset == dataset]
    assert path.name == SENT[dataset][1]
    rows = pl.read_csv(path.read_bytes().removeprefix(b"\xef\xbb\xbf"), infer_schema=False).fill_null("")
    return rows.rename(dict(zip(rows.columns, struck_later.raw[dataset].columns[2:], strict=True)))


@pytest.mark.parametrize("dataset", SENT)
def test_changes_laid_over_the_whole_give_the_whole_of_the_later_day(
    struck: Delivered, struck_later: Delivered, continued: Summary, dataset: str
) -> None:
    sent, key = _changes(continued, struck_later, dataset), SENT[dataset][0]
    untouched = _rows(struck.raw[dataset]).join(sent, on=key, how="anti")
    there = sent.filter(pl.col("change") != "删除").drop("change")
    laid_over = pl.concat([untouched, there]).sort(pl.all())
    assert laid_over.equals(_rows(struck_later.raw[dataset]).sort(pl.all()))


@pytest.mark.parametrize("dataset", SENT)
def test_every_change_is_what_it_is_called(
    struck: Delivered, struck_later: Delivered, continued: Summary, dataset: str
) -> None:
    sent, key = _changes(continued, struck_later, dataset), SENT[dataset][0]
    before, after = _rows(struck.raw[dataset]), _rows(struck_later.raw[dataset])
    was, now = before[key].implode(), after[key].implode()
    expected = {"新增": ~sent[key].is_in(was), "变更": sent[key].is_in(was) & sent[key].is_in(now)}
    expected["删除"] = ~sent[key].is_in(now)
    for change, holds in expected.items():
        assert (holds == (sent["change"] == change)).all(), change
    assert sent["change"].value_counts()["count"].min() >= 2
    gone = sent.filter(pl.col("change") == "删除").drop("change")
    assert gone[key].is_unique().all()
    assert len(gone.join(before, on=gone.columns, how="semi")) == len(gone)


@pytest.mark.parametrize("dataset", SENT)
def test_a_record_without_news_is_not_sent(
    struck: Delivered, struck_later: Delivered, continued: Summary, dataset: str
) -> None:
    sent, key = _changes(continued, struck_later, dataset), SENT[dataset][0]
    before, after = _rows(struck.raw[dataset]), _rows(struck_later.raw[dataset])
    news = pl.concat(
        [before.join(after, on=before.columns, how="anti"), after.join(before, on=before.columns, how="anti")]
    )
    # Of a record entered twice in the same words one row may go: the other is all that the key has then.
    counts = [rows.group_by(key).len() for rows in (before, after)]
    fewer = counts[0].join(counts[1], on=[key, "len"], how="anti")
    assert set(sent[key]) == set(news[key]) | set(fewer[key]) & set(sent[key])
    assert set(fewer[key]) <= set(sent[key])


def test_the_errors_in_force_are_those_of_the_whole(struck_later: Delivered, truth: pl.DataFrame) -> None:
    whole = struck_later.truth["errors"].select(SAME).sort(SAME)
    assert truth.select(SAME).sort(SAME).equals(whole)


def test_an_error_stands_in_the_changes_or_in_the_file_of_before(
    struck: Delivered, struck_later: Delivered, continued: Summary, truth: pl.DataFrame
) -> None:
    for dataset, (key, file) in SENT.items():
        sent = _changes(continued, struck_later, dataset).with_row_index("_row", 2)
        mine = truth.filter(pl.col("dataset") == dataset)
        new, old = mine.filter(pl.col("row") != ""), mine.filter(pl.col("row") == "")
        assert set(new["file"]) <= {file} and set(old["file"]) == {""}
        assert len(old) >= 3
        for row, text, field, change in new.select("row", "delivered", "field", "kind").rows():
            (line,) = sent.filter(pl.col("_row") == int(row)).to_dicts()
            assert line[field] == text and line["change"] != "删除", change
        # Some became errors without a word: who retired and is not said to be gone.
        stood = struck.raw[dataset].join(struck.clean[dataset].select("_row", record_key=key), on="_row")
        for record, field, text in old.select("record_key", "field", "delivered").rows():
            assert text in stood.filter(pl.col("record_key") == record)[field].to_list()
        assert not old["record_key"].is_in(sent[key].implode()).any()


def test_a_file_is_sent_without_a_county_and_again_with_it(
    struck_later: Delivered, continued: Summary
) -> None:
    first, second = (
        _column(file.path, "村居代码")
        for file in continued.files
        if file.dataset == "civil_affairs.subsistence_allowance"
    )
    missing = {village[:6] for village in second} - {village[:6] for village in first}
    assert len(missing) == 1
    assert first == [village for village in second if village[:6] not in missing]
    right = (struck_later.folder / "最低生活保障_20260601.xlsx").read_bytes()
    assert (continued.truth.parent / "最低生活保障_20260601_更正.xlsx").read_bytes() == right


def _column(path: Path, title: str) -> list[str]:
    rows = list(openpyxl.load_workbook(path).worksheets[0].iter_rows(values_only=True))
    place = rows[2].index(title)
    # Former division codes are spelled otherwise than the standard's: 370684 for 370614.
    return [str(row[place]).replace("370684", "370614") for row in rows[3:] if row[place]]


def test_the_file_of_before_is_sent_and_then_that_of_the_day(
    struck: Delivered, struck_later: Delivered, continued: Summary
) -> None:
    first, second = (
        file.path for file in continued.files if file.dataset == "civil_affairs.elderly_allowance"
    )
    assert (first.name, second.name) == ("高龄津贴_20260601.csv", "高龄津贴_20260601_更正.csv")
    assert first.read_bytes() == (struck.folder / "高龄津贴_20260302.csv").read_bytes()
    assert second.read_bytes() == (struck_later.folder / "高龄津贴_20260601.csv").read_bytes()


def test_rows_of_the_truth_are_those_of_the_file_that_counts(truth: pl.DataFrame) -> None:
    files = truth.filter(pl.col("dataset").str.starts_with("civil_affairs.") & (pl.col("file") != ""))["file"]
    assert {"最低生活保障_20260601_更正.xlsx", "高龄津贴_20260601_更正.csv"} <= set(files)
    assert "高龄津贴_20260601.csv" not in set(files)


@pytest.fixture(scope="module")
def small() -> tuple[City, Plan]:
    """A city of 400 and its errors."""
    made = build_city(3, 400)
    return made, plan(made)


@pytest.mark.parametrize(
    "extract", [e for e in EXTRACTS if e.delivery.changes], ids=lambda e: e.delivery.stem
)
def test_changes_do_not_depend_on_the_slices_they_are_found_in(
    small: tuple[City, Plan], extract: Extract, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, planned = small
    before, after = (consignment(made, planned, extract, on) for on in (BASE, BASE + 200))
    at_once = changes(before, after)
    rows = pl.concat(at_once.slices())
    assert len(rows) >= 7
    monkeypatch.setattr(sample_city.forms.changes, "SLICE", 7)
    in_slices = changes(before, after)
    assert in_slices.lines.equals(at_once.lines)
    assert pl.concat(in_slices.slices()).equals(rows)


def test_without_news_there_are_no_changes(small: tuple[City, Plan]) -> None:
    made, planned = small
    for extract in EXTRACTS:
        if extract.delivery.changes:
            sent = consignment(made, planned, extract, BASE)
            assert len(changes(sent, sent).lines) == 0


@pytest.mark.parametrize(
    ("since", "said"),
    [
        ("2026-03-02", "上一次交付的日期 2026-03-02 应早于批次 2026-03-02"),
        ("2026-03-03", "上一次交付的日期 2026-03-03 应早于批次 2026-03-02"),
        ("2024-03-03", "示例城市只有 2025-03-02 至 2028-03-01 的数据，没有 2024-03-03"),
        ("20260301", "--since 20260301：请写成 2026-03-02 这样的日期"),
    ],
)
def test_a_day_before_that_is_none_is_refused(tmp_path: Path, since: str, said: str) -> None:
    asked = ["sample", str(tmp_path / "x"), "--residents", "100", "--batch", "2026-03-02", "--since", since]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 2
    assert said in done.stderr
    assert not (tmp_path / "x").exists()


def test_a_clean_city_sends_nothing_wrong(tmp_path: Path) -> None:
    made = generate(tmp_path, 100, 3, LATER, since=BASE_DATE, clean=True)
    assert len({file.dataset for file in made.files}) == len(made.files)
    assert made.errors == {}
