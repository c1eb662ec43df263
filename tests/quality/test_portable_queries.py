"""What runs on several engines is portable; of every contract that is shipped, `zhenjie contract lint` says so."""

from dataclasses import replace

from quality.rules.portable import not_portable
from schemas.codes import CodeLibrary
from schemas.contract.library import load_library


def test_a_contract_whose_pattern_java_reads_otherwise_is_named() -> None:
    library = load_library()
    contract = library["education.school_roll"]
    columns = tuple(
        replace(column, pattern=r"\bG[0-9]+$") if column.name == "student_no" else column
        for column in contract.columns
        if column.references is None
    )
    alone = replace(contract, columns=columns, rules=(), routes=())
    (said,) = not_portable(replace(library, contracts=(alone,)), CodeLibrary())
    assert "school_roll.yaml: verification, line " in said
    assert "a backslash may only stand before a mark" in said
