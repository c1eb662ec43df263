"""A ticket's life against a second, independent telling of it: a person's reading of the rules, row by row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quality.tickets.states import (
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
ANSWERS = {"采纳建议": "b", "更正为": "c", "数据无误": None, "非本辖区": None, "无法核实": None}


def finding(
    ticket: str = "T1",
    observed: str | None = "a",
    suggestion: str | None = "b",
    evidence: str | None = "公安局",
    delivered: str | None = "a",
) -> dict[str, object]:
    return {
        "ticket_id": ticket,
        "dataset": "police.population",
        "rule": "agreement",
        "record_key": ticket,
        "field": "name",
        "observed": observed,
        "suggestion": suggestion,
        "evidence": evidence,
        "unit_code": "370602001",
        "department": "police",
        "dimension": "consistency",
        "severity": "error",
        "label": "王伟",
        "village_code": None,
        "delivered": delivered,
    }


def findings(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=dict.fromkeys(finding(), pl.String), orient="row")


def replies(*rows: tuple[str, int, str, str | None]) -> pl.DataFrame:
    return pl.DataFrame([(*row, None) for row in rows], schema=REPLIES, orient="row")


def one(frame: pl.DataFrame) -> dict[str, object]:
    assert frame.height == 1
    return frame.row(0, named=True)


def later(days: int) -> date:
    return MONDAY + timedelta(days)


def in_state(state: str) -> pl.DataFrame:
    """One ticket that is in a state since Monday, seen as `finding()` shows it, with answer 1 taken in."""
    opened = tickets(no_tickets(), findings(finding()), no_replies(), MONDAY)
    return opened.with_columns(
        state=pl.lit(state), reply_no=pl.lit(1, pl.Int64), times_reopened=pl.lit(2, pl.Int64)
    )


def test_a_finding_opens_a_ticket_with_what_it_shows() -> None:
    ticket = one(tickets(no_tickets(), findings(finding()), no_replies(), MONDAY))
    shown = {name: value for name, value in ticket.items() if name in finding()}
    assert shown == finding()
    assert ticket["state"] == "open"
    assert ticket["first_batch"] == ticket["last_batch"] == ticket["state_since"] == MONDAY
    assert ticket["times_reopened"] == 0
    assert ticket["reply"] is ticket["reply_value"] is ticket["reply_note"] is ticket["reply_no"] is None


# 2026-03-02 is a Monday. The day of the batch does not count.
@pytest.mark.parametrize(
    ("batch", "due"),
    [
        (date(2026, 3, 2), date(2026, 3, 9)),
        (date(2026, 3, 4), date(2026, 3, 11)),
        (date(2026, 3, 6), date(2026, 3, 13)),
        (date(2026, 3, 7), date(2026, 3, 13)),
        (date(2026, 3, 8), date(2026, 3, 13)),
        (date(2026, 2, 27), date(2026, 3, 6)),
    ],
)
def test_a_ticket_is_due_on_the_fifth_working_day_after_its_batch(batch: date, due: date) -> None:
    assert one(tickets(no_tickets(), findings(finding()), no_replies(), batch))["due_date"] == due


def test_a_cured_finding_closes_its_ticket_and_coming_back_reopens_it() -> None:
    first = tickets(no_tickets(), findings(finding()), no_replies(), MONDAY)
    answer = replies(("T1", 1, "采纳建议", "b"))
    second = tickets(first, findings(), answer, later(1))
    assert one(second)["state"] == "closed"
    assert one(second)["reply"] == "采纳建议"
    assert one(second)["reply_value"] == "b"
    assert one(second)["last_batch"] == MONDAY
    assert one(second)["due_date"] == date(2026, 3, 9)
    third = one(tickets(second, findings(finding()), answer, later(2)))
    assert (third["state"], third["times_reopened"], third["last_batch"]) == ("reopened", 1, later(2))
    assert third["due_date"] == date(2026, 3, 11)
    assert third["first_batch"] == MONDAY


def test_nothing_but_not_being_found_closes_a_ticket() -> None:
    for state in STATES:
        for verdict, value in ANSWERS.items():
            answer = replies(("T1", 2, verdict, value))
            assert one(tickets(in_state(state), findings(finding()), answer, later(1)))["state"] != "closed"
            assert one(tickets(in_state(state), findings(), answer, later(1)))["state"] == "closed"


# Every state and every answer, worked out by hand: what becomes of a ticket that is found again as before.
AFTER = {
    ("open", None): "returned",
    ("returned", None): "returned",
    ("reopened", None): "reopened",
    ("referred", None): "referred",
    ("excepted", None): "excepted",
    ("gone", None): "open",
    ("closed", None): "reopened",
    **{
        (state, verdict): after
        for state in ("open", "returned", "reopened", "referred", "excepted", "gone", "closed")
        for verdict, after in (
            ("采纳建议", "reopened"),
            ("更正为", "reopened"),
            ("数据无误", "excepted"),
            ("非本辖区", "referred"),
            ("无法核实", "referred"),
        )
    },
}


@pytest.mark.parametrize(("state", "verdict"), AFTER)
def test_what_becomes_of_a_ticket_found_again(state: str, verdict: str | None) -> None:
    answer = no_replies() if verdict is None else replies(("T1", 2, verdict, ANSWERS[verdict]))
    ticket = one(tickets(in_state(state), findings(finding()), answer, later(1)))
    assert ticket["state"] == AFTER[state, verdict]
    put_again = ticket["state"] == "reopened" and (state != "reopened" or verdict is not None)
    assert ticket["times_reopened"] == 2 + put_again
    # A record that was away has its whole term again.
    anew = put_again or (state, ticket["state"]) == ("gone", "open")
    assert ticket["due_date"] == (date(2026, 3, 10) if anew else date(2026, 3, 9))
    moved = put_again or ticket["state"] != state
    assert ticket["state_since"] == (later(1) if moved else MONDAY)


def test_the_table_of_states_has_every_state_and_every_answer() -> None:
    every = {(state, answer) for state in STATES for answer in {"none", *VERDICTS.values()}}
    assert set(FOUND) == every | {(None, "none")}
    assert set(FOUND.values()) <= set(STATES)
    assert set(TO_ANSWER) == {"open", "returned", "reopened"}
    assert set(ANSWERS) == set(VERDICTS)


def test_a_record_that_is_gone_closes_nothing_and_what_was_closed_stays_closed() -> None:
    for state in STATES:
        for verdict, value in ANSWERS.items():
            answer = replies(("T1", 2, verdict, value))
            ticket = one(tickets(in_state(state), findings(), answer, later(1), ["T1"]))
            assert ticket["state"] == ("closed" if state == "closed" else "gone")
            assert ticket["times_reopened"] == 2
    away = tickets(in_state("gone"), findings(), no_replies(), later(1), ["T1"])
    assert (one(away)["state"], one(away)["state_since"]) == ("gone", MONDAY)
    # It came back and is right.
    assert one(tickets(away, findings(), no_replies(), later(2)))["state"] == "closed"
    assert "gone" not in TO_ANSWER


@pytest.mark.parametrize(
    ("verdict", "state"),
    [(None, "open"), ("数据无误", "excepted"), ("非本辖区", "referred"), ("更正为", "reopened")],
)
def test_a_record_that_comes_back_brings_its_last_answer(verdict: str | None, state: str) -> None:
    first = tickets(no_tickets(), findings(finding()), no_replies(), MONDAY)
    said = no_replies() if verdict is None else replies(("T1", 1, verdict, ANSWERS[verdict]))
    answered = tickets(first, findings(finding()), said, later(1))
    away = tickets(answered, findings(), said, later(2), ["T1"])
    assert one(away)["state"] == "gone"
    back = one(tickets(away, findings(finding()), said, later(3)))
    assert (back["state"], back["state_since"]) == (state, later(3))
    # What is seen now is another thing than what was said to be right.
    if verdict == "数据无误":
        other = one(tickets(away, findings(finding(observed="x")), said, later(3)))
        assert other["state"] == "reopened"


def test_an_answer_is_taken_in_once() -> None:
    answer = replies(("T1", 7, "非本辖区", None))
    first = tickets(no_tickets(), findings(finding()), no_replies(), MONDAY)
    second = tickets(first, findings(finding()), answer, later(1))
    assert (one(second)["state"], one(second)["reply_no"]) == ("referred", 7)
    closed = tickets(second, findings(), answer, later(2))
    assert one(tickets(closed, findings(finding()), answer, later(3)))["state"] == "reopened"


def test_of_several_new_answers_the_newest_counts() -> None:
    first = tickets(no_tickets(), findings(finding()), no_replies(), MONDAY)
    said = replies(("T1", 9, "数据无误", None), ("T1", 8, "更正为", "c"), ("T2", 10, "非本辖区", None))
    second = one(tickets(first, findings(finding()), said, later(1)))
    assert (second["state"], second["reply"], second["reply_no"]) == ("excepted", "数据无误", 9)


def test_an_answer_to_a_ticket_that_never_was_does_nothing() -> None:
    said = replies(("T1", 1, "数据无误", None))
    ticket = one(tickets(no_tickets(), findings(finding()), said, MONDAY))
    assert (ticket["state"], ticket["reply"]) == ("open", None)


def test_an_answer_that_does_not_cure_reopens_and_keeps_what_the_source_delivers() -> None:
    first = tickets(no_tickets(), findings(finding()), no_replies(), MONDAY)
    wrong = replies(("T1", 1, "更正为", "c"))
    second = one(tickets(first, findings(finding(observed="c", delivered="a")), wrong, later(1)))
    assert (second["state"], second["observed"], second["delivered"]) == ("reopened", "c", "a")


def test_a_closed_ticket_keeps_what_the_source_delivered_when_it_was_last_found() -> None:
    first = tickets(no_tickets(), findings(finding(delivered="x")), no_replies(), MONDAY)
    assert one(tickets(first, findings(), no_replies(), later(1)))["delivered"] == "x"


def test_an_exception_holds_while_nothing_that_was_seen_changes() -> None:
    excepted = tickets(
        in_state("returned"), findings(finding()), replies(("T1", 2, "数据无误", None)), later(1)
    )
    assert one(excepted)["state"] == "excepted"
    same = {**finding(), "label": "王炜", "unit_code": "370602002", "severity": "warning", "delivered": "z"}
    after = one(tickets(excepted, findings(same), no_replies(), later(2)))
    assert (after["state"], after["unit_code"]) == ("excepted", "370602002")


@pytest.mark.parametrize(
    "seen",
    [
        {"observed": "x"},
        {"suggestion": "x"},
        {"evidence": "x"},
        {"observed": None},
        {"suggestion": None},
        {"evidence": None},
    ],
)
def test_an_exception_ends_with_what_was_seen(seen: dict[str, str | None]) -> None:
    anew = findings({**finding(), **seen})
    ended = one(tickets(in_state("excepted"), anew, no_replies(), later(1)))
    assert (ended["state"], ended["times_reopened"]) == ("reopened", 3)
    # Said of what was seen before, it is no exception from what is seen now.
    late = replies(("T1", 2, "数据无误", None))
    assert one(tickets(in_state("returned"), anew, late, later(1)))["state"] == "reopened"
    # Other states do not ask what was seen.
    assert one(tickets(in_state("referred"), anew, no_replies(), later(1)))["state"] == "referred"


def test_closed_tickets_stay_in_the_table_and_tickets_come_in_the_order_of_their_ids() -> None:
    first = tickets(no_tickets(), findings(finding("T3"), finding("T1"), finding("T2")), no_replies(), MONDAY)
    second = tickets(first, findings(finding("T2"), finding("T0")), no_replies(), later(1))
    assert second.select("ticket_id", "state").rows() == [
        ("T0", "open"),
        ("T1", "closed"),
        ("T2", "returned"),
        ("T3", "closed"),
    ]


def test_two_findings_of_one_identity_are_one_ticket_and_show_the_first() -> None:
    found = findings(finding(observed="first"), finding(observed="second"))
    assert one(tickets(no_tickets(), found, no_replies(), MONDAY))["observed"] == "first"


def test_every_column_keeps_its_type_and_place() -> None:
    for frame in (
        no_tickets(),
        tickets(no_tickets(), findings(), no_replies(), MONDAY),
        tickets(no_tickets(), findings(finding()), no_replies(), MONDAY),
    ):
        assert dict(frame.schema) == SCHEMA
        assert frame.columns == list(SCHEMA)


@dataclass(frozen=True)
class Ticket:
    """One ticket as a person would keep it on paper."""

    state: str
    seen: str
    first: date
    last: date
    since: date
    due: date
    reopened: int = 0
    answer: int = 0
    reply: str | None = None


def five_working_days_after(day: date) -> date:
    left = 5
    while left:
        day += timedelta(1)
        left -= day.weekday() < 5
    return day


def told(ticket: Ticket | None, seen: str | None, answer: tuple[int, str] | None, day: date) -> Ticket | None:
    """What a person would write down after a batch.

    `seen` is None when the check finds nothing, and `AWAY` when there is no such record.
    """
    if ticket is None:
        if seen in (None, AWAY):
            return None
        assert seen is not None
        return Ticket("open", seen, day, day, day, five_working_days_after(day))
    new = answer is not None and answer[0] > ticket.answer
    if new and answer is not None:
        ticket = replace(ticket, answer=answer[0], reply=answer[1])
    if seen == AWAY:
        return ticket if ticket.state in ("gone", "closed") else replace(ticket, state="gone", since=day)
    if seen is None:
        return ticket if ticket.state == "closed" else replace(ticket, state="closed", since=day)
    same, before = seen == ticket.seen, ticket.state
    ticket = replace(ticket, seen=seen, last=day)
    if before == "gone":
        new = ticket.reply is not None
    if new and ticket.reply in ("非本辖区", "无法核实"):
        after = "referred"
    elif new and ticket.reply == "数据无误":
        after = "excepted" if same else "reopened"
    elif new or before == "closed" or (before == "excepted" and not same):
        after = "reopened"
    elif before == "gone":
        return replace(ticket, state="open", since=day, due=five_working_days_after(day))
    elif before == "open":
        after = "returned"
    else:
        return ticket
    if after == "reopened":
        due = five_working_days_after(day)
        return replace(ticket, state=after, since=day, due=due, reopened=ticket.reopened + 1)
    return ticket if after == before else replace(ticket, state=after, since=day)


AWAY = "away"
NAMES = ("T1", "T2", "T3")
BATCH = st.fixed_dictionaries(
    {
        name: st.tuples(st.sampled_from([None, "a", "b", AWAY]), st.sampled_from([None, *VERDICTS]))
        for name in NAMES
    }
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), BATCH), min_size=1, max_size=8))
def test_any_story_ends_as_a_person_would_tell_it(
    batches: list[tuple[int, dict[str, tuple[str | None, str | None]]]],
) -> None:
    frame, book, said, day = no_tickets(), dict[str, Ticket | None](), [], MONDAY
    for gap, batch in batches:
        day += timedelta(gap)
        for name, (_, verdict) in batch.items():
            # People answer what they were given.
            if verdict is not None and book.get(name) is not None:
                said.append((name, len(said) + 1, verdict, None))
        seen_now = {name: seen for name, (seen, _) in batch.items() if seen not in (None, AWAY)}
        found = findings(*(finding(name, evidence=seen) for name, seen in seen_now.items()))
        away = [name for name, (seen, _) in batch.items() if seen == AWAY]
        answers = {name: (number, verdict) for name, number, verdict, _ in said}
        before = frame
        frame = tickets(before, found, replies(*said), day, away)
        assert frame.equals(tickets(before, found.reverse(), replies(*reversed(said)), day, away))
        for name, (seen, _) in batch.items():
            book[name] = told(book.get(name), seen, answers.get(name), day)
        kept = frame.select(
            "ticket_id", "state", "evidence", "first_batch", "last_batch", "state_since", "due_date",
            "times_reopened", "reply",
        ).rows()  # fmt: skip
        assert kept == [
            (name, t.state, t.seen, t.first, t.last, t.since, t.due, t.reopened, t.reply)
            for name, t in sorted(book.items())
            if t is not None
        ]
