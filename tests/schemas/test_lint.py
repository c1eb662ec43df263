"""The linter: shipped contracts and the documented example are clean; every rule speaks on the right line."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quality.rules.rule import checks
from schemas.codes import CodeLibrary
from schemas.contract.library import load_library
from schemas.document import ContractError
from schemas.lint import lint
from schemas.lints.problem import Problem
from schemas.lints.rules import RESERVED_ALIASES

DOC = Path(__file__).parents[2] / "docs" / "contracts.md"
EXAMPLE = (
    DOC.read_text(encoding="utf-8")
    .split("```yaml\n")[1]
    .split("```")[0]
    .replace("{death: health.death}", "{death: {dataset: health.death, by: resident_id}}")
)
# In a replacement: the line on which the problem is expected; else it is the replacement's first.
HERE = "# here"

# The little that the example needs of its neighbours.
NEIGHBOUR = """
apiVersion: v3.2.0
kind: DataContract
id: {department}.{dataset}
name: 邻居
version: 1.0.0
status: active
domain: {department}
tenant: 部门
description: {{purpose: 一人一行}}
servers: [{{server: delivery, type: local, path: "*.csv", format: csv}}]
customProperties:
  - {{property: delivery, value: snapshot}}
  - {{property: subjects, value: {{person: {{entity: person, key: resident_id}}}}}}
  - {{property: unit, value: [{{column: village_code}}]}}
schema:
  - name: {dataset}
    properties:
      - name: resident_id
        businessName: 身份证号
        logicalType: string
        required: true
        primaryKey: true
        customProperties:
          - {{property: semanticKind, value: resident_id}}
          - {{property: feeds, value: [person.resident_id]}}
      - name: village_code
        businessName: 村居代码
        logicalType: string
        customProperties:
          - {{property: semanticKind, value: division_code}}
          - {{property: codeTable, value: division}}
          - {{property: feeds, value: [person.village_code]}}
      - {{name: death_date, businessName: 死亡日期, logicalType: date}}
      - {{name: certificate_no, businessName: 证件编号, logicalType: string}}
"""
ENTITIES = "person: {title: 人员, key: resident_id}\n"
AUTHORITY = """\
person:
  resident_id: [police.population]
  village_code: [police.population, health.death, civil_affairs.elderly_allowance]
  name: [civil_affairs.elderly_allowance]
  elderly_allowance_amount: [civil_affairs.elderly_allowance]
  elderly_allowance_status: [civil_affairs.elderly_allowance]
