"""The library: which files are contracts, what two folders may not both say, and the order of sources."""

import shutil
from pathlib import Path

import pytest

from schemas.contract.authority import authority_digest, read_authority
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
        customProperties: [{{property: feeds, value: [stall.stall_no]}}]
      - name: phone
        businessName: 电话
        customProperties: [{{property: feeds, value: [stall.phone]}}]
"""
STALL = "stall: {title: 摊位, key: stall_no, description: 一摊一档}\n"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def contract(folder: Path, id_: str, name: str | None = None) -> Path:
    return write(folder, name or f"{id_}.yaml", CONTRACT.format(id=id_))


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


def test_sources_come_in_the_declared_order_and_those_without_a_place_last(folder: Path) -> None:
    for id_ in ("market.z", "market.c", "market.b", "market.a"):
        contract(folder, id_)
    write(folder, "_authority.yaml", "stall: {stall_no: [market.b], phone: [market.z, market.b, market.a]}\n")
    library = load_library([folder], shipped=False)
    sources = library.sources("stall")
    assert list(sources) == ["stall_no", "phone"], "the key before all others"
    assert [(s.contract.id, s.authority, s.listed) for s in sources["phone"]] == [
        ("market.z", 1, True),
        ("market.b", 2, True),
        ("market.a", 3, True),
        ("market.c", 4, False),
    ]
    assert {source.key for source in sources["phone"]} == {"stall_no"}
    assert [s.contract.id for s in library.founders(library.entity("stall"))] == ["market.b"]


def test_a_later_folder_s_order_takes_the_place_of_the_earlier_or_puts_it_in(
    folder: Path, tmp_path: Path
) -> None:
    write(folder, "_authority.yaml", "stall: {stall_no: [market.a], phone: [market.a, market.b]}\n")
    later = tmp_path / "later"
    write(later, "_authority.yaml", "stall:\n  phone: [market.c, earlier, market.d]\n")
    last = tmp_path / "last"
    write(last, "_authority.yaml", "stall: {phone: [earlier, market.e], stall_no: [market.e]}\n")
    orders = read_authority([folder, later, last])
    assert orders["stall", "phone"].names == ("market.c", "market.a", "market.b", "market.d", "market.e")
    assert orders["stall", "stall_no"].names == ("market.e",)
    assert orders["stall", "phone"].path == last / "_authority.yaml"
    assert authority_digest(orders) != authority_digest(read_authority([folder, later]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stall: [market.a]\n", r":1: stall: write \{<attribute>: \[<dataset>, …\]\}"),
        ("stall:\n  phone: market.a\n", r":2: stall\.phone: write a list of names"),
        ("stall:\n  phone: []\n", r":2: stall\.phone: write a list of names"),
        ("stall:\n  phone: [1]\n", r":2: stall\.phone: write a list of names"),
        ("stall:\n  phone:\n    - market.a\n    - market.a\n", r":4: stall\.phone: market\.a is there twice"),
        ("stall:\n  phone: [earlier]\n", r":2: stall\.phone: no folder before declares this order"),
        ("stall:\n  phone: [a]\n  phone: [b]\n", r":3: phone is said twice"),
    ],
)
def test_an_order_that_is_none_is_refused_with_its_line(folder: Path, text: str, message: str) -> None:
    write(folder, "_authority.yaml", text)
    with pytest.raises(ContractError, match=rf"_authority\.yaml{message}"):
        load_library([folder], shipped=False)


def test_what_earlier_puts_in_is_not_there_twice(folder: Path, tmp_path: Path) -> None:
    write(folder, "_authority.yaml", "stall: {phone: [market.a]}\n")
    later = tmp_path / "later"
    write(later, "_authority.yaml", "stall: {phone: [market.a, earlier]}\n")
    with pytest.raises(ContractError, match=r"later/_authority\.yaml:1: .*market\.a is there twice"):
        read_authority([folder, later])


def test_a_row_of_two_persons_is_two_sources() -> None:
    sources = load_library().sources("person")["marital_status"]
    assert [(s.contract.id, s.feed.subject, s.key) for s in sources] == [
        ("civil_affairs.marriage", "female", "female_id"),
        ("civil_affairs.marriage", "male", "male_id"),
        ("police.population", "person", "resident_id"),
    ]


def test_an_entity_is_fed_by_columns_not_by_being_named(folder: Path) -> None:
    write(folder, "_authority.yaml", "stall: {stall_no: [market.stall], phone: [market.stall]}\n")
    text = CONTRACT.format(id="market.stall")
    plain = text.replace("[stall.stall_no]", "[]").replace("[stall.phone]", "[]")
    write(folder, "stall.yaml", plain)
    assert load_library([folder], shipped=False).fed_entities == ()
    write(folder, "stall.yaml", text)
    assert [e.name for e in load_library([folder], shipped=False).fed_entities] == ["stall"]
