"""A ticket's life against a second, independent telling of it: a person's reading of the rules, row by row."""

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quality.tickets import (
    FOUND,
    REPLIES,
    SCHEMA,
    STATES,
    TO_ANSWER,
    VERDICTS,
    no_replies,
    no_tickets,
    tickets,
)

MONDAY = date(2026, 3, 2)


def finding(ticket: str = "T1", observed: str = "a", suggestion: str | None = "b") -> dict[str, object]:
    return {
        "ticket_id": ticket,
        "dataset": "police.population",
        "rule": "agreement",
        "record_key": ticket,
        "field": "name",
        "observed": observed,
        "suggestion": suggestion,
        "evidence": "公安局",
        "unit_code": "370602001",
        "department": "police",
        "dimension": "consistency",
        "severity": "error",
        "label": "王伟",
        "village_code": None,
    }


def findings(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=dict.fromkeys(finding(), pl.String), orient="row")


def replies(*rows: tuple[str, int, str, str | None]) -> pl.DataFrame:
    return pl.DataFrame([(*row, None) for row in rows], schema=REPLIES, orient="row")


def one(frame: pl.DataFrame) -> dict[str, object]:
    assert frame.height == 1
    return frame.row(0, named=True)


def test_a_finding_opens_a_ticket_due_in_five_working_days() -> None:
    ticket = one(tickets(no_tickets(), findings(finding()), no_replies(), MONDAY))
    assert ticket["state"] == "open"
    assert ticket["first_batch"] == ticket["last_batch"] == MONDAY
    assert ticket["due_date"] == date(2026, 3, 9)  # Monday + 5 working days, over one weekend
    assert ticket["delivered"] == "a"


def test_a_cured_finding_closes_its_ticket_and_coming_back_reopens_it() -> None:
    first = tickets(no_tickets(), findings(finding()), no_replies(), MONDAY)
    answer = replies(("T1", 1, "采纳建议", "b"))
    second = tickets(first, findings(), answer, MONDAY + timedelta(1))
    assert one(second)["state"] == "closed"
    assert one(second)["reply"] == "采纳建议"
    third = tickets(second, findings(finding()), answer, MONDAY + timedelta(2))
    assert one(third)["state"] == "reopened"
    assert one(third)["times_reopened"] == 1


def test_an_answer_that_does_not_cure_reopens_and_keeps_what_the_source_delivers() -> None:
    first = tickets(no_tickets(), findings(finding()), no_replies(), MONDAY)
    wrong = replies(("T1", 1, "更正为", "c"))
    second = one(tickets(first, findings(finding(observed="c")), wrong, MONDAY + timedelta(1)))
    assert second["state"] == "reopened"
    assert second["observed"] == "c"
    assert second["delivered"] == "a"


def test_an_exception_holds_until_what_is_seen_changes() -> None:
    first = tickets(no_tickets(), findings(finding()), no_replies(), MONDAY)
    right = replies(("T1", 1, "数据无误", None))
    second = tickets(first, findings(finding()), right, MONDAY + timedelta(1))
    assert one(second)["state"] == "excepted"
    third = tickets(second, findings(finding()), right, MONDAY + timedelta(2))
    assert one(third)["state"] == "excepted"
    fourth = tickets(third, findings(finding(suggestion="x")), right, MONDAY + timedelta(3))
    assert one(fourth)["state"] == "reopened"


def test_closed_tickets_stay_in_the_table() -> None:
    first = tickets(no_tickets(), findings(finding("T1"), finding("T2")), no_replies(), MONDAY)
    second = tickets(first, findings(finding("T2")), no_replies(), MONDAY + timedelta(1))
    assert dict(second.select("ticket_id", "state").iter_rows()) == {"T1": "closed", "T2": "returned"}
    assert one(second.filter(pl.col("ticket_id") == "T1"))["last_batch"] == MONDAY


def test_two_findings_of_one_identity_are_one_ticket() -> None:
    found = findings(finding(observed="first"), finding(observed="second"))
    assert one(tickets(no_tickets(), found, no_replies(), MONDAY))["observed"] == "first"


def test_the_table_of_states_has_every_state_and_every_answer() -> None:
    assert set(FOUND) == {(state, answer) for state in STATES for answer in {"none", *VERDICTS.values()}} | {
        (None, "none")
    }
    assert set(FOUND.values()) <= set(STATES)
    assert set(TO_ANSWER) == {"open", "returned", "reopened"}


STEP = st.tuples(
    st.booleans(),
    st.sampled_from([None, *VERDICTS]),
    st.sampled_from(["a", "b"]),
)


def told(steps: list[tuple[bool, str | None, str]]) -> list[str]:
    """The states of one ticket as a person would tell them; the first step always finds it."""
    states, state, seen = [], "", ""
    for number, (found, verdict, value) in enumerate(steps):
        if number == 0:
            state, seen = "open", value
            states.append(state)
            continue
        if not found:
            state = "closed"
        elif verdict in ("采纳建议", "更正为"):
            state = "reopened"
        elif verdict == "数据无误":
            state = "excepted"
        elif verdict in ("非本辖区", "无法核实"):
            state = "referred"
        elif state == "open":
            state = "returned"
        elif state == "closed" or (state == "excepted" and value != seen):
            state = "reopened"
        if found:
            seen = value
        states.append(state)
    return states


@settings(max_examples=60, deadline=None)
@given(st.lists(STEP, min_size=1, max_size=7))
def test_any_story_ends_as_a_person_would_tell_it(steps: list[tuple[bool, str | None, str]]) -> None:
    steps[0] = (True, None, steps[0][2])
    frame, states, said = no_tickets(), [], []
    for number, (found, verdict, value) in enumerate(steps):
        if verdict is not None:
            said.append(("T1", number, verdict, "z" if VERDICTS[verdict] == "correction" else None))
        rows = [finding(observed=value)] if found else []
        day = MONDAY + timedelta(number)
        before = frame
        frame = tickets(before, findings(*rows), replies(*said), day)
        again = tickets(before, findings(*rows), replies(*said), day)
        assert frame.equals(again)
        states.append(one(frame)["state"])
    assert states == told(steps)
    assert one(frame)["times_reopened"] == sum(
        now == "reopened" and before != "reopened" for before, now in zip(["", *states], states, strict=False)
    )


@pytest.mark.parametrize("name", SCHEMA)
def test_every_column_keeps_its_type(name: str) -> None:
    frame = tickets(no_tickets(), findings(finding()), no_replies(), MONDAY)
    assert frame.schema[name] == SCHEMA[name]
