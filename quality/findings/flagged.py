"""Files with too many rows flagged by one rule: the file is wrong as a whole, and its rows make no tickets.

Only rows that came with the delivery count: flagged rows that have not changed are no sign of a bad delivery.
Example: a list of allowances is delivered in 分 instead of 元. The rule of the range flags 323 of its 340 rows, so that
the list is held, and the one before stays in force.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from quality.agreement.agree import agree, agreement_rules, compared
from quality.findings.verify import verify
from quality.published import finding_partitions
from quality.rules.rule import checks
from schemas.contract.model import Contract, Severity
from schemas.emit.sql import literal
from warehouse.collect.comparison.checks import FEW
from warehouse.collect.comparison.judgement import percent
from warehouse.collect.extracts.delivery_checks import held_message
from warehouse.collect.extracts.extract import extract, newest_whole
from warehouse.collect.extracts.read_delivery import Hold, refuse
from warehouse.collect.extracts.snapshot_diff import deliveries_of, first_number
from warehouse.collect.intake.reception import Receipt, confirmation_of, receipts
from warehouse.home.folders import Home
from warehouse.incremental.context import BatchContext
from warehouse.lake.layers import Layer
from warehouse.standard.standardise import standardise

RULE_SHARES: Mapping[Severity, float] = {"error": 0.3, "warning": 0.6}
"""The share of a delivery's rows that one rule may flag beyond what it flagged before."""

_ADVICE = "请核对这一列的取值、单位和列的位置"
_NAMED = 4


@dataclass(frozen=True)
class Flagged:
    """A delivery with too many flagged rows, and the title of each rule that flags them."""

    receipt: Receipt
    contract: Contract
    problems: tuple[str, ...]
    rules: tuple[str, ...]


def settle_deliveries(context: BatchContext, home: Home, corrections: pl.DataFrame) -> tuple[Flagged, ...]:
    """Hold the deliveries with too many rows flagged by one rule, and make the findings again without them.

    Args:
        context: the batch; its findings have been made.
        home: where the deliveries lie.
        corrections: as for `warehouse.standard.standardise`.

    Returns:
        The deliveries that were held.
    """
    held: list[Flagged] = []
    # Without a file, another's rows may be flagged that were right beside it: each pass holds one more at least.
    while flagged := flagged_deliveries(context, home):
        for one in flagged:
            _hold(context, one)
        _make_again(context, home, corrections, {one.contract.id for one in flagged})
        held += flagged
    return tuple(held)


def flagged_deliveries(context: BatchContext, home: Home) -> list[Flagged]:
    """The batch's deliveries, in force and unconfirmed, with too many rows flagged by one rule."""
    known = {receipt.extract_id: receipt for receipt in receipts(home.inbox, context.batch)}
    rows: dict[str, int] = {}
    for contract in context.library:
        extracted = context.lake.partition(Layer.EXTRACT, contract.id, context.batch)
        for told in deliveries_of(extracted) if extracted is not None else ():
            receipt = known.get(str(told["extract_id"]))
            if receipt is not None and confirmation_of(receipt) is None:
                rows[receipt.extract_id] = int(str(told["rows"]))
    counted = _counted(context, [known[extract_id] for extract_id in rows]) if rows else []
    found = []
    for extract_id in dict.fromkeys(count.extract_id for count in counted):
        receipt = known[extract_id]
        contract = context.library[receipt.dataset or ""]
        own = [count for count in counted if count.extract_id == extract_id]
        if problems := dict(_problems(context, contract, own, rows[extract_id])):
            found.append(Flagged(receipt, contract, tuple(problems.values()), tuple(problems)))
    return found


@dataclass(frozen=True)
class _Count:
    """How many rows of a delivery a rule flags."""

    extract_id: str
    rule: str
    field: str
    severity: Severity
    rows: int


