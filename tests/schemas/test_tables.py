"""The standard of our own tables: all of them are complete, and a wrong entry does not load."""

import pytest
from pydantic import TypeAdapter, ValidationError

from schemas.contract.model import LOGICAL_TYPES
from schemas.lints.problem import NAME, has_chinese
from schemas.tables import TableField, TableStandard, load_tables


def test_every_table_and_column_has_a_chinese_title() -> None:
    for table in load_tables().values():
        assert has_chinese(table.title), table.id
        assert table.fields, table.id
        for field in table.fields:
            assert has_chinese(field.title), (table.id, field.name)
            assert NAME.fullmatch(field.name), (table.id, field.name)
            assert field.type in LOGICAL_TYPES


def test_no_table_has_a_column_twice() -> None:
    for table in load_tables().values():
        names = [field.name for field in table.fields]
        assert len(names) == len(set(names)), table.id


def test_a_table_is_known_by_the_file_and_its_name() -> None:
    finding = load_tables()["quality.finding"]
    assert finding.id == "quality.finding"
    assert [field.name for field in finding.fields[:4]] == ["batch", "finding_id", "dataset", "rule"]
    assert finding.fields[0] == TableField("batch", "date", "批次")


def test_a_comment_is_the_title_and_what_it_means() -> None:
    field = TableField("township_code", "string", "镇街代码", "九位")
    table = TableStandard("quality.x", "问题", "", (field,))
    assert field.comment == "镇街代码：九位"
    assert table.comment == "问题"


def test_the_tables_are_read_once_and_cannot_be_changed() -> None:
    assert load_tables() is load_tables()
    with pytest.raises(TypeError):
        load_tables()["quality.finding"] = None  # type: ignore[index]


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"type": "text"}, "type"),
        ({"titel": "批次"}, "titel"),
        ({"title": 3}, "title"),
    ],
)
def test_a_wrong_entry_is_told(facts: dict[str, object], said: str) -> None:
    entry = {"name": "batch", "type": "date", "title": "批次", **facts}
    with pytest.raises(ValidationError, match=said):
        TypeAdapter(TableField).validate_python(entry)
