"""Reading a contract: ODCS v3 YAML in, `Contract` out.

The standard's own fields are used wherever they exist. Our own facts are in `customProperties` (listed in
docs/contracts.md) and in `quality` items with `engine: zhenjie`. Here an error is only a file that cannot be read; the
linter checks whether the content makes sense.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from open_data_contract_standard.model import (
    DataQuality,
    OpenDataContractStandard,
    Relationship,
    SchemaProperty,
)
from pydantic import ValidationError

from schemas.contract.custom_properties import Facts
from schemas.contract.deliveries import read_change, read_delivery, read_drift, read_limits, read_volume
from schemas.contract.model import (
    Classification,
    Column,
    Contract,
    Feed,
    Join,
    Route,
    Rule,
    Subject,
)
from schemas.declared import Declaration
from schemas.document import ContractError, Document, Place, read_document
from schemas.kinds import load_kinds

__all__ = ["DAYS", "ENGINE", "RULE_KEYS", "ContractError", "read_contract"]

# The `engine` of a quality item that is a rule of ours.
ENGINE = "zhenjie"

# Units of slaProperties in days. A month and a year are taken long: a delivery is not late on the 31st.
DAYS: Mapping[str, int] = {
    **dict.fromkeys(("d", "day", "days"), 1),
    **dict.fromkeys(("w", "week", "weeks"), 7),
    **dict.fromkeys(("m", "month", "months"), 31),
    **dict.fromkeys(("y", "yr", "year", "years"), 366),
}

# The contract's `key` where no column identifies a row.
NO_KEY = "none"

RULE_KEYS = ("field", "violates", "suggest", "evidence", "join")

_REQUIRED = ("id", "name", "version", "domain", "tenant")
_DEFAULT_CLASSIFICATION: Classification = "L3"

# The remedy for each of pydantic's types of error.
_ADVICE = {
    "string_type": "write text, in quotes if it looks like a number",
    "bool_parsing": "write true or false",
    "bool_type": "write true or false",
    "int_parsing": "write a whole number",
    "int_type": "write a whole number",
    "list_type": "write a list",
    "dict_type": "write a mapping",
    "model_type": "write a mapping",
    "extra_forbidden": "the standard has no such key: correct its spelling",
}


def read_contract(path: Path) -> Contract:
    """Read one contract file.

    Raises:
        ContractError: the file cannot be read as a contract. The message has the line and the remedy.
    """
    document = read_document(path)
    standard = _as_standard(document)
    for name in _REQUIRED:
        if not getattr(standard, name):
            raise document.error(f"{name} is missing: add it at the top of the contract")
    tables = standard.schema_ or []
    if len(tables) != 1:
        raise document.error("schema must have exactly one table: give each its own file", "schema", 1)
    return _ContractReader(document, standard).contract()


def _as_standard(document: Document) -> OpenDataContractStandard:
    try:
        return OpenDataContractStandard.model_validate(document.data)
    except ValidationError as error:
        first = error.errors()[0]
        # The location also names the branch of a union, which is not in the file.
        place = document.nearest(*first["loc"])
        name = ".".join(str(part) for part in place) or "the contract"
        advice = _ADVICE.get(first["type"], first["msg"])
        raise document.error(f"{name} is not as the standard says: {advice}", *place) from None


class _ContractReader:
    """Turns the parts of one document into parts of a `Contract`."""

    def __init__(self, document: Document, standard: OpenDataContractStandard) -> None:
        self.document, self.standard = document, standard
        self.facts = Facts(document, (), standard.customProperties)
        self.subjects = self._subjects()

    def contract(self) -> Contract:
        standard, facts = self.standard, self.facts
        (table,) = standard.schema_ or []
        team, description = standard.team, standard.description
        return Contract(
            id=str(standard.id),
            title=str(standard.name),
            version=str(standard.version),
            department=str(standard.domain),
            department_title=str(standard.tenant),
            description=(description.purpose or "") if description else "",
            columns=tuple(self._column(*item) for item in enumerate(table.properties or [])),
            deliveries=tuple(
                read_delivery(self.document, index, server, facts.text("delivery"))
                for index, server in enumerate(standard.servers or [])
            ),
            subjects=self.subjects,
            routes=self._routes(),
            rules=tuple(
                self._rule(index, item)
                for index, item in enumerate(table.quality or [])
                if item.engine == ENGINE
            ),
            label=facts.text("label"),
            latest=facts.text("latest"),
            keyless=facts.text("key") == NO_KEY,
            change=read_change(facts),
            volume=read_volume(facts),
            limits=read_limits(facts),
            drift=read_drift(facts),
            frequency_days=self._days("frequency"),
            latency_days=self._days("latency"),
            owner=(team.name or "") if team is not None and not isinstance(team, list) else "",
            tags=tuple(standard.tags or ()),
            path=self.document.path,
            digest=self.document.digest,
        )

    def _subjects(self) -> tuple[Subject, ...]:
        shape = "{<alias>: {entity: <entity>, key: <column>}}"
        subjects = []
        for alias, item in self.facts.mapping("subjects", shape).items():
            if not isinstance(item, Mapping) or set(item) != {"entity", "key"}:
                message = f"{alias}: write {shape}, with nothing else"
                raise self.facts.error("subjects", message, alias)
            subjects.append(Subject(str(alias), str(item["entity"]), str(item["key"])))
        return tuple(subjects)

    def _routes(self) -> tuple[Route, ...]:
        value = self.facts.values.get("unit") or []
        shapes = "{column: <column>} or {dataset: <id>, by: <column>}"
        if not isinstance(value, list):
            raise self.facts.error("unit", f"write a list of {shapes}")
        routes = []
        for index, item in enumerate(value):
            if isinstance(item, Mapping) and set(item) == {"column"}:
                routes.append(Route(column=str(item["column"])))
            elif isinstance(item, Mapping) and set(item) == {"dataset", "by"}:
                routes.append(Route(column=str(item["by"]), dataset=str(item["dataset"])))
            else:
                raise self.facts.error("unit", f"each way is {shapes}", index)
        return tuple(routes)

    def _column(self, index: int, item: SchemaProperty) -> Column:
        place: Place = ("schema", 0, "properties", index)
        if not item.name or not item.businessName:
            raise self.document.error("a property needs name and businessName (中文名)", *place)
        facts = Facts(self.document, place, item.customProperties)
        options = item.logicalTypeOptions or {}
        kind = load_kinds().get(facts.text("semanticKind") or "")
        inherited = kind.classification if kind else _DEFAULT_CLASSIFICATION
        return Column(
            name=item.name,
            title=item.businessName,
            type=item.logicalType or "string",  # type: ignore[arg-type]  # the linter judges it
            description=item.description or "",
            synonyms=tuple(str(synonym.synonym) for synonym in item.synonyms or ()),
            required=bool(item.required),
            unique=bool(item.unique),
            key=bool(item.primaryKey),
            kind=facts.text("semanticKind"),
            codes=facts.text("codeTable"),
            classification=item.classification or inherited,  # type: ignore[arg-type]
            minimum=_bound(options.get("minimum")),
            maximum=_bound(options.get("maximum")),
            max_length=options.get("maxLength"),
            pattern=options.get("pattern"),
            references=self._reference(item.relationships or [], place),
            derive=item.transformLogic,
            suggest=facts.text("suggest"),
            repeats_merged=facts.values.get("mergedCells") == "repeat",
            from_sheet_name=facts.values.get("sheetName") is True,
            from_group_row=facts.values.get("groupRow") is True,
            from_file_name=facts.text("fromFileName"),
            from_title=facts.text("fromTitle"),
            feeds=self._feeds(facts),
            line=self.document.line(*place),
        )

    def _reference(self, relationships: list[Relationship], place: Place) -> str | None:
        if not relationships:
            return None
        target = relationships[0].to
        if len(relationships) > 1 or not isinstance(target, str):
            message = "write one relationship: [{to: <department>.<dataset>.<column>}]"
            raise self.document.error(message, *place, "relationships")
        return target

    def _feeds(self, facts: Facts) -> tuple[Feed, ...]:
        feeds = []
        aliases = {subject.alias for subject in self.subjects}
        targets = facts.values.get("feeds") or []
        if isinstance(targets, Mapping):
            message = f"write a list [<subject>.<attribute>, …]; whose word counts is said in {Declaration.AUTHORITY}"
            raise facts.error("feeds", message)
        if not isinstance(targets, list) or not all(isinstance(target, str) for target in targets):
            raise facts.error("feeds", "write a list [<subject>.<attribute>, …]")
        for index, target in enumerate(targets):
            subject, _, attribute = target.partition(".")
            if subject not in aliases or not attribute:
                known = ", ".join(sorted(aliases)) or "none is declared"
                message = f"{target}: write <subject>.<attribute>; the subjects are: {known}"
                raise facts.error("feeds", message, index)
            if target in targets[:index]:
                raise facts.error("feeds", f"{target} is there twice: keep one", index)
            feeds.append(Feed(subject, attribute))
        return tuple(feeds)

    def _rule(self, index: int, item: DataQuality) -> Rule:
        place: Place = ("schema", 0, "quality", index)
        body = item.implementation
        if not item.name or not isinstance(body, Mapping):
            message = "a rule needs a name and an implementation with field and violates"
            raise self.document.error(message, *place)
        place = (*place, "implementation")
        for key, value in body.items():
            if key not in RULE_KEYS:
                message = f"rule {item.name}: unknown key {key}: write {', '.join(RULE_KEYS)}"
                raise self.document.error(message, *place, str(key))
            if key != "join" and not isinstance(value, str):
                message = f"rule {item.name}: {key} is not text: put it in quotes"
                raise self.document.error(message, *place, key)
        if missing := {"field", "violates"} - body.keys():
            message = f"rule {item.name}: {min(missing)} is missing: add it"
            raise self.document.error(message, *place)
        return Rule(
            name=item.name,
            field=body["field"],
            dimension=item.dimension or "",  # type: ignore[arg-type]  # the linter judges it
            severity=item.severity or "",  # type: ignore[arg-type]
            description=item.description or "",
            violates=body["violates"],
            suggest=body.get("suggest"),
            evidence=body.get("evidence"),
            joins=self._joins(item.name, body.get("join") or {}, (*place, "join")),
            line=self.document.line("schema", 0, "quality", index),
        )

    def _joins(self, rule: str, value: object, place: Place) -> tuple[Join, ...]:
        if not isinstance(value, Mapping):
            message = f"rule {rule}: join is a mapping: write {{<alias>: <dataset>}}"
            raise self.document.error(message, *place)
        joins = []
        for alias, target in value.items():
            if isinstance(target, Mapping) and set(target) == {"dataset", "by"}:
                joins.append(Join(str(alias), str(target["dataset"]), str(target["by"])))
            elif isinstance(target, str) and len(self.subjects) == 1:
                joins.append(Join(str(alias), target, self.subjects[0].key))
            else:
                message = f"rule {rule}: join {alias}: write {{dataset: <id>, by: <column>}}"
                raise self.document.error(message, *place, alias)
        return tuple(joins)

    def _days(self, name: str) -> int | None:
        for index, item in enumerate(self.standard.slaProperties or ()):
            if item.property != name:
                continue
            number, unit = str(item.value), str(item.unit)
            if not re.fullmatch(r"\d+", number, re.ASCII) or unit not in DAYS:
                message = f"{name}: write a whole number as value and d, w, m or y as unit"
                raise self.document.error(message, "slaProperties", index)
            return int(number) * DAYS[unit]
        return None


def _bound(value: object) -> str | None:
    return None if value is None else str(value)
