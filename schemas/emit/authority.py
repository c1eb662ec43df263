"""A dataset's authority in words: for each attribute that its columns feed, the datasets in order of authority."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.contract.library import ContractSource, Library
from schemas.contract.model import Contract
from schemas.declared import Declaration


def authority_comments(library: Library, contract: Contract) -> Iterator[str]:
    """YAML comments in Chinese, one for each attribute that the contract's columns feed."""
    if any(column.feeds for column in contract.columns):
        yield f"# 数源顺序（{Declaration.AUTHORITY}）："
    for column in contract.columns:
        for target, source in library.feeds(contract, column):
            yield f"#   {column.name} → {target}：{_place(library, target, source)}"


def _place(library: Library, target: str, source: ContractSource) -> str:
    entity, _, attribute = target.partition(".")
    order = library.authority.get((entity, attribute))
    datasets = order.names if order is not None else ()
    is_key = attribute == library.entity(entity).key
    if not source.listed:
        return f"主键，只提及，由{'、'.join(datasets)}确立" if is_key else "不在顺序中"
    every = f"（{'、'.join(datasets)}）" if len(datasets) > 1 else ""
    place = "主键，由本数据集确立" if is_key else f"第 {source.authority} 位"
    return f"{place}，共 {len(datasets)} 个数据集{every}"
