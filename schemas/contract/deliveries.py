"""Read a contract's declarations about deliveries: ways, changes, and the handling of unusual deliveries.

`schemas.lints.delivery` checks whether they make sense.
"""

from __future__ import annotations

from collections.abc import Mapping

from open_data_contract_standard.model import Server

from schemas.contract.custom_properties import Facts
from schemas.contract.limits import Limits
from schemas.contract.model import Change, Delivery, Drift, Parts, Volume
from schemas.document import Document

NO_HEADINGS = "none"
CHANGE_SHAPE = "{column: <delivered column>, removed: [<value>, ...]}"
VOLUME_SHAPE = "{fall: <share>, rise: <share>, handling: warn or hold}"
PARTS_SHAPE = "a whole number, or {name: <pattern>, count: <number> or all: [<part>, ...]}"
LIMITS_SHAPE = "{<check>: <share> or null, <check of columns>: {<column>: <share> or null}}"
DRIFT_SHAPE = "{extra: ignore or refuse, missing: accept or refuse}"


def read_delivery(document: Document, index: int, server: Server, mode: str | None) -> Delivery:
    """One way of delivery.

    Args:
        document: the contract's text.
        index: the place among `servers`.
        server: the item.
        mode: the contract's own `delivery`, for a server without one.
    """
    facts = Facts(document, ("servers", index), server.customProperties)
    return Delivery(
        form=server.format or "",
        pattern=server.path or "",
        name=server.server or "",
        mode=facts.text("delivery") or mode or "snapshot",  # type: ignore[arg-type]  # the linter judges the value
        encodings=facts.texts("encodings"),
        delimiter=facts.text("delimiter"),
        sheet=facts.text("sheet"),
        table=facts.text("table"),
        header_row=facts.integer("headerRow"),
        without_headings=facts.text("headings") == NO_HEADINGS,
        parts=_read_parts(facts),
    )


def _read_parts(facts: Facts) -> Parts | None:
    """The declaration of the files that make up one snapshot."""
    value = facts.values.get("parts")
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return Parts(count=value)
    body = facts.mapping("parts", PARTS_SHAPE)
    name, count, every = body.get("name"), body.get("count"), body.get("all", [])
    if (
        set(body) - {"name", "count", "all"}
        or not isinstance(name, str | None)
        or not isinstance(count, int | None)
        or isinstance(count, bool)
        or not isinstance(every, list)
        or not all(isinstance(part, str) for part in every)
    ):
        raise facts.error("parts", f"write {PARTS_SHAPE}, names in quotes if they look like numbers")
    return Parts(name, count, tuple(every))


def read_change(facts: Facts) -> Change | None:
    """The declaration of the rows that delete their record, if the contract has one."""
    body = facts.mapping("change", CHANGE_SHAPE)
    if not body:
        return None
    removed = body.get("removed")
    if (
        set(body) != {"column", "removed"}
        or not isinstance(removed, list)
        or not removed
        or not all(isinstance(value, str) for value in removed)
    ):
        raise facts.error("change", f"write {CHANGE_SHAPE}, the values in quotes if they look like numbers")
    return Change(str(body["column"]), tuple(removed))


def read_volume(facts: Facts) -> Volume | None:
    """The tolerated change of the number of rows, if the contract declares it."""
    body = facts.mapping("volume", VOLUME_SHAPE)
    if not body:
        return None
    shares = [body.get("fall"), body.get("rise")]
    if set(body) - {"fall", "rise", "handling"} or not all(
        share is None or (isinstance(share, int | float) and not isinstance(share, bool)) for share in shares
    ):
        raise facts.error("volume", f"write {VOLUME_SHAPE}, the shares as numbers such as 0.3")
    fall, rise = (None if share is None else float(share) for share in shares)
    return Volume(fall, rise, body.get("handling", "hold"))


def read_limits(facts: Facts) -> Limits:
    """The limits of the whole-file comparison that the contract declares."""
    shares: dict[tuple[str, str | None], float | None] = {}
    for check, said in facts.mapping("limits", LIMITS_SHAPE).items():
        by_column = said if isinstance(said, Mapping) else {None: said}
        for column, share in by_column.items():
            if isinstance(share, bool) or not isinstance(share, int | float | None):
                raise facts.error("limits", f"write {LIMITS_SHAPE}, the shares as numbers such as 0.3", check)
            shares[str(check), None if column is None else str(column)] = (
                None if share is None else float(share)
            )
    return Limits(shares)


def read_drift(facts: Facts) -> Drift:
    """The declaration of the files that are refused for their columns."""
    body = facts.mapping("drift", DRIFT_SHAPE)
    if set(body) - {"extra", "missing"} or any(
        value not in ("refuse", other)
        for key, other in (("extra", "ignore"), ("missing", "accept"))
        for value in [body.get(key, other)]
    ):
        raise facts.error("drift", f"write {DRIFT_SHAPE}")
    return Drift(body.get("extra") == "refuse", body.get("missing") == "refuse")