"""


@pytest.fixture(scope="module")
def codes() -> CodeLibrary:
    return CodeLibrary()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A contract folder with everything but the example."""
    for department, dataset in (("police", "population"), ("health", "death")):
        text = NEIGHBOUR.format(department=department, dataset=dataset)
        (tmp_path / f"{dataset}.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "_entities.yaml").write_text(ENTITIES, encoding="utf-8")
    (tmp_path / "_authority.yaml").write_text(AUTHORITY, encoding="utf-8")
    return tmp_path


@pytest.fixture
def problems_of(folder: Path, codes: CodeLibrary) -> Callable[[str], list[Problem]]:
    def problems(text: str) -> list[Problem]:
        (folder / "example.yaml").write_text(text, encoding="utf-8")
        return lint(load_library([folder], shipped=False), codes)

    return problems


def broken(old: str, new: str) -> tuple[str, int]:
    """The example with one place replaced, and the line that has to be named."""
    assert old in EXAMPLE, old
    start = EXAMPLE.index(old)
    before = EXAMPLE[:start] + (new.split(HERE)[0] if HERE in new else "")
    return EXAMPLE.replace(old, new, 1), before.count("\n") + 1


def test_the_shipped_contracts_are_clean(codes: CodeLibrary) -> None:
    library = load_library()
    assert len(library.contracts) >= 8
    assert lint(library, codes) == []


def test_the_example_is_clean_beside_its_neighbours(
    problems_of: Callable[[str], list[Problem]],
) -> None:
    assert problems_of(EXAMPLE) == []


STANDARD = [
    ("kind: DataContract", "kind: Contract", "kind is 'Contract': write one of DataContract"),
    ("apiVersion: v3.2.0", "apiVersion: v9", "apiVersion is 'v9': write one of v3.2.0, v3.1.0"),
    ("apiVersion: v3.2.0", "apiVersion: v2.2.2", "apiVersion is v2.2.2: write v3.2.0"),
    ("  - server: delivery\n    type", "  - type", "server is missing: the standard wants it here"),
    ("businessName: 姓名", "businessName: 姓名\n        mandatory: true  # here", "unknown key mandatory"),
    ("[{synonym: 公民身份号码}]", "[{synonym: 公民身份号码, lang: zh}]", "unknown key lang"),
    ("  - server: delivery\n    type: local\n    path: 高龄津贴*.csv\n",
     "  - server: delivery\n    type: local\n", "path is missing: the standard wants it here"),
    ("    format: csv\n", "    format: csv\n    delimiter: ';'  # here\n", "unknown key delimiter"),
    ("- name: status\n        businessName: 发放状态\n        logicalType: string\n",
     "- name: status\n        businessName: 发放状态\n", "status: no logicalType: write one of string"),
]  # fmt: skip

DATASET = [
    ("customProperties:\n  - {property: delivery, value: snapshot}\n", "customProperties:\n",
     "how an extract relates to the one before is not said: add {property: delivery"),
    ("value: snapshot", "value: sometimes", "how an extract relates to the one before"),
    (
        "value: snapshot}",
        "value: snapshot}\n  - {property: volume, value: {fall: 3}}  # here",
        "volume: fall 3 is no share",
    ),
    (
        "value: snapshot}",
        "value: snapshot}\n  - {property: volume, value: {handling: refuse}}  # here",
        "volume: handling 'refuse'",
    ),
    (
        "value: snapshot}",
        "value: delta}\n  - {property: change, value: {column: state, removed: [D]}}  # here",
        "change: unknown delivered column state",
    ),
    (
        "value: snapshot}",
        "value: snapshot}\n  - {property: change, value: {column: status, removed: [D]}}  # here",
        "change: every delivery is a snapshot",
    ),
    ("encodings, value: [gb18030]", "delivery, value: daily", "delivery 'daily'"),
    (
        "{property: codeTable, value: allowance_status}",
        "{property: mergedCells, value: repeat}",
        "status: mergedCells means nothing but for a column of a workbook",
    ),
    ("{property: label, value: name}", "{property: key, value: some}", "key 'some'"),
    ("encodings, value: [gb18030]", "parts, value: {name: 高龄, count: 2}", "parts: name does not say which group"),
    ("encodings, value: [gb18030]", "parts, value: {name: '(.+)_'}", "parts: when are they all there"),
    ("encodings, value: [gb18030]", "parts, value: {count: 2, all: [甲]}", "parts: it is not said once"),
    ("encodings, value: [gb18030]", "parts, value: 0", "parts: count 0"),
    (
        "{property: codeTable, value: allowance_status}",
        "{property: groupRow, value: true}",
        "status: groupRow means nothing but for a column of a workbook",
    ),
    (
        "{property: codeTable, value: allowance_status}",
        "{property: fromFileName, value: '(\\d{4}'}",
        "status: fromFileName is no regular expression",
    ),
    (
        "{property: codeTable, value: allowance_status}",
        "{property: fromTitle, value: '(\\d{4})年(\\d+)月'}",
        "status: fromTitle has 2 groups",
    ),
    ("encodings, value: [gb18030]", "headings, value: keine", "headings 'keine'"),
    (
        "{property: codeTable, value: allowance_status}",
        "{property: suggest, value: address_division(place)}",
        "status: suggest: unknown column place",
    ),
    ("{property: label, ", "{property: lable, ", "unknown custom property lable: did you mean label?"),
    ("{property: encodings, ", "{property: encoding, ", "did you mean encodings?"),
    ("{property: codeTable, ", "{property: codetable, ", "did you mean codeTable?"),
    ("    properties:\n",
     "    customProperties:\n      - {property: feeds, value: 1}  # here\n    properties:\n",
     "unknown custom property feeds: take it out"),
    ("id: civil_affairs.elderly_allowance", "id: civil_affairs.老人", "is not <department>.<dataset>"),
    ("domain: civil_affairs", "domain: civil", "domain civil is not the id's civil_affairs"),
    ("name: 高龄津贴", "name: allowance", "name is 'allowance': say it in Chinese"),
    ("tenant: 民政局", "tenant: MCA", "tenant is 'MCA': say it in Chinese"),
    ("description:\n  purpose", "description:\n  purpos", "description.purpose is ''"),
    ("value: 1, unit: m", "value: 0, unit: m", "frequency is 0: write how often"),
    ("schema:\n  - name: elderly_allowance\n    properties:\n      - name: resident_id\n"
     "        businessName: 身份证号\n        synonyms: [{synonym: 公民身份号码}]\n"
     "        logicalType: string\n        required: true\n        primaryKey: true\n",
     "schema:\n  - name: elderly_allowance\n    properties:\n      - name: resident_id\n"
     "        businessName: 身份证号\n        logicalType: string\n        required: true\n",
     "no column is primaryKey: say what identifies a row"),
    ("- name: card_no\n", "- name: card_no\n        primaryKey: true\n",
     "card_no is primaryKey but not required"),
    ("businessName: 姓名", "businessName: 身份证号", "身份证号 is a heading of name and of resident_id"),
    ("[{synonym: 月津贴金额(元)}]", "[{synonym: ＮＡＭＥ}]", "a heading of monthly_amount and of name"),
    ("value: name}", "value: nam}", "label: unknown column nam: did you mean name?"),
    ("value: started_on}", "value: begun_on}", "latest: unknown column begun_on"),
    ("value: started_on}", "value: status}", "latest: status is a string: name a column whose order"),
]  # fmt: skip

DELIVERY = [
    ("    type: local\n", "    type: sftp\n", "a delivery is a file that someone hands in"),
    ("    format: csv\n", "    format: parquet\n", "format 'parquet': write one of csv, dbf, sqlite, xlsx"),
    ("path: 高龄津贴*.csv", "path: inbox/高龄津贴*.csv", "is not the pattern of a file name"),
    ("value: [gb18030]", "value: [gbk2312]", "unknown encoding gbk2312"),
    ("encodings, value: [gb18030]", "sheet, value: 名册", "sheet means nothing for csv: take it out"),
    ("encodings, value: [gb18030]", "table, value: t", "table means nothing for csv"),
    ("encodings, value: [gb18030]", "headerRow, value: 0", "headerRow counts from 1"),
    ("encodings, value: [gb18030]", "delimiter, value: tab", "delimiter 'tab' is not one character"),
    ("format: csv\n    customProperties:\n      - {property: encodings, value: [gb18030]}",
     "format: xlsx\n    customProperties:\n      - {property: encodings, value: [gb18030]}  # here",
     "encodings means nothing for xlsx"),
]  # fmt: skip

SUBJECTS = [
    ("{entity: person, key", "{entity: persons, key", "unknown entity persons: did you mean person?"),
    ("{person: {", "{payee: {entity: person, key: payee_id}, person: {",
     "subject payee: unknown column payee_id"),
    ("{person: {", "{payee: {entity: person, key: resident_id}, person: {",
     "subjects payee and person have the same key"),
    ("{person: {", "{status: {entity: person, key: card_no}, person: {",
     "subject status is also a column: call the subject otherwise"),
    ("{person: {", "{Payee: {entity: person, key: card_no}, person: {",
     "subject Payee is not lower_snake_case"),
    ("{person: {", "{payee: {entity: person, key: monthly_amount}, person: {",
     "its key monthly_amount is not a string"),
    ("{column: village_code}", "{column: village}", "unknown column village: did you mean village_code?"),
    ("{column: village_code}", "{column: card_no}", "unit: card_no is not a division code"),
    ("dataset: police.population", "dataset: police.people", "unit: unknown dataset police.people"),
]  # fmt: skip

COLUMNS = [
    ("- name: card_no", "- name: name", "name: a column of that name is there already"),
    ("- name: card_no", "- name: cardNo", "cardNo: the name is not lower_snake_case"),
    ("- name: card_no", "- name: record_key", "record_key: the name is one of ours"),
    ("- name: card_no", "- name: file_index", "file_index: the name is one of ours"),
    ("- name: card_no", "- name: batch_date", "batch_date: the name is one of ours"),
    ("- name: card_no", "- name: card__delivered", "card__delivered: the name is one of ours"),
    ("businessName: 社会保障卡号", "businessName: Card", "card_no: businessName is 'Card'"),
    ("description: 单位为元", "description: yuan", "the description has no Chinese"),
    ("logicalType: number", "logicalType: decimal", "logicalType decimal: write one of boolean"),
    ("classification: L2", "classification: L5", "classification L5: write one of L1, L2, L3, L4"),
    ("value: allowance_status}", "value: alowance_status}", "did you mean allowance_status?"),
    ("value: person_name}", "value: person}", "unknown semanticKind person: did you mean person_name?"),
    ('minimum: "2009-01-01"', "minimum: 2009-1-1", "started_on: minimum 2009-1-1 is no date"),
    ('minimum: "2009-01-01"', "minimum: 2009-02-30", "started_on: minimum 2009-02-30 is no date"),
    ("minimum: 0", "minimum: zero", "monthly_amount: minimum zero is no number"),
    ("{minimum: 0, maximum: 2000}", "{minimum: 9000, maximum: 2000}", "minimum is above maximum"),
    ("{maxLength: 9, ", "{minimum: 1, ", "card_no: minimum is not for a string"),
    ("{minimum: 0, maximum: 2000}", "{pattern: '^1'}", "pattern is for text, not for a number"),
    ("{minimum: 0, maximum: 2000}", "{maxLength: 5}", "maxLength is for text, not for a number"),
    ("maxLength: 9", "maxLength: nine", "card_no: maxLength is no number"),
    ('"^[0-9A-Z]{9}$"', '"^(?=A)"', "`^(?=A)` is not a regular expression of RE2"),
    ("{maxLength: 9, ", "{minLength: 9, ", "option minLength is not checked here"),
    ("        unique: true\n", "        enum: [{value: a}]\n", "card_no: enum is not checked here"),
    ("        unique: true\n", "        quality: [{type: text, description: 说明}]\n",
     "card_no: a rule under a column is not run"),
    ("        relationships: [{to: police.population.resident_id}]",
     "        relationships: [{to: police.population.id}]", "police.population.id, which no contract has"),
    ("        relationships: [{to: police.population.resident_id}]",
     "        relationships: [{to: resident_id}]", "refers to resident_id, which no contract has"),
    ("        relationships: [{to: police.population.resident_id}]",
     "        relationships: [{to: police.population.death_date}]",
     "is a string and refers to a date: give both one logicalType"),
    ("[person.name]", "[person.Name]", "feeds person.Name: write the attribute in lower_snake"),
    ("[person.name]", "[person.valid_from]", "name: feeds person.valid_from, a name of ours"),
    ("[person.name]", "[person.key]", "name: feeds person.key, a name of ours"),
    ("[person.name]", "[person.name__any]", "a name of ours: rename it"),
    ("[person.resident_id]", "[person.id]", "the subject's key column resident_id, and it alone"),
    ("transformLogic: resident_id_birth_date(", "transformLogic: birth_date(",
     "born_on: transformLogic: `BIRTH_DATE(resident_id)` calls a function"),
    ("transformLogic: resident_id_birth_date(resident_id)", "transformLogic: batch_date",
     "unknown column batch_date: see docs/contracts.md on expressions"),
    ("transformLogic: resident_id_birth_date(resident_id)", "transformLogic: born_on",
     "unknown column born_on"),
    ("        transformLogic", "        required: true\n        transformLogic",
     "required means nothing for a derived column"),
    ("        transformLogic", "        logicalTypeOptions: {minimum: 1900-01-01}\n        transformLogic",
     "logicalTypeOptions means nothing for a derived column"),
]  # fmt: skip

RULES = [
    ("        name: under_eighty", "        name: Under80", "rule Under80: the name is not lower_snake"),
    ("        name: under_eighty", "        name: presence", "a built-in rule has that name"),
    ("        name: under_eighty", "        name: agreement_person", "a built-in rule has that name"),
    ("        name: deceased_on_allowance", "        name: under_eighty", "of that name is there already"),
    ("dimension: accuracy", "dimension: accessibility", "'accessibility': write one of accuracy"),
    ("dimension: accuracy", "dimension: uniqueness", "dimension 'uniqueness': write one of accuracy"),
    ("severity: error", "severity: high", "severity 'high': write one of error, warning"),
    ("description: 未满八十周岁却享受高龄津贴", "description: too young", "say in Chinese what is wrong"),
    ("          field: resident_id", "          field: residentid", "unknown field residentid"),
    ("          field: resident_id", "          field: born_on", "field born_on is derived"),
    ("      - type: custom\n        engine: zhenjie", "      - type: custom\n        engine: soda",
     "quality item under_eighty is not run here: write type: custom and engine: zhenjie"),
    ("violates: is_resident_id(resident_id)", "violates: is_resident_id(residentid)",
     "rule under_eighty: violates: unknown column residentid (did you mean resident_id?)"),
    ("\"'2'\"", "\"'2\"", "rule deceased_on_allowance: suggest: not SQL: a quote is not closed"),
    ("evidence: concat('身份证号", "evidence: string_agg('身份证号", "looks at several rows"),
    ("death.certificate_no", "death.certificate", "the joined dataset has no such column"),
    ("dataset: health.death,", "dataset: health.deaths,", "join death: unknown dataset health.deaths"),
    ("dataset: health.death, by: resident_id", "dataset: health.death, by: card_no",
     "join death: card_no is no subject's key: write the key column"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "said"), [*STANDARD, *DATASET, *DELIVERY, *SUBJECTS, *COLUMNS, *RULES]
)
def test_each_fault_is_told_once_on_its_line(
    problems_of: Callable[[str], list[Problem]], old: str, new: str, said: str
) -> None:
    text, line = broken(old, new)
    found = problems_of(text)
    assert [problem.line for problem in found] == [line], "\n".join(map(str, found))
    assert said in str(found[0])


ALIASES = [
    ("s", "join alias s is not allowed"),
    ("code_death", "join alias code_death is not allowed"),
    ("ref_death", "join alias ref_death is not allowed"),
    ("Death", "join alias Death is not allowed"),
    ("batch_date", "join alias batch_date is also a column"),
    ("name", "join alias name is also a column"),
]


@pytest.mark.parametrize(("alias", "said"), ALIASES)
def test_an_alias_is_not_a_name_that_stands_for_something_else(
    problems_of: Callable[[str], list[Problem]], alias: str, said: str
) -> None:
    text = EXAMPLE.replace("{death: {", f"{{{alias}: {{").replace("death.", f"{alias}.")
    text = text.replace(f"health.{alias}.", "health.death.")
    assert [said in str(problem) for problem in problems_of(text)] == [True]


def test_the_names_of_our_own_relations_are_refused_as_aliases(codes: CodeLibrary) -> None:
    library = load_library()
    lookups = {
        lookup.alias
        for contract in library
        for check in checks(contract, library, codes)
        if check.rule not in contract.rules
        for lookup in check.lookups
    }
    assert lookups
    assert [alias for alias in lookups if not RESERVED_ALIASES.fullmatch(alias)] == []


def test_an_alias_means_one_join_in_a_contract(
    problems_of: Callable[[str], list[Problem]],
) -> None:
    join = "          join: {death: {dataset: police.population, by: resident_id}}\n"
    text = EXAMPLE.replace("          violates: is_resident", join + "          violates: is_resident")
    found = problems_of(text)
    assert [problem.message for problem in found] == [
        "rule under_eighty: join alias death means another join elsewhere",
        "rule deceased_on_allowance: join alias death means another join elsewhere",
    ]


def test_the_key_is_made_in_the_order_of_the_columns(
    problems_of: Callable[[str], list[Problem]],
) -> None:
    def text(first: int, second: int) -> str:
        return EXAMPLE.replace(
            "        primaryKey: true\n", f"        primaryKey: true\n        primaryKeyPosition: {first}\n"
        ).replace(
            "        unique: true\n",
            f"        required: true\n        primaryKey: true\n        primaryKeyPosition: {second}\n",
        )

    assert problems_of(text(1, 2)) == []
    (found,) = problems_of(text(2, 1))
    assert found.message == "primaryKeyPosition is not the order of the columns"


def test_a_department_is_not_called_as_the_agreement_findings(
    problems_of: Callable[[str], list[Problem]],
) -> None:
    found = problems_of(EXAMPLE.replace("civil_affairs", "agreement"))
    assert [str(problem).partition("yaml:")[2] for problem in found] == [
        "7: agreement is a name of ours: call the domain otherwise"
    ]


def test_a_column_that_feeds_what_another_feeds_is_told(
    problems_of: Callable[[str], list[Problem]],
) -> None:
    found = problems_of(EXAMPLE.replace("[person.name]", "[person.elderly_allowance_status]"))
    messages = [problem.message for problem in found]
    assert "name: feeds person.elderly_allowance_status, as status does" in messages
    assert "status: feeds person.elderly_allowance_status, as name does" in messages


def test_only_the_key_feeds_the_key(problems_of: Callable[[str], list[Problem]]) -> None:
    found = problems_of(EXAMPLE.replace("[person.name]", "[person.resident_id]"))
    advice = "the subject's key column resident_id, and it alone, feeds resident_id"
    assert [problem.advice for problem in found].count(advice) == 1


def test_every_fault_of_a_contract_is_told_in_the_order_of_its_lines(
    problems_of: Callable[[str], list[Problem]],
) -> None:
    text = EXAMPLE.replace("tenant: 民政局", "tenant: MCA").replace("death.certificate_no", "death.no")
    text = text.replace("value: allowance_status}", "value: nothing}")
    lines = [problem.line for problem in problems_of(text)]
    assert len(lines) == 3
    assert lines == sorted(lines)


def test_a_problem_reads_as_file_line_fault_and_remedy() -> None:
    problem = Problem(Path("contracts/a.yaml"), 12, "no servers", "say how it is delivered")
    assert str(problem) == "contracts/a.yaml:12: no servers: say how it is delivered"


@pytest.mark.parametrize("bounds", ["{minimum: 9, maximum: 2000}", "{minimum: -20, maximum: -3.5}"])
def test_bounds_of_a_number_are_compared_as_numbers(
    problems_of: Callable[[str], list[Problem]], bounds: str
) -> None:
    assert problems_of(EXAMPLE.replace("{minimum: 0, maximum: 2000}", bounds)) == []


# Between contracts


@pytest.mark.parametrize(
    ("old", "new", "line", "said", "advice"),
    [
        (
            ", civil_affairs.elderly_allowance]\n  name",
            "]\n  name",
            None,
            "feeds person.village_code, and civil_affairs.elderly_allowance is in no order of person.village_code",
            "give it its place there, in {authority}:3",
        ),
        (
            "  name: [civil_affairs.elderly_allowance]\n",
            "",
            None,
            "feeds person.name, and civil_affairs.elderly_allowance is in no order of person.name",
            "give it its place there, in a file _authority.yaml",
        ),
        (
            "name: [civil_affairs.elderly_allowance]",
            "name: [civil_affairs.elderly_allowance, health.death]",
            4,
            "person.name: health.death does not feed person.name",
            "take it out",
        ),
        (
            "name: [civil_affairs.elderly_allowance]",
            "name: [civil_affairs.elderly_allowance, police.populaton]",
            4,
            "person.name: police.populaton is no dataset",
            "write one of civil_affairs.elderly_allowance",
        ),
        (
            "village_code: [police.population,",
            "village_code: [police.populatoin, police.population,",
            3,
            "person.village_code: police.populatoin is no dataset",
            "did you mean police.population?",
        ),
        (
            "  name: [",
            "  phone: [police.population]\n  name: [",
            4,
            "person.phone: police.population does not feed person.phone",
            "take it out",
        ),
        (
            "person:\n",
            "persons:\n  name: [police.population]\nperson:\n",
            2,
            "no entity is called persons",
            "did you mean person?",
        ),
    ],
)
def test_the_orders_of_authority_and_what_contracts_feed_agree(
    folder: Path,
    problems_of: Callable[[str], list[Problem]],
    old: str, new: str, line: int | None, said: str, advice: str,
) -> None:  # fmt: skip
    assert old in AUTHORITY
    path = folder / "_authority.yaml"
    path.write_text(AUTHORITY.replace(old, new), encoding="utf-8")
    (found,) = problems_of(EXAMPLE)
    assert (found.message, found.advice) == (said, advice.format(authority=path))
    if line is None:
        assert found.path == folder / "example.yaml"
    else:
        assert (found.path, found.line) == (path, line)


def test_several_datasets_may_establish_an_entity_and_others_only_speak_of_it(
    folder: Path, problems_of: Callable[[str], list[Problem]]
) -> None:
    assert problems_of(EXAMPLE) == [], "neither the deaths nor the allowance establish a person"
    both = AUTHORITY.replace("[police.population]", "[police.population, health.death]", 1)
    (folder / "_authority.yaml").write_text(both, encoding="utf-8")
    assert problems_of(EXAMPLE) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "          - {property: codeTable, value: division}\n",
            "",
            "person.village_code has codeTable none here and division in police.population",
        ),
        (
            "          - {property: semanticKind, value: resident_id}\n",
            "",
            "person.resident_id has normalisation clean_text here and normalise_resident_id",
        ),
        (
            "[person.elderly_allowance_amount]",
            "[person.village_code]",
            "person.village_code has logicalType number here and string in police.population",
        ),
    ],
)
def test_columns_that_feed_one_attribute_speak_one_language(
    problems_of: Callable[[str], list[Problem]], old: str, new: str, said: str
) -> None:
    assert old in EXAMPLE
    messages = [problem.message for problem in problems_of(EXAMPLE.replace(old, new))]
    assert any(message.startswith(said) for message in messages), messages


