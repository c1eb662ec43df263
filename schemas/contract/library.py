"""The library of contracts: every contract file of every folder, and the entities they feed.

The bureau's own folders come after the shipped one. They add datasets and entities and replace nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from schemas.contract.authority import Authority, read_authority
from schemas.contract.derived import DerivedTable, read_derived
from schemas.contract.model import Column, Contract, Entity, Feed
from schemas.contract.odcs import read_contract
from schemas.declared import Declaration, declared_at
from schemas.document import ContractError, read_document

SHIPPED = Path(__file__).parents[1] / "contracts"


@dataclass(frozen=True)
class ContractSource:
    """A column as a source of one governance attribute.

    `authority` is the place of its dataset in the attribute's order, 1 for the first (一数一源). A dataset that is not
    in the order (`listed` is false) comes after all others: it only refers to an entity by its key.
    """

    contract: Contract
    column: Column
    feed: Feed
    authority: int
    listed: bool

    @property
    def key(self) -> str:
        """The column of the same row that holds the entity's key."""
        return self.contract.subject(self.feed.subject).key


@dataclass(frozen=True)
class Library:
    """Contracts by id and entities by name, in the order of their files."""

    contracts: tuple[Contract, ...]
    entities: tuple[Entity, ...]
    authority: Authority = field(default_factory=dict)
    derived: tuple[DerivedTable, ...] = ()

    def __iter__(self) -> Iterator[Contract]:
        return iter(self.contracts)

    @cached_property
    def _by_id(self) -> dict[str, Contract]:
        return {contract.id: contract for contract in self.contracts}

    def __contains__(self, dataset: str) -> bool:
        return dataset in self._by_id

    def __getitem__(self, dataset: str) -> Contract:
        return self._by_id[dataset]

    def entity(self, name: str) -> Entity:
        """The entity called `name`.

        Raises:
            KeyError: no folder declares it.
        """
        for entity in self.entities:
            if entity.name == name:
                return entity
        raise KeyError(f"no entity {name!r} is declared in {Declaration.ENTITIES}")

    def sources(self, entity: str) -> dict[str, tuple[ContractSource, ...]]:
        """Attribute → its sources, the most authoritative first. The key is the first attribute."""
        found: dict[str, list[ContractSource]] = {self.entity(entity).key: []}
        for contract in self.contracts:
            for column in contract.columns:
                for feed in column.feeds:
                    if contract.subject(feed.subject).entity == entity:
                        source = self._source(entity, contract, column, feed)
                        found.setdefault(feed.attribute, []).append(source)
        return {
            attribute: tuple(sorted(items, key=lambda s: (s.authority, s.contract.id, s.feed.subject)))
            for attribute, items in found.items()
        }

    def _source(self, entity: str, contract: Contract, column: Column, feed: Feed) -> ContractSource:
        order = self.authority.get((entity, feed.attribute))
        datasets = order.names if order is not None else ()
        listed = contract.id in datasets
        place = datasets.index(contract.id) if listed else len(datasets)
        return ContractSource(contract, column, feed, place + 1, listed)

    def feeds(self, contract: Contract, column: Column) -> tuple[tuple[str, ContractSource], ...]:
        """The attributes that a column feeds, as `<entity>.<attribute>`, each with its place in their order."""
        found = []
        for feed in column.feeds:
            entity = contract.subject(feed.subject).entity
            source = self._source(entity, contract, column, feed)
            found.append((f"{entity}.{feed.attribute}", source))
        return tuple(found)

    def is_register(self, contract: Contract) -> bool:
        """Whether the contract is the first source of an entity's key: its rows establish the entities."""
        return any(
            source.listed and source.authority == 1
            for column in contract.columns
            for feed in column.feeds
            if contract.subject(feed.subject).key == column.name
            for source in [self._source(contract.subject(feed.subject).entity, contract, column, feed)]
        )

    def founders(self, entity: Entity) -> tuple[ContractSource, ...]:
        """The sources that establish an entity: those whose datasets the order of its key names."""
        return tuple(source for source in self.sources(entity.name)[entity.key] if source.listed)

    @cached_property
    def fed_entities(self) -> tuple[Entity, ...]:
        """The entities that some dataset establishes."""
        return tuple(entity for entity in self.entities if self.founders(entity))


def contract_files(folder: Path) -> list[Path]:
    """The contract files below a folder. Files and folders whose name begins with _ or . are skipped.

    Raises:
        ContractError: a file ends in .yml; without the error it would be overlooked.
    """
    found = []
    for path in sorted(folder.rglob("*.y*ml")):
        if any(part.startswith(("_", ".")) for part in path.relative_to(folder).parts):
            continue
        if path.suffix != ".yaml":
            raise ContractError(path, 1, "a contract's file name ends in .yaml: rename it")
        found.append(path)
    return found


def read_entities(folder: Path) -> tuple[Entity, ...]:
    """The entities a folder declares in `_entities.yaml`, if it has one.

    Raises:
        ContractError: the file cannot be read, or an entity lacks a fact, has an unknown one, or one that is not text.
    """
    return tuple(
        entity for path in declared_at(Declaration.ENTITIES, [folder]) for entity in _entities_of(path)
    )


def _entities_of(path: Path) -> tuple[Entity, ...]:
    document = read_document(path)
    entities = []
    for name, facts in document.data.items():
        texts = facts if isinstance(facts, dict) else {}
        if not {"title", "key"} <= texts.keys() <= {"title", "key", "description"} or not all(
            isinstance(text, str) for text in texts.values()
        ):
            message = f"entity {name}: write {{title: …, key: …, description: …}}, all of them text"
            raise document.error(message, str(name))
        entities.append(Entity(str(name), **texts, path=path, line=document.line(str(name))))
    return tuple(entities)


def load_library(folders: Sequence[Path] = (), *, shipped: bool = True) -> Library:
    """Read every contract of the shipped folder and of `folders`, in that order.

    Raises:
        ContractError: a folder does not exist, a file cannot be read, or two files declare the same dataset, entity
            or derived table.
    """
    every = (SHIPPED, *folders) if shipped else tuple(folders)
    contracts: dict[str, Contract] = {}
    entities: dict[str, Entity] = {}
    for folder in every:
        if not folder.is_dir():
            raise ContractError(folder, 0, "no such folder of contracts: correct the path or make it")
        for entity in read_entities(folder):
            if other := entities.get(entity.name):
                message = f"entity {entity.name} is already declared in {other.path}: take it out here"
                raise ContractError(entity.path, entity.line, message)
            entities[entity.name] = entity
        for path in contract_files(folder):
            contract = read_contract(path)
            if taken := contracts.get(contract.id):
                message = f"id {contract.id} is already taken by {taken.path}: choose another"
                raise ContractError(path, read_document(path).line("id"), message)
            contracts[contract.id] = contract
    return Library(
        tuple(contracts.values()), tuple(entities.values()), read_authority(every), read_derived(every)
    )
