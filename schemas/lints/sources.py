"""Checks across contracts: their declarations about the same entity and the same attribute agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from schemas.contract.library import ContractSource, Library
from schemas.contract.model import Column, Entity
from schemas.declared import Declaration, Order
from schemas.kinds import load_kinds
from schemas.lints.problem import NAME, Problem, did_you_mean, has_chinese
from schemas.tables import load_tables

_HISTORY = "_history"


def problems(library: Library) -> Iterator[Problem]:
    """The problems between the contracts of a library."""
    for entity in library.entities:
        yield from _entity(entity)
        sources = library.sources(entity.name)
        if not any(sources.values()):
            continue
        yield from _founded(entity, library, sources)
        for attribute, every in sources.items():
            yield from _one_meaning(f"{entity.name}.{attribute}", every)


def order_problems(library: Library) -> Iterator[Problem]:
    """The places where the orders of authority differ from the attributes that contracts feed."""
    yield from _names(library)
    for entity in library.entities:
        for attribute, every in library.sources(entity.name).items():
            if attribute != entity.key:
                order = library.authority.get((entity.name, attribute))
                yield from _places(f"{entity.name}.{attribute}", every, order)


def _entity(entity: Entity) -> Iterator[Problem]:
    def wrong(message: str, advice: str) -> Problem:
        return Problem(entity.path, entity.line, f"entity {entity.name}: {message}", advice)

    if not NAME.fullmatch(entity.name) or not NAME.fullmatch(entity.key):
        yield wrong("name and key are not lower_snake_case", "rename them")
    if f"governance.{entity.name}" in load_tables() or entity.name.endswith(_HISTORY):
        yield wrong("a governance table of ours has that name", "rename it")
    if not has_chinese(entity.title):
        yield wrong(f"the title is {entity.title!r}", "say it in Chinese: townships read it")


def _founded(
    entity: Entity, library: Library, sources: Mapping[str, tuple[ContractSource, ...]]
) -> Iterator[Problem]:
    """Check that a dataset in the order of the key establishes the entity."""
    if library.founders(entity):
        return
    first = next(source for every in sources.values() for source in every)
    yield _at(
        first,
        f"no dataset establishes the entity {entity.name}",
        f"name the dataset that says which ones exist under {entity.name}.{entity.key} in {Declaration.AUTHORITY}",
    )


def _places(attribute: str, sources: tuple[ContractSource, ...], order: Order | None) -> Iterator[Problem]:
    """Check that every dataset that feeds an attribute has its place in the order (一数一源)."""
    where = f"{order.path}:{order.line}" if order is not None else f"a file {Declaration.AUTHORITY}"
    for source in sources:
        if not source.listed:
            yield _at(
                source,
                f"feeds {attribute}, and {source.contract.id} is in no order of {attribute}",
                f"give it its place there, in {where}",
            )


def _names(library: Library) -> Iterator[Problem]:
    """Check that every name in an order is the id of a dataset that feeds the attribute."""
    entities = {entity.name for entity in library.entities}
    for (entity, attribute), order in library.authority.items():
        if entity not in entities:
            advice = did_you_mean(entity, entities) if entities else "declare it in " + Declaration.ENTITIES
            yield Problem(order.path, order.line, f"no entity is called {entity}", advice)
            continue
        feeding = {source.contract.id for source in library.sources(entity).get(attribute, ())}
        for dataset in order.names:
            if dataset not in feeding:
                unknown = dataset not in library
                fault = "is no dataset" if unknown else f"does not feed {entity}.{attribute}"
                yield Problem(
                    order.path,
                    order.line,
                    f"{entity}.{attribute}: {dataset} {fault}",
                    did_you_mean(dataset, feeding) if unknown and feeding else "take it out",
                )


def _one_meaning(attribute: str, sources: tuple[ContractSource, ...]) -> Iterator[Problem]:
    """Check that sources of one attribute have the same type, code table and spelling: else they cannot be compared."""
    if not sources:
        return
    wanted = _meaning(sources[0].column)
    for source in sources[1:]:
        for name, value in _meaning(source.column).items():
            if value != wanted[name]:
                yield _at(
                    source,
                    f"{attribute} has {name} {value} here and {wanted[name]} in {sources[0].contract.id}",
                    f"give both columns one {name}: their values are compared",
                )


def _meaning(column: Column) -> dict[str, str]:
    kind = load_kinds().get(column.kind or "")
    return {
        "logicalType": column.type,
        "codeTable": column.codes or "none",
        "normalisation": kind.normalise if kind and column.delivered else "clean_text",
    }


def _at(source: ContractSource, message: str, advice: str) -> Problem:
    return Problem(source.contract.path, source.column.line, message, advice)