def test_an_entity_that_nobody_establishes_is_told(
    folder: Path, problems_of: Callable[[str], list[Problem]]
) -> None:
    text = AUTHORITY.replace("  resident_id: [police.population]\n", "")
    (folder / "_authority.yaml").write_text(text, encoding="utf-8")
    (found,) = problems_of(EXAMPLE)
    assert found.message == "no dataset establishes the entity person"
    assert found.advice.endswith("under person.resident_id in _authority.yaml")


def test_a_way_through_a_dataset_that_does_not_know_a_township_is_told(
    folder: Path, problems_of: Callable[[str], list[Problem]]
) -> None:
    path = folder / "death.yaml"
    text = path.read_text(encoding="utf-8").replace(
        "property: unit, value: [{column: village_code}]", "property: unit, value: []"
    )
    path.write_text(text, encoding="utf-8")
    found = problems_of(EXAMPLE.replace("dataset: police.population,", "dataset: health.death,"))
    assert [problem.message for problem in found] == ["unit: health.death does not know a township itself"]


def test_a_join_needs_exactly_one_such_subject_on_the_other_side(
    folder: Path, problems_of: Callable[[str], list[Problem]]
) -> None:
    path = folder / "death.yaml"
    text = path.read_text(encoding="utf-8").replace(
        "{person: {entity: person, key: resident_id}}",
        "{person: {entity: person, key: resident_id}, other: {entity: person, key: certificate_no}}",
    )
    path.write_text(text, encoding="utf-8")
    assert "rule deceased_on_allowance: join death: health.death speaks of 2 person" in [
        problem.message for problem in problems_of(EXAMPLE)
    ]


