"""Checks across contracts: what several of them say of one entity and of one attribute."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.contract.library import Library, Source
from schemas.contract.model import Column, Entity
from schemas.kinds import load_kinds
from schemas.lints.problem import NAME, Problem, has_chinese
from schemas.tables import load_tables

_HISTORY = "_history"


def problems(library: Library) -> Iterator[Problem]:
    """What is wrong between the contracts of a library."""
    for entity in library.entities:
        yield from _entity(entity)
        sources = library.sources(entity.name)
        if not any(sources.values()):
            continue
        yield from _founded(entity, sources)
        for attribute, every in sources.items():
            yield from _one_meaning(f"{entity.name}.{attribute}", every)
            if attribute != entity.key:
                yield from _one_source(f"{entity.name}.{attribute}", every)


def _entity(entity: Entity) -> Iterator[Problem]:
    def wrong(message: str, advice: str) -> Problem:
        return Problem(entity.path, entity.line, f"entity {entity.name}: {message}", advice)

    if not NAME.fullmatch(entity.name) or not NAME.fullmatch(entity.key):
        yield wrong("name and key are not lower_snake_case", "rename them")
    if f"governance.{entity.name}" in load_tables() or entity.name.endswith(_HISTORY):
        yield wrong("a governance table of ours has that name", "rename it")
    if not has_chinese(entity.title):
        yield wrong(f"the title is {entity.title!r}", "say it in Chinese: townships read it")


def _founded(entity: Entity, sources: dict[str, tuple[Source, ...]]) -> Iterator[Problem]:
    """Somebody has to say which ones exist: a source whose key has authority 1."""
    if any(source.feed.authority == 1 for source in sources[entity.key]):
        return
    first = next(source for every in sources.values() for source in every)
    yield _at(
        first,
        f"no dataset establishes the entity {entity.name}",
        f"give {entity.key} authority 1 in the dataset that says which ones exist",
    )


def _one_source(attribute: str, sources: tuple[Source, ...]) -> Iterator[Problem]:
    """One item, one source (一数一源): two datasets cannot both be the authority of an attribute."""
    first = [source for source in sources if source.feed.authority == 1]
    for rival in first:
        others = {source.contract.id for source in first} - {rival.contract.id}
        if others:
            yield _at(
                rival,
                f"{attribute} has authority 1 in {', '.join(sorted(others))} too",
                "only one dataset is the source: give the others 2 or more",
            )


def _one_meaning(attribute: str, sources: tuple[Source, ...]) -> Iterator[Problem]:
    """Values can be compared only if they are of one type, one code table and one way of writing."""
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


def _at(source: Source, message: str, advice: str) -> Problem:
    return Problem(source.contract.path, source.column.line, message, advice)
