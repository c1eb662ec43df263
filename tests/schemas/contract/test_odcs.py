"""Reading contracts: every key arrives where it should, and what cannot be read is said with its line."""

import hashlib
import re
from pathlib import Path

import pytest

from schemas.contract.model import Column, Contract, Delivery, Feed, Join, Route, Rule, Subject
from schemas.contract.odcs import ContractError, read_contract

DOC = Path(__file__).parents[3] / "docs" / "contracts.md"
EXAMPLE = DOC.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
# In a replacement: the line on which the error is expected; else it is the replacement's first.
HERE = "# here"


def broken(old: str, new: str) -> tuple[str, int]:
    """The example with one place replaced, and the line that has to be named."""
    assert old in EXAMPLE, old
    start = EXAMPLE.index(old)
    before = EXAMPLE[:start] + new.split(HERE)[0]
    line = before.count("\n") + 1 if HERE in new else EXAMPLE[:start].count("\n") + 1
    return EXAMPLE.replace(old, new, 1), line


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "elderly_allowance.yaml"


@pytest.fixture
def contract(file: Path) -> Contract:
    file.write_text(EXAMPLE, encoding="utf-8")
    return read_contract(file)


def test_the_facts_of_the_dataset_arrive(contract: Contract, file: Path) -> None:
    assert contract.id == "civil_affairs.elderly_allowance"
    assert contract.dataset == "elderly_allowance"
    assert (contract.title, contract.version) == ("高龄津贴", "1.0.0")
    assert (contract.department, contract.department_title) == ("civil_affairs", "民政局")
    assert contract.description.startswith("享受高龄津贴的老年人")
    assert contract.owner == "民政局养老服务科"
    assert contract.tags == ("人口", "民生保障")
    assert (contract.frequency_days, contract.latency_days) == (31, 5)
    assert (contract.label, contract.latest) == ("name", "started_on")
    assert contract.subjects == (Subject("person", "person", "resident_id"),)
    assert contract.routes == (Route("village_code"), Route("resident_id", "police.population"))
    assert contract.deliveries == (Delivery("csv", "高龄津贴*.csv", ("gb18030",), name="delivery"),)
    assert contract.path == file
    assert contract.digest == hashlib.sha256(EXAMPLE.encode()).hexdigest()


def test_the_facts_of_a_column_arrive(contract: Contract) -> None:
    assert [column.name for column in contract.columns] == [
        "resident_id", "name", "card_no", "monthly_amount", "started_on", "status", "village_code",
        "born_on",
    ]  # fmt: skip
    amount = contract.column("monthly_amount")
    assert amount == Column(
        name="monthly_amount",
        title="月津贴金额",
        type="number",
        description="单位为元",
        synonyms=("月津贴金额(元)",),
        required=True,
        minimum="0",
        maximum="2000",
        feeds=(Feed("person", "elderly_allowance_amount"),),
        line=EXAMPLE[: EXAMPLE.index("- name: monthly_amount")].count("\n") + 1,
    )
    key = contract.column("resident_id")
    assert (key.key, key.kind, key.references) == (True, "resident_id", "police.population.resident_id")
    card = contract.column("card_no")
    assert (card.unique, card.max_length, card.pattern) == (True, 9, "^[0-9A-Z]{9}$")
    assert contract.column("status").codes == "allowance_status"
    assert contract.column("born_on").derive == "resident_id_birth_date(resident_id)"


def test_a_column_without_classification_has_the_level_of_its_kind(contract: Contract) -> None:
    levels = {column.name: column.classification for column in contract.columns}
    assert levels["resident_id"] == "L4"
    assert levels["village_code"] == "L2", "said by the contract, whatever the kind says"
    assert levels["name"] == "L3"
    assert levels["status"] == "L3", "no kind"


def test_the_facts_of_a_rule_arrive(contract: Contract) -> None:
    assert contract.rules[1] == Rule(
        name="deceased_on_allowance",
        field="status",
        dimension="timeliness",
        severity="error",
        description="已登记死亡超过 30 天，仍在发放高龄津贴",
        violates="status = '1' and death.death_date < batch_date - 30",
        suggest="'2'",
        evidence="concat('死亡医学证明 ', death.certificate_no, '，死亡日期 ', death.death_date)",
        joins=(Join("death", "health.death", "resident_id"),),
        line=EXAMPLE[: EXAMPLE.rindex("- type: custom")].count("\n") + 1,
    )