@pytest.mark.parametrize(
    ("entity", "said"),
    [
        ("Stall: {title: 摊位, key: stall_no}", "name and key are not lower_snake_case"),
        ("stall: {title: 摊位, key: 编号}", "name and key are not lower_snake_case"),
        ("stall: {title: stall, key: stall_no}", "the title is 'stall': say it in Chinese"),
        ("stall_history: {title: 摊位, key: stall_no}", "a governance table of ours has that name"),
    ],
)
def test_a_fault_of_an_entity_is_told_on_its_line(
    folder: Path, problems_of: Callable[[str], list[Problem]], entity: str, said: str
) -> None:
    (folder / "_entities.yaml").write_text(f"{ENTITIES}# more\n{entity}\n", encoding="utf-8")
    (found,) = problems_of(EXAMPLE)
    assert (found.path.name, found.line) == ("_entities.yaml", 3)
    assert said in str(found)


def test_an_entity_that_no_column_feeds_needs_no_founder(
    folder: Path, problems_of: Callable[[str], list[Problem]]
) -> None:
    (folder / "_entities.yaml").write_text(
        ENTITIES + "card: {title: 社会保障卡, key: card_no}\n", encoding="utf-8"
    )
    text = EXAMPLE.replace("{person: {", "{card: {entity: card, key: card_no}, person: {")
    assert problems_of(text) == []


