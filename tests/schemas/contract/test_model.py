"""The model of a contract: what it tells of itself, and that its constants are those of the upper floors."""

import json
import re
from dataclasses import FrozenInstanceError
from importlib.resources import files
from pathlib import Path

import pytest

from quality.agreement.agree import agreement_rules
from quality.rules.rule import checks
from schemas.codes import CodeLibrary
from schemas.contract.library import load_library
from schemas.contract.model import (
    BUILT_IN_RULES,
    DIMENSIONS,
    RULE_DIMENSIONS,
    Column,
    Contract,
    Subject,
    comment,
)

DOC = Path(__file__).parents[3] / "docs" / "contracts.md"


@pytest.fixture
def contract() -> Contract:
    return Contract(
        id="market.stall",
        title="摊位",
        version="1.0.0",
        department="market",
        department_title="市场局",
        description="一摊一行",
        columns=(
            Column("area", "面积", type="number"),
            Column("market_no", "市场编号", key=True),
            Column("stall_no", "摊位号", synonyms=("摊号", "摊位编号"), key=True),
            Column("size", "大小", derive="case when area > 9 then '大' else '小' end"),
        ),
        deliveries=(),
        subjects=(Subject("stall", "stall", "stall_no"),),
    )


def test_the_key_is_in_the_order_of_the_columns(contract: Contract) -> None:
    assert [column.name for column in contract.key] == ["market_no", "stall_no"]


def test_a_derived_column_is_not_delivered(contract: Contract) -> None:
    assert [column.name for column in contract.delivered_columns] == ["area", "market_no", "stall_no"]
    assert not contract.column("size").delivered


def test_a_column_may_stand_under_its_title_a_synonym_or_its_name(contract: Contract) -> None:
    assert contract.column("stall_no").titles == ("摊位号", "摊号", "摊位编号", "stall_no")


def test_the_dataset_is_the_id_without_the_department(contract: Contract) -> None:
    assert contract.dataset == "stall"


def test_parts_are_found_by_name_and_a_missing_one_is_told_with_the_contract(
    contract: Contract,
) -> None:
    assert contract.column("area").title == "面积"
    assert contract.subject("stall").key == "stall_no"
    with pytest.raises(KeyError, match=r"market\.stall has no column 'price'"):
        contract.column("price")
    with pytest.raises(KeyError, match=r"market\.stall has no subject 'owner'"):
        contract.subject("owner")


def test_a_comment_is_the_title_and_what_it_means(contract: Contract) -> None:
    assert contract.comment == "摊位：一摊一行"
    assert contract.column("area").comment == "面积"
    assert comment("面积", "单位为平方米") == "面积：单位为平方米"


def test_a_contract_cannot_be_changed(contract: Contract) -> None:
    with pytest.raises(FrozenInstanceError):
        contract.title = "其他"  # type: ignore[misc]


def test_the_dimensions_are_the_six_of_the_national_standard() -> None:
    # GB/T 36344-2018, chapter 4, in its order.
    assert tuple(DIMENSIONS.values()) == (
        "规范性", "完整性", "准确性", "一致性", "时效性", "可访问性",
    )  # fmt: skip


def test_a_rule_may_have_the_dimensions_that_both_standards_know() -> None:
    schema = json.loads((files("open_data_contract_standard") / "schema.json").read_text("utf-8"))
    odcs = schema["$defs"]["DataQuality"]["properties"]["dimension"]["enum"]
    assert set(RULE_DIMENSIONS) == set(DIMENSIONS) & set(odcs)


def test_the_names_of_the_built_in_rules_are_those_that_verification_uses(tmp_path: Path) -> None:
    # The documented example has every fact that makes a rule.
    example = DOC.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    other = example.replace("id: civil_affairs.elderly_allowance", "id: civil_affairs.example")
    (tmp_path / "example.yaml").write_text(other, encoding="utf-8")
    library, codes = load_library([tmp_path]), CodeLibrary()
    made = [
        check.rule.name
        for contract in library
        for check in checks(contract, library, codes)
        if check.rule not in contract.rules
    ]
    made += [rule.name for _, rule in agreement_rules(library)]
    assert {re.sub("^(agreement|semantic_kind)_.*", r"\1", name) for name in made} == set(BUILT_IN_RULES)
