"""What commands say where contracts have problems: the same words and the same exit code, whichever command it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines import cli
from pipelines.terminal import console

CONTRACT = """
apiVersion: v3.2.0
kind: DataContract
id: office.thing
name: 事项
version: 1.0.0
status: active
domain: office
tenant: 办公室
description: {purpose: 一事一行}
servers: [{server: a, type: local, path: "*.csv", format: csv}]
customProperties: [{property: delivery, value: snapshot}, {property: label, value: nothing_of_that_name}]
schema:
  - name: thing
    properties: [{name: number, businessName: 编号, logicalType: string, required: true, primaryKey: true}]
"""


@pytest.mark.parametrize("verb", [["contract", "lint"], ["deliver", "x.csv"], ["run"]])
@pytest.mark.parametrize(
    ("text", "said"), [(CONTRACT, "合同有 1 处问题，请先按上面的提示改正"), ("a: [", "thing.yaml")]
)
def test_problems_of_contracts_are_a_wrong_call(
    verb: list[str],
    text: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "contracts"
    folder.mkdir()
    (folder / "thing.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "x.csv").write_text("编号\n1\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZHENJIE_CONTRACTS", str(folder))
    monkeypatch.setattr("sys.argv", ["zhenjie", "--home", str(tmp_path / "home"), *verb])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == console.USAGE
    assert said in capsys.readouterr().err