def _counted(context: BatchContext, deliveries: Sequence[Receipt]) -> list[_Count]:
    scans = [p.scan for p in finding_partitions(context.lake, context.library, context.batch).values()]
    if not scans:
        return []
    wanted = ", ".join(literal(receipt.extract_id) for receipt in deliveries)
    # An extract id is of one dataset; findings of rows that came before have smaller numbers.
    every = " UNION ALL ".join(
        f"SELECT extract_id, rule, field, severity FROM {scan} WHERE _row >= {first_number(context.batch)}"
        for scan in scans
    )
    found = context.connection.execute(
        f"SELECT extract_id, rule, field, severity, count(*) FROM ({every}) WHERE extract_id IN ({wanted}) "
        f"GROUP BY ALL HAVING count(*) >= {2 * FEW} ORDER BY 5 DESC, 1, 2, 3"
    ).fetchall()
    return [_Count(*row) for row in found]


def _problems(
    context: BatchContext, contract: Contract, counts: Sequence[_Count], rows: int
) -> Iterator[tuple[str, str]]:
    """Rule → what a person reads of it, for the rules that flag too many rows."""
    for count in counts:
        limit: float | None = RULE_SHARES[count.severity]
        if contract.limits.declares("rule_share"):
            limit = contract.limits.share("rule_share")
        if limit is None or count.rows <= limit * rows:
            continue
        if count.rows <= (limit + _share_before(context, contract, count)) * rows:
            continue
        said = _descriptions(context, contract).get((count.rule, count.field), count.rule)
        title = contract.column(count.field).title
        yield (
            f"{count.rule} ({count.field})",
            f"“{title}”一列有 {percent(count.rows / rows)} 的行（{count.rows:,} 行）同样不合规则：{said}",
        )


def _share_before(context: BatchContext, contract: Contract, count: _Count) -> float:
    """The share of rows that the rule flagged in the batch before."""
    before = context.lake.before(Layer.STANDARD, contract.id, context.batch)
    if before is None or not before.rows:
        return 0.0
    names = finding_partitions(context.lake, context.library, context.batch)
    earlier = [p for name in names if (p := context.lake.before(Layer.FINDING, name, context.batch))]
    every = " UNION ALL ".join(f"SELECT dataset, rule, field FROM {p.scan}" for p in earlier)
    if not every:
        return 0.0
    (rows,) = context.connection.execute(
        f"SELECT count(*) FROM ({every}) WHERE dataset = ? AND rule = ? AND field = ?",
        [contract.id, count.rule, count.field],
    ).fetchall()[0]
    return float(rows) / before.rows


def _descriptions(context: BatchContext, contract: Contract) -> dict[tuple[str, str], str]:
    """Rule and field → what the rule says, of a dataset's own rules and of agreement."""
    own = [check.rule for check in checks(contract, context.library, context.codes)]
    agreement = [rule for other, rule in agreement_rules(context.library) if other.id == contract.id]
    return {(rule.name, rule.field): rule.description for rule in (*own, *agreement)}


def _hold(context: BatchContext, flagged: Flagged) -> None:
    contract, receipt = flagged.contract, flagged.receipt
    problem = "；".join(flagged.problems[:_NAMED])
    if len(flagged.problems) > _NAMED:
        problem += f"；另有 {len(flagged.problems) - _NAMED} 条规则"
    in_force = newest_whole(context.lake, contract, context.batch)
    message = held_message(receipt.file, problem, _ADVICE, in_force)
    refuse(receipt, message, hold=Hold(problem, ("rule_share", *flagged.rules), contract.digest))


def _make_again(context: BatchContext, home: Home, corrections: pl.DataFrame, datasets: set[str]) -> None:
    """The stages up to the findings once more; what does not follow from the datasets stays as it is."""
    for contract in context.library:
        if contract.id in datasets:
            extract(context, home, contract)
            standardise(context, contract, corrections)
    for contract in context.library:
        verify(context, contract)
    for entity in context.library.fed_entities:
        if compared(context.library, entity):
            agree(context, entity)