SLOTS = [
    "violates: is_resident_id(resident_id) and age_at(born_on, batch_date) < 80",
    "suggest: \"'2'\"",
    "evidence: concat('身份证号中的出生日期为 ', born_on)",
    "transformLogic: resident_id_birth_date(resident_id)",
]
ATTACKS = [
    "read_csv('/etc/passwd')",
    "name in (select content from read_text('/etc/passwd'))",
    "attach 'other.db'",
    "copy person to 'person.csv'",
    "name; drop table person",
    "getenv('HOME') = name",
    "query('from person')",
    "no_such_column = 1",
    "",
]


@pytest.mark.parametrize("slot", SLOTS, ids=lambda slot: slot.split(":")[0])
def test_no_statement_file_or_unknown_column_gets_into_a_rule(
    problems_of: Callable[[str], list[Problem]], slot: str
) -> None:
    key = slot.split(":")[0]
    for attack in ATTACKS:
        text, line = broken(slot, f"{key}: {json.dumps(attack)}")
        found = problems_of(text)
        assert found, attack
        assert {(problem.path.name, problem.line) for problem in found} == {("example.yaml", line)}, attack


@pytest.mark.parametrize("field", ["field: resident_id", "{dataset: health.death, by: resident_id}"])
def test_what_is_no_name_is_no_name(problems_of: Callable[[str], list[Problem]], field: str) -> None:
    for attack in ("read_csv('/etc/passwd')", "resident_id; drop table person", "attach 'other.db'"):
        text, line = broken(field, field.replace("resident_id", json.dumps(attack)))
        assert [problem.line for problem in problems_of(text)] == [line], attack


