"""What is printed: escaped for terminals, whole for programs, readable where it is wide."""

from __future__ import annotations

import json

import pytest

from pipelines.terminal import console

ODD = "a\x1b[2J\u202e\u3164\x9b\U000e0041\udcff 户籍"


def test_json_is_harmless_to_a_terminal_and_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    console.as_json([{"name": ODD, "lines": "a\nb"}])
    out = capsys.readouterr().out
    assert json.loads(out) == [{"name": ODD, "lines": "a\nb"}]
    assert not set(ODD) - set("a[2J 户籍") & set(out) - {"\n"}


def test_tables_and_messages_escape(capsys: pytest.CaptureFixture[str]) -> None:
    console.table(["列\x1b[1m"], [[ODD], ["a\nb"]])
    console.result(ODD)
    console.progress(ODD)
    said = capsys.readouterr()
    for stream in (said.out, said.err):
        assert "a\\x1b[2J\\u202e\\u3164\\x9b\\U000e0041\\udcff 户籍" in stream
        assert "\x1b" not in stream and "\x9b" not in stream


def test_short_cells_are_never_broken_and_a_table_that_is_too_wide_becomes_lists(
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = [f"列{number}" for number in range(12)]
    console.table(["代码", "说明"], [["police.population", "长" * 300]])
    assert "│ police.population │" in capsys.readouterr().out
    console.table(names, [[f"value of column {number}" for number in range(12)], ["x", *[None] * 11]], "标题")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "标题"
    assert [line.split(maxsplit=1) for line in lines if line.startswith("列")] == [
        *([f"列{number}", f"value of column {number}"] for number in range(12)),
        ["列0", "x"],
    ]