@pytest.mark.parametrize(
    ("unit", "days"),
    [("d", 3), ("days", 3), ("w", 21), ("m", 93), ("months", 93), ("y", 1098), ("years", 1098)],
)
def test_a_frequency_is_read_in_days(file: Path, unit: str, days: int) -> None:
    text = EXAMPLE.replace("value: 1, unit: m", f"value: 3, unit: {unit}")
    file.write_text(text, encoding="utf-8")
    assert read_contract(file).frequency_days == days


@pytest.mark.parametrize("bound", ["2009-01-01", "'2009-01-01'", '"2009-01-01"'])
def test_a_date_is_text_with_or_without_quotes(file: Path, bound: str) -> None:
    file.write_text(EXAMPLE.replace('"2009-01-01"', bound), encoding="utf-8")
    assert read_contract(file).column("started_on").minimum == "2009-01-01"


def test_a_byte_order_mark_does_no_harm(file: Path) -> None:
    file.write_text(EXAMPLE, encoding="utf-8-sig")
    assert read_contract(file).id == "civil_affairs.elderly_allowance"


def test_rules_of_other_engines_are_not_ours(file: Path) -> None:
    file.write_text(EXAMPLE.replace("engine: zhenjie", "engine: soda", 1), encoding="utf-8")
    assert [rule.name for rule in read_contract(file).rules] == ["deceased_on_allowance"]


UNREADABLE = [
    # what is replaced, by what, what the error says
    ("tenant: 民政局", "tenant: 民政局: x", "not YAML: "),
    ("tags: [人口, 民生保障]", "tags: [人口, 民生保障", "not YAML: "),
    ("status: active\n", "\tstatus: active\n", "look at the indentation"),
    ("status: active\n", "status: active\nstatus: draft  # here\n", "status is said twice, first on line 6"),
    (
        "        required: true\n",
        "        required: true\n        required: false  # here\n",
        "required is said twice",
    ),
    (
        "tenant: 民政局\n",
        "tenent: 民政局\n",
        "tenent is not as the standard says: the standard has no such key",
    ),
    ("version: 1.0.0", "version: 1.0", "version is not as the standard says: write text, in quotes"),
    (
        "required: true",
        "required: maybe",
        "schema.0.properties.0.required is not as the standard says: write true or false",
    ),
    ("tags: [人口, 民生保障]", "tags: 人口", "tags is not as the standard says: write a list"),
    ("[{synonym: 公民身份号码}]", "[公民身份号码]", "write a mapping"),
    ("team:\n  name: 民政局养老服务科", "team:\n  - 民政局养老服务科", "team is not as the standard says"),
    (
        "  - name: elderly_allowance\n",
        "  - name: other\n  - name: elderly_allowance  # here\n",
        "schema must have exactly one table",
    ),
    (
        "      - name: name\n        businessName: 姓名\n",
        "      - name: name\n",
        "a property needs name and businessName",
    ),
    (
        "value: [{column: village_code}, {dataset: police.population, by: resident_id}]",
        "value: village_code",
        "unit: write a list of {column: <column>}",
    ),
    (
        "{dataset: police.population, by: resident_id}",
        "{dataset: police.population}",
        "unit: each way is {column: <column>} or",
    ),
    (
        "value: {person: {entity: person, key: resident_id}}",
        "value: [person]",
        "subjects: write a mapping {<alias>:",
    ),
    ("{entity: person, key: resident_id}", "{entity: person}", "subjects: person: write {<alias>: {entity"),
    (
        "{entity: person, key: resident_id}",
        "{entity: person, key: resident_id, role: x}",
        "with nothing else",
    ),
    ("{property: label, value: name}", "{property: label, value: [name]}", "label: ['name'] is not text"),
    (
        "{property: label, value: name}",
        "{property: label, value: name}\n  - {property: label, value: status}  # here",
        "custom property label is said twice",
    ),
    ("value: [gb18030]", "value: gb18030", "encodings: write a list of texts"),
    (
        "{property: encodings, value: [gb18030]}",
        "{property: headerRow, value: '2'}",
        "headerRow: '2' is not a whole number",
    ),
    (
        "{property: encodings, value: [gb18030]}",
        "{property: sheet, value: 2023}",
        "sheet: 2023 is not text: write one text, in quotes",
    ),
    (
        "value: resident_id}\n          - {property: feeds",
        "value: 1}\n          - {property: feeds",
        "semanticKind: 1 is not text",
    ),
    (
        "[person.resident_id]",
        "[people.resident_id]",
        "people.resident_id: write <subject>.<attribute>; the subjects are: person",
    ),
    ("[person.resident_id]", "[resident_id]", "write <subject>.<attribute>"),
    ("[person.resident_id]", "person.resident_id", "feeds: write a list [<subject>.<attribute>, …]"),
    ("[person.resident_id]", "[7]", "feeds: write a list [<subject>.<attribute>, …]"),
    (
        "[person.resident_id]",
        "{person.resident_id: 7}",
        "feeds: write a list [<subject>.<attribute>, …]; whose word counts is said in _authority.yaml",
    ),
    ("[person.resident_id]", "[person.resident_id, person.resident_id]", "resident_id is there twice"),
    ("[{to: police.population.resident_id}]", "[{to: a.b.c}, {to: d.e.f}]", "write one relationship"),
    ("value: 1, unit: m", "value: 1.5, unit: m", "frequency: write a whole number as value and d, w, m or y"),
    ("value: 5, unit: d", "value: 5, unit: h", "latency: write a whole number"),
    (
        "      - type: custom\n        engine: zhenjie\n        name: under_eighty\n",
        "      - type: custom\n        engine: zhenjie\n",
        "a rule needs a name and an implementation",
    ),
    (
        "        implementation:\n          field: resident_id\n",
        "        implementation:\n",
        "rule under_eighty: field is missing: add it",
    ),
    (
        "          violates: is_resident_id",
        "          violate: is_resident_id",
        "rule under_eighty: unknown key violate: write field, violates",
    ),
    ("\"'2'\"", "2", "rule deceased_on_allowance: suggest is not text: put it in quotes"),
    ("join: {death: health.death}", "join: health.death", "rule deceased_on_allowance: join is a mapping"),
    (
        "join: {death: health.death}",
        "join: {death: {dataset: health.death}}",
        "join death: write {dataset: <id>, by: <column>}",
    ),
]


