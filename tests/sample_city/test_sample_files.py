"""The delivered files: which, in which form, and always the same bytes."""

import hashlib
import shutil
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from sample_city.generate import SampleCity, generate
from sample_city.registry import EXTRACTS
from tests.sample_city.delivered import Delivered


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


OTHER_DAY = date(2026, 3, 9)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, planned: Callable[..., SampleCity]) -> Path:
    folder = tmp_path_factory.mktemp("small")
    planned(500, 3).generate(folder, OTHER_DAY)
    return folder


def test_same_arguments_give_the_same_bytes(small: Path, tmp_path: Path) -> None:
    generate(tmp_path, 500, 3, OTHER_DAY)
    assert _digests(tmp_path) == _digests(small)
    assert len(_digests(small)) == len(EXTRACTS) + 7


def test_writing_again_over_old_files_gives_the_same_bytes(
    small: Path, planned: Callable[..., SampleCity], tmp_path: Path
) -> None:
    shutil.copytree(small, tmp_path, dirs_exist_ok=True)
    planned(500, 3).generate(tmp_path, OTHER_DAY)
    assert _digests(tmp_path) == _digests(small)


def test_another_seed_is_another_city(small: Path, tmp_path: Path) -> None:
    generate(tmp_path, 500, 4, OTHER_DAY)
    one, two = _digests(small), _digests(tmp_path)
    assert one.keys() == two.keys()
    same = {name for name in one if one[name] == two[name]}
    assert same <= {"truth/mishaps.csv"}


def test_file_names_carry_the_batch_date(later: Delivered) -> None:
    assert {path.name for path in later.folder.iterdir() if path.is_file()} >= {
        "婚姻登记_20260601.xlsx",
        "市场主体_20260601.csv",
        "户籍人口_20260601.csv",
        "房屋_20260601.csv",
        "最低生活保障_20260601.xlsx",
        "死亡医学证明_20260601.db",
        "残疾人证_20260601.xlsx",
        "户口注销_20260601.dbf",
    }


def test_summary_counts_the_delivered_rows(city: Delivered) -> None:
    assert {file.dataset: file.rows for file in city.summary.files} == {
        dataset: len(rows) for dataset, rows in city.raw.items()
    }


def test_headers_are_the_departments_own(city: Delivered) -> None:
    text = (city.folder / "户籍人口_20260302.csv").read_bytes().decode("gbk")
    assert text.splitlines()[0] == (
        "公民身份号码,姓名,性别,出生日期,民族,户号,与户主关系,婚姻状况,村居代码,住址,联系电话"
    )
    assert (city.folder / "房屋_20260302.csv").read_bytes().startswith(b"\xef\xbb\xbf" + "房屋编码".encode())


def test_the_city_has_exactly_the_residents_asked_for_on_the_base_date(city: Delivered) -> None:
    alive = city.truth["person"].filter(pl.col("household_no") != "")
    assert len(alive) == 10_000
    extra = city.truth["errors"].filter(
        (pl.col("dataset") == "police.population")
        & pl.col("kind").is_in(["duplicate_row", "deceased_still_registered", "moved_out_still_registered"])
    )
    assert len(city.raw["police.population"]) == 10_000 + len(extra)


def test_whole_townships_over_several_counties_with_plausible_villages(city: Delivered) -> None:
    from schemas.codes import load_code_table

    division = load_code_table("division").current
    villages = city.truth["person"].filter(pl.col("household_no") != "")["village_code"]
    assert set(villages) <= set(division["code"])
    townships = villages.str.head(9).unique()
    assert 5 <= len(townships) <= 10
    assert townships.str.head(6).n_unique() >= 3
    assert len(villages) / villages.n_unique() >= 40
    whole = division.filter(pl.col("parent").is_in(townships.implode()))
    assert set(villages) == set(whole["code"])


def test_untidy_writing_is_there_to_be_digested(city: Delivered) -> None:
    police, marriage = city.raw["police.population"], city.raw["civil_affairs.marriage"]
    assert police["resident_id"].str.ends_with("x").sum() > 50
    assert police["resident_id"].str.starts_with("'").sum() > 10
    assert police["name"].str.contains(r"^\p{Han} \p{Han}$").sum() > 10
    assert police["name"].str.ends_with("  ").sum() > 10
    assert police["phone"].str.contains("[０-９]").sum() > 10
    for form in (
        r"^\d{4}-\d\d-\d\d$",
        r"^\d{8}$",
        r"^\d{4}/\d{1,2}/\d{1,2}$",
        r"^\d{4}年\d{1,2}月\d{1,2}日$",
    ):
        assert marriage["registered_on"].str.contains(form).sum() > 10


@pytest.mark.parametrize("residents", [99, 10_000_001])
def test_an_impossible_size_is_refused(tmp_path: Path, residents: int) -> None:
    with pytest.raises(ValueError, match="人口数应在"):
        generate(tmp_path, residents, 1)


@pytest.mark.parametrize("batch", [date(2025, 3, 1), date(2028, 3, 2)])
def test_a_batch_outside_the_calendar_is_refused(tmp_path: Path, batch: date) -> None:
    with pytest.raises(ValueError, match="只有 2025-03-02 至 2028-03-01 的数据"):
        generate(tmp_path, 500, 1, batch)


@pytest.mark.parametrize("batch", [date(2025, 3, 2), date(2028, 3, 1)])
@pytest.mark.parametrize("residents", [100, 731])
def test_the_smallest_cities_and_the_ends_of_the_calendar_work(
    tmp_path: Path, planned: Callable[..., SampleCity], residents: int, batch: date
) -> None:
    assert len(planned(residents, 5).generate(tmp_path, batch).files) == len(EXTRACTS)


def test_workbooks_carry_no_time_of_writing(city: Delivered) -> None:
    for path in city.folder.glob("*.xlsx"):
        with zipfile.ZipFile(path) as archive:
            assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
            assert not any("docProps" in entry.filename for entry in archive.infolist())