@given(st.integers(0, 2**32))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_broken_contract_is_a_problem_with_file_and_line_or_none_at_all(
    problems_of: Callable[[str], list[Problem]], seed: int
) -> None:
    random = Random(seed)
    lines = EXAMPLE.splitlines(keepends=True)
    place = random.randrange(len(lines))
    line = lines[place]
    lines[place] = random.choice(
        [
            "", line * 2, "  " + line, line.lstrip(), line.replace(":", ""), line.replace("[", ""),
            line.rstrip() + " {\n", "\t" + line, line.partition(":")[0] + ": [1, {a: b}]\n", "- 1\n",
            line.partition(":")[0] + ": 2026-03-02\n", line.partition(":")[0] + ":\n", "&a *a\n", "\x00\n",
        ]
    )  # fmt: skip
    try:
        found = [(problem.path.name, problem.line) for problem in problems_of("".join(lines))]
    except ContractError as error:
        found = [(error.path.name, error.line)]
    assert all(name.endswith(".yaml") and number >= 0 for name, number in found)


KEYLESS = """
apiVersion: v3.2.0
kind: DataContract
id: {id}
name: 记录
version: 1.0.0
status: active
domain: log
tenant: 部门
description: {{purpose: 一次一行}}
servers: [{{server: delivery, type: local, path: "*.csv", format: csv}}]
customProperties:
  - {{property: delivery, value: {mode}}}
  - {{property: key, value: {key}}}
{more}
schema:
  - name: log
    properties:
      - {{name: place, businessName: 地点, logicalType: string{of_place}}}
"""


