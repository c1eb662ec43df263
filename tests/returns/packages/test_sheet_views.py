"""The relations that sheets read: what they know of the files in which things were delivered."""

from __future__ import annotations

from datetime import date, datetime

from assets.platform import CHINA, Platform
from quality.findings.verify import verify
from quality.published import TICKETS
from quality.tickets.states import no_replies
from quality.tickets.ticket_tables import update_tickets
from returns.packages.sheet_views import ReturnContext, name_relations
from warehouse.collect.extracts.extract import extract
from warehouse.collect.intake import reception
from warehouse.incremental.context import BatchContext
from warehouse.standard.standardise import no_corrections, standardise

BATCH = date(2026, 3, 2)


def test_the_file_is_told_too_when_the_same_bytes_come_again(copy: Platform) -> None:
    again = date(2026, 3, 3)
    (kept,) = copy.home.root.glob(f"inbox/{BATCH}/*/户籍人口_20260302.csv")
    (receipt,) = reception.deliver(
        copy.home, copy.library, [kept], again, datetime(2026, 3, 3, 8, tzinfo=CHINA)
    )
    before = copy.lake.partition(*TICKETS, BATCH)
    assert before is not None
    with copy.open_batch(again) as opened:
        connection = opened.connection
        extract(opened, copy.home, copy.library["police.population"])
        name_relations(
            connection, ReturnContext(copy.lake, copy.library, copy.codes, again, BATCH, before), []
        )
        told = connection.execute(
            "SELECT DISTINCT extract_id, file FROM finding LEFT JOIN delivered_file USING (extract_id) "
            "WHERE dataset = 'police.population'"
        ).fetchall()
    assert told == [(receipt.extract_id, "户籍人口_20260302.csv")]


def test_a_missing_value_is_shown_with_what_stood_in_an_earlier_delta(copy: Platform) -> None:
    """Rows of changes stay in the extract of their day: what was delivered there is looked up there."""
    contract, told = copy.library["emergency.small_premises"], []
    with copy.engine.connect() as connection:
        for day, name in ((date(2026, 3, 3), " 无 "), (date(2026, 3, 4), "烟台小吃店")):
            delta = copy.home.root / f"九小场所_{day:%Y%m%d}.csv"
            delta.write_text(
                "场所编号,场所名称,场所类别,负责人,村居代码,营业状态\n"
                f"370602000000{day:%d},{name},1,王伟,370602001001,1\n",
                encoding="gb18030",
            )
            at = datetime(day.year, day.month, day.day, 8, tzinfo=CHINA)
            reception.deliver(copy.home, copy.library, [delta], day, at)
            opened = BatchContext(connection, copy.lake, copy.library, copy.codes, day)
            extract(opened, copy.home, contract)
            standardise(opened, contract, no_corrections())
            verify(opened, contract)
            made = update_tickets(opened, no_replies())
            name_relations(
                connection, ReturnContext(copy.lake, copy.library, copy.codes, day, None, made), []
            )
            shown = (
                "SELECT record_key, placeholder.delivered FROM placeholder JOIN ticket USING (ticket_id) "
                "WHERE dataset = ?"
            )
            told.append(connection.execute(shown, [contract.id]).fetchall())
    assert told == [[("37060200000003", "无")]] * 2
