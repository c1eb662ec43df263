"""The library: which files are contracts, what two folders may not both say, and the order of sources."""

import shutil
from pathlib import Path

import pytest

from schemas.contract.library import SHIPPED, Library, contract_files, load_library, read_entities
from schemas.contract.model import Entity
from schemas.contract.odcs import ContractError

CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
version: 1.0.0
id: {id}
name: 数据
domain: market
tenant: 市场局
customProperties:
  - {{property: subjects, value: {{stall: {{entity: stall, key: stall_no}}}}}}
schema:
  - name: stall
    properties:
      - name: stall_no
        businessName: 摊位号
        customProperties: [{{property: feeds, value: {{stall.stall_no: {authority}}}}}]
      - name: phone
        businessName: 电话
        customProperties: [{{property: feeds, value: {{stall.phone: {authority}}}}}]
"""
STALL = "stall: {title: 摊位, key: stall_no, description: 一摊一档}\n"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def contract(folder: Path, id_: str, authority: int = 1, name: str | None = None) -> Path:
    return write(folder, name or f"{id_}.yaml", CONTRACT.format(id=id_, authority=authority))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "bureau/_entities.yaml", STALL)
    return tmp_path / "bureau"


def test_the_shipped_library_has_every_file_and_feeds_seven_entities() -> None:
    library = load_library()
    files = [path.relative_to(SHIPPED).with_suffix("") for path in contract_files(SHIPPED)]
    assert [contract.id for contract in library] == [".".join(path.parts) for path in files]
    fed = {entity.name for entity in library.fed_entities}
    assert fed == {"person", "enterprise", "dwelling", "grid", "vehicle", "special_equipment", "premises"}


def test_a_folder_adds_to_what_is_shipped(folder: Path) -> None:
    contract(folder, "market.stall")
    library = load_library([folder])
    assert "market.stall" in library
    assert "police.population" in library
    assert library["market.stall"].path == folder / "market.stall.yaml"
    assert [c.id for c in library][-1] == "market.stall", "after those shipped"
    assert library.entity("stall").title == "摊位"


def test_contracts_lie_at_any_depth_and_names_with_an_underscore_or_dot_are_none(
    folder: Path,
) -> None:
    contract(folder, "market.a", name="market/a.yaml")
    contract(folder, "market.b", name="deep/er/b.yaml")
    write(folder, "_codes/_tables.yaml", "x: {title: 表}\n")
    write(folder, "_drafts/c.yaml", "not a contract")
    write(folder, ".git/d.yaml", "not a contract")
    write(folder, "_e.yaml", "not a contract")
    write(folder, "notes.txt", "not a contract")
    assert [path.name for path in contract_files(folder)] == ["b.yaml", "a.yaml"]
    assert {c.id for c in load_library([folder], shipped=False)} == {"market.a", "market.b"}


def test_the_other_spelling_of_yaml_is_not_overlooked(folder: Path) -> None:
    path = contract(folder, "market.stall", name="stall.yml")
    with pytest.raises(ContractError, match=r"stall\.yml:1: .*ends in \.yaml: rename it"):
        load_library([folder])
    assert path.exists()


def test_two_files_cannot_have_one_id(folder: Path) -> None:
    first = contract(folder, "market.stall", name="a.yaml")
    contract(folder, "market.stall", name="b.yaml")
    message = rf"b\.yaml:4: id market\.stall is already taken by {first}: choose another"
    with pytest.raises(ContractError, match=message):
        load_library([folder])


def test_a_folder_cannot_take_a_shipped_dataset(folder: Path) -> None:
    shutil.copy(SHIPPED / "police" / "population.yaml", folder)
    with pytest.raises(ContractError, match=r"id police\.population is already taken by"):
        load_library([folder])


def test_a_folder_cannot_declare_an_entity_anew(folder: Path) -> None:
    write(folder, "_entities.yaml", STALL + "person: {title: 人, key: name}\n")
    with pytest.raises(ContractError, match=r"_entities\.yaml:2: entity person is already declared in"):
        load_library([folder])


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="nowhere:0: no such folder of contracts"):
        load_library([tmp_path / "nowhere"])


def test_a_folder_without_entities_has_none(tmp_path: Path) -> None:
    assert read_entities(tmp_path) == ()


def test_an_entity_knows_where_it_is_declared(folder: Path) -> None:
    path = write(folder, "_entities.yaml", f"# ours\n{STALL}")
    assert read_entities(folder) == (Entity("stall", "摊位", "stall_no", "一摊一档", path, 2),)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("stall: 摊位\n", 1),
        ("stall: {title: 摊位}\n", 1),
        ("# ours\nstall: {title: 摊位, key: stall_no, keys: [a]}\n", 2),
        ("stall: {title: 摊位, key: no}\n", 1),
    ],
)
def test_an_entity_says_its_title_and_key_and_nothing_else(folder: Path, text: str, line: int) -> None:
    write(folder, "_entities.yaml", text)
    message = rf"_entities\.yaml:{line}: entity stall: write \{{title: …, key: …"
    with pytest.raises(ContractError, match=message):
        load_library([folder])


def test_the_entities_file_is_read_as_strictly_as_a_contract(folder: Path) -> None:
    write(folder, "_entities.yaml", STALL + STALL)
    with pytest.raises(ContractError, match=r"_entities\.yaml:2: stall is said twice"):
        load_library([folder])


def test_a_name_that_is_not_there_is_told() -> None:
    library = Library((), ())
    with pytest.raises(KeyError, match="no entity 'stall' is declared"):
        library.entity("stall")
    with pytest.raises(KeyError, match="stall"):
        library["market.stall"]


# Sources


def test_the_most_authoritative_source_comes_first_and_names_decide_between_equals(
    folder: Path,
) -> None:
    for id_, authority in (("market.z", 1), ("market.c", 3), ("market.b", 2), ("market.a", 3)):
        contract(folder, id_, authority)
    library = load_library([folder], shipped=False)
    sources = library.sources("stall")
    assert list(sources) == ["stall_no", "phone"], "the key before all others"
    assert [(s.contract.id, s.feed.authority) for s in sources["phone"]] == [
        ("market.z", 1),
        ("market.b", 2),
        ("market.a", 3),
        ("market.c", 3),
    ]
    assert {source.key for source in sources["phone"]} == {"stall_no"}


def test_a_row_of_two_persons_is_two_sources() -> None:
    sources = load_library().sources("person")["marital_status"]
    assert [(s.contract.id, s.feed.subject, s.key) for s in sources] == [
        ("civil_affairs.marriage", "female", "female_id"),
        ("civil_affairs.marriage", "male", "male_id"),
        ("police.population", "person", "resident_id"),
    ]


def test_an_entity_is_fed_by_columns_not_by_being_named(folder: Path) -> None:
    text = CONTRACT.format(id="market.stall", authority=1)
    plain = text.replace("{stall.stall_no: 1}", "{}").replace("{stall.phone: 1}", "{}")
    write(folder, "stall.yaml", plain)
    assert load_library([folder], shipped=False).fed_entities == ()
    write(folder, "stall.yaml", text)
    assert [e.name for e in load_library([folder], shipped=False).fed_entities] == ["stall"]