def keyless_problems(folder: Path, **parts: str) -> list[str]:
    said = {"id": "log.event", "mode": "snapshot", "key": "none", "more": "", "of_place": "", **parts}
    (folder / "event.yaml").write_text(KEYLESS.format(**said), encoding="utf-8")
    return [problem.message for problem in lint(load_library([folder], shipped=False), CodeLibrary())]


def test_a_dataset_may_have_no_key_if_it_says_so(tmp_path: Path) -> None:
    assert keyless_problems(tmp_path) == []


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"mode": "delta"}, "a dataset without a key takes no delta"),
        ({"of_place": ", required: true, primaryKey: true"}, "key is none, and place is primaryKey"),
        (
            {"more": "  - {property: subjects, value: {person: {entity: person, key: place}}}"},
            "a dataset without a key has no subjects",
        ),
    ],
)
def test_what_needs_a_key_is_told_where_there_is_none(
    tmp_path: Path, parts: dict[str, str], said: str
) -> None:
    (tmp_path / "_entities.yaml").write_text(ENTITIES, encoding="utf-8")
    assert keyless_problems(tmp_path, **parts) == [said]


def test_nothing_refers_to_a_dataset_without_a_key(tmp_path: Path) -> None:
    other = KEYLESS.format(
        id="log.visit",
        mode="snapshot",
        key="none",
        more="  - {property: unit, value: [{dataset: log.event, by: place}]}",
        of_place=", relationships: [{to: log.event.place}]",
    )
    (tmp_path / "visit.yaml").write_text(other, encoding="utf-8")
    assert set(keyless_problems(tmp_path)) == {
        "unit: log.event has no key",
        "place: refers to log.event, which has no key",
    }
