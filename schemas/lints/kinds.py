"""Checks of the semantic kinds: each entry is complete and names existing library functions and code tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from schemas.codes import CodeLibrary
from schemas.document import Document, read_document
from schemas.expressions.functions import load_functions
from schemas.kinds import KINDS, SemanticKind, read_kinds
from schemas.lints.problem import NAME, Problem, did_you_mean, has_chinese

_CALL = re.compile(r"(\w+)\(")


def problems(codes: CodeLibrary, path: Path = KINDS) -> Iterator[Problem]:
    """What is wrong with the declared kinds.

    Raises:
        ContractError: an entry cannot be read as a kind.
    """
    document = read_document(path)
    for kind in read_kinds(path).values():
        yield from _KindCheck(document, kind, codes).problems()


class _KindCheck:
    """The checks of one kind."""

    def __init__(self, document: Document, kind: SemanticKind, codes: CodeLibrary) -> None:
        self.document, self.kind, self.codes = document, kind, codes

    def wrong(self, message: str, advice: str, *below: str | int) -> Problem:
        line = self.document.line(self.kind.name, *below)
        return Problem(self.document.path, line, f"kind {self.kind.name}: {message}", advice)

    def problems(self) -> Iterator[Problem]:
        if not NAME.fullmatch(self.kind.name):
            yield self.wrong("the name is not lower_snake_case", "rename it")
        if not has_chinese(self.kind.title):
            yield self.wrong(
                f"the title is {self.kind.title!r}", "say it in Chinese: departments read it", "title"
            )
        yield from self.function(self.kind.normalise, "VARCHAR", "normalise")
        if self.kind.valid is not None:
            yield from self.function(self.kind.valid, "BOOLEAN", "valid")
        yield from self.role()
        yield from self.recognition()
        yield from self.judgements()
        yield from self.examples()

    def function(self, name: str, returns: str, *below: str | int) -> Iterator[Problem]:
        """Check that a name is a library function of one text."""
        functions = load_functions()
        if name not in functions:
            advice = f"{did_you_mean(name, functions)} Or declare it in functions.yaml"
            yield self.wrong(f"unknown function {name}", advice, *below)
        elif (list(functions[name].parameters.values()), functions[name].returns) != (["VARCHAR"], returns):
            yield self.wrong(f"{name} does not make a {returns} of one text", "name another function", *below)

    def role(self) -> Iterator[Problem]:
        if (self.kind.role == "identifier") != (self.kind.identifies is not None):
            yield self.wrong(
                f"role is {self.kind.role}, and identifies is {'' if self.kind.identifies else 'not '}said",
                "an identifier, and nothing else, says which entity it identifies",
                "role",
            )

    def recognition(self) -> Iterator[Problem]:
        found = self.kind.recognise
        if (found.by == "heading") != (found.heading is not None):
            yield self.wrong(
                f"recognised by {found.by}", "say a heading if by is heading, and only then", "recognise"
            )
        if found.by == "values" and self.kind.valid is None:
            yield self.wrong("nothing judges its values", "recognise it by heading, or known", "recognise")
        if found.codes is not None and found.codes not in self.codes.ids():
            advice = did_you_mean(found.codes, self.codes.ids())
            yield self.wrong(f"unknown code table {found.codes}", advice, "recognise", "codes")

    def judgements(self) -> Iterator[Problem]:
        judged = self.kind.judgements
        if self.kind.valid is not None and self.kind.valid not in [judgement.valid for judgement in judged]:
            yield self.wrong(f"no judgement uses {self.kind.valid}", "judge what is recognised", "judgements")
        if self.kind.valid is None and judged:
            yield self.wrong("valid is null, and there are judgements", "name the function", "valid")
        names = [judgement.name for judgement in judged]
        if names[:1] not in ([], [None]) or None in names[1:] or len(set(names)) != len(names):
            advice = "the first judgement has no name, each other one a name of its own"
            yield self.wrong("the names of judgements", advice, "judgements")
        if (severities := [judgement.severity for judgement in judged]) != sorted(severities):
            yield self.wrong("an error after a warning", "put errors first", "judgements")
        for place, judgement in enumerate(judged):
            yield from self.function(judgement.valid, "BOOLEAN", "judgements", place, "valid")
            if not has_chinese(judgement.message) or "{" in judgement.message:
                advice = "say in Chinese what is wrong, without the value: townships read it"
                yield self.wrong(f"message {judgement.message!r}", advice, "judgements", place, "message")
            for part, expression in (("suggest", judgement.suggest), ("evidence", judgement.evidence)):
                if expression is not None:
                    yield from self.expression(expression, "judgements", place, part)

    def expression(self, expression: str, *below: str | int) -> Iterator[Problem]:
        if "{value}" not in expression:
            yield self.wrong("the expression has no {value}", "write {value} for the normalised text", *below)
        if unknown := sorted(set(_CALL.findall(expression)) - load_functions().keys()):
            yield self.wrong(
                f"unknown function {unknown[0]}", did_you_mean(unknown[0], load_functions()), *below
            )

    def examples(self) -> Iterator[Problem]:
        """Check that each judgement has an example that it finds: the generated tests depend on the examples."""
        if not self.kind.examples.right:
            yield self.wrong("no right example", "add a text as delivered, and what it becomes", "examples")
        rules = {judgement.rule for judgement in self.kind.judgements}
        wrong = {rule for rule, texts in self.kind.examples.wrong.items() if texts}
        for rule in sorted(rules - wrong):
            yield self.wrong(f"no example of {rule}", "add a text that it finds wrong", "examples")
        for rule in sorted(self.kind.examples.wrong.keys() - rules):
            yield self.wrong(
                f"an example of {rule}, which is no judgement", "take it out", "examples", "wrong"
            )