@pytest.mark.parametrize(("old", "new", "said"), UNREADABLE)
def test_what_cannot_be_read_is_told_with_its_line_and_what_to_do(
    file: Path, old: str, new: str, said: str
) -> None:
    text, line = broken(old, new)
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ContractError, match=re.escape(said)) as caught:
        read_contract(file)
    # A parser notices an open bracket only at the next line.
    assert caught.value.line - line in ((0, 1) if "not YAML" in said else (0,))
    assert str(caught.value).startswith(f"{file}:{caught.value.line}: ")


@pytest.mark.parametrize("name", ["id", "name", "version", "domain", "tenant"])
def test_what_every_contract_must_say_is_asked_for(file: Path, name: str) -> None:
    file.write_text(re.sub(rf"(?m)^{name}: .*\n", "", EXAMPLE, count=1), encoding="utf-8")
    with pytest.raises(ContractError, match=f":1: {name} is missing: add it at the top"):
        read_contract(file)


def test_with_several_subjects_a_join_says_by_which(file: Path) -> None:
    text = EXAMPLE.replace(
        "{person: {entity: person, key: resident_id}}",
        "{person: {entity: person, key: resident_id}, card: {entity: card, key: card_no}}",
    )
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ContractError, match=r"join death: write \{dataset: <id>, by: <column>\}"):
        read_contract(file)
    text = text.replace("death: health.death", "death: {dataset: health.death, by: resident_id}")
    file.write_text(text, encoding="utf-8")
    assert read_contract(file).rules[1].joins == (Join("death", "health.death", "resident_id"),)


def test_another_encoding_is_told_with_the_first_line_that_shows_it(file: Path) -> None:
    file.write_bytes(EXAMPLE.encode("gb18030"))
    with pytest.raises(ContractError, match="not UTF-8: save the file as UTF-8") as caught:
        read_contract(file)
    assert caught.value.line == 4, "name: 高龄津贴"


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a\n- b\n", "only text\n"])
def test_a_file_that_is_no_mapping_is_told_so(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ContractError, match="the file is not a mapping"):
        read_contract(file)


def test_control_characters_are_told_as_such(file: Path) -> None:
    file.write_text("id: a\x00b\n", encoding="utf-8")
    with pytest.raises(ContractError, match="not YAML: "):
        read_contract(file)
