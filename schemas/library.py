"""The library of contracts: every contract file of every folder, and the entities they feed.

The bureau's own folders come after the ones shipped here and may add datasets and entities, never silently
replace one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

from schemas.contract import Column, Contract, Entity, Feed
from schemas.document import read_document
from schemas.odcs import ContractError, read_contract

SHIPPED = Path(__file__).parent / "contracts"
ENTITIES = "_entities.yaml"


@dataclass(frozen=True)
class Source:
    """A column as a source of one governance attribute."""

    contract: Contract
    column: Column
    feed: Feed

    @property
    def key(self) -> str:
        """The column of the same row that holds the entity's key."""
        return self.contract.subject(self.feed.subject).key


@dataclass(frozen=True)
class Library:
    """Contracts by id and entities by name, in the order of their files."""

    contracts: tuple[Contract, ...]
    entities: tuple[Entity, ...]
    folders: tuple[Path, ...] = ()

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
        raise KeyError(f"no entity {name!r} is declared in {ENTITIES}")

    def sources(self, entity: str) -> dict[str, tuple[Source, ...]]:
        """Attribute → its sources, the most authoritative first; the key comes before all others."""
        found: dict[str, list[Source]] = {self.entity(entity).key: []}
        for contract in self.contracts:
            for column in contract.columns:
                for feed in column.feeds:
                    if contract.subject(feed.subject).entity == entity:
                        found.setdefault(feed.attribute, []).append(Source(contract, column, feed))
        return {
            attribute: tuple(
                sorted(items, key=lambda s: (s.feed.authority, s.contract.id, s.feed.subject))
            )
            for attribute, items in found.items()
        }

    @cached_property
    def fed_entities(self) -> tuple[Entity, ...]:
        """The entities that at least one contract feeds."""
        fed = {subject.entity for contract in self.contracts for subject in contract.subjects}
        return tuple(entity for entity in self.entities if entity.name in fed)


def contract_files(folder: Path) -> list[Path]:
    """The contract files below a folder; names beginning with _ are not contracts."""
    return sorted(path for path in folder.rglob("*.yaml") if not path.name.startswith("_"))


def read_entities(folder: Path) -> tuple[Entity, ...]:
    """The entities a folder declares in `_entities.yaml`, if it has one.

    Raises:
        ContractError: an entity without title or key.
    """
    path = folder / ENTITIES
    if not path.exists():
        return ()
    entities = []
    for name, facts in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).items():
        if not isinstance(facts, dict) or not {"title", "key"} <= facts.keys():
            raise ContractError(path, 1, f"entity {name}: say its title and its key")
        entities.append(Entity(name, facts["title"], facts["key"], facts.get("description") or ""))
    return tuple(entities)


def load_library(folders: Sequence[Path] = (), *, shipped: bool = True) -> Library:
    """Read every contract of the shipped folder and of `folders`, in that order.

    Raises:
        ContractError: a file cannot be read, a folder does not exist, or two files claim one id.
    """
    every = (SHIPPED, *folders) if shipped else tuple(folders)
    contracts: dict[str, Contract] = {}
    entities: dict[str, Entity] = {}
    for folder in every:
        if not folder.is_dir():
            raise ContractError(folder, 0, "no such folder of contracts")
        for entity in read_entities(folder):
            entities.setdefault(entity.name, entity)
        for path in contract_files(folder):
            contract = read_contract(path)
            if contract.id in contracts:
                first = contracts[contract.id].path
                raise ContractError(path, 1, f"id {contract.id} is already taken by {first}")
            contracts[contract.id] = contract
    return Library(tuple(contracts.values()), tuple(entities.values()), every)
