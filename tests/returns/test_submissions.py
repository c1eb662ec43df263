"""What is handed in: only workbooks that the platform made, for the unit they were made for, by whatever program saved.

Every tampered workbook is an honest one with one thing changed by hand.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from openpyxl.worksheet.worksheet import Worksheet

from quality.tickets.states import TO_ANSWER
from returns.ledger.chain import LedgerError
from returns.packages.sheet_spec import sheet_standard
from returns.replies.take_in import ReplyDesk, Submission, take_in
from returns.signing.identity import PackageIdentity, signed_facts
from tests.returns.office import (
    ACTOR,
    AT,
    BATCH,
    OLDER,
    OTHER_UNIT,
    ROWS,
    UNIT,
    Office,
    Table,
    correct,
    reasons,
    ticket_rows,
    values,
)
from warehouse.home.encryption import Key, Keys

NAME = {"NAME": correct("王芳")}
TICKETS = tuple(row[0] for row in ROWS)
TITLES = [column.title for column in sheet_standard("tickets").columns]
HIDDEN = "_zhenjie"

CHANGED = "签章与内容不符"
UNSIGNED = "没有平台的签章"
UNKNOWN_KEY = "签章密钥不是本平台现用的密钥"
NOT_OURS = "不是平台下发的工作簿"
DAMAGED = "已经损坏"


def facts_of(path: Path) -> dict[str, str]:
    """The facts in the hidden sheet."""
    rows = openpyxl.load_workbook(path)[HIDDEN].iter_rows(max_col=2, values_only=True)
    return {str(name): "" if value is None else str(value) for name, value in rows if name is not None}


def edited(path: Path, edit: Callable[[Worksheet], None]) -> Path:
    """The workbook with its hidden sheet edited by hand and saved."""
    book = openpyxl.load_workbook(path)
    edit(book[HIDDEN])
    book.save(path)
    return path


def put(path: Path, **facts: object) -> Path:
    """The workbook with other values for some facts; None deletes the value."""

    def edit(sheet: Worksheet) -> None:
        for name, value in sheet.iter_rows(max_col=2):
            if name.value in facts:
                value.value = facts[str(name.value)]  # type: ignore[assignment]

    return edited(path, edit)


def add(path: Path, name: object, value: object) -> Path:
    """The workbook with one more row in its hidden sheet."""

    def edit(sheet: Worksheet) -> None:
        row = max(cell.row for (cell,) in sheet.iter_rows(max_col=1) if cell.value is not None) + 1
        sheet.cell(row, 1, name)  # type: ignore[arg-type]
        sheet.cell(row, 2, value)  # type: ignore[arg-type]

    return edited(path, edit)


def signed(office: Office, path: Path, identity: PackageIdentity) -> Path:
    """The workbook with another identity in its hidden sheet, signed by the platform."""
    key = office.platform.signing_keys().present
    assert key is not None
    facts = signed_facts(identity, key)

    def edit(sheet: Worksheet) -> None:
        for name, value in sheet.iter_rows(max_col=2):
            name.value = value.value = None
        for row, (fact, text) in enumerate(facts.items(), start=1):
            sheet.cell(row, 1, fact)
            sheet.cell(row, 2, text)

    return edited(path, edit)


def honest(office: Office, **which: object) -> Path:
    """A workbook as the platform made it, with one answer in it."""
    return office.answered(NAME, **which)


def theirs(office: Office, **which: object) -> dict[str, str]:
    """The facts of another package of the same installation."""
    path = office.workbook(**which)  # type: ignore[arg-type]
    facts = facts_of(path)
    path.unlink()
    return facts


def forged(office: Office, key: bytes, **changes: object) -> Path:
    """A workbook that somebody signed with a key of their own."""
    identity = dataclasses.replace(PackageIdentity("township", UNIT, BATCH, TICKETS), **changes)
    facts = signed_facts(identity, Key(base64.b64encode(key).decode()))
    return put(honest(office), **facts)


def with_sheet(path: Path, name: str, state: str = "veryHidden") -> Path:
    book = openpyxl.load_workbook(path)
    copy = book.copy_worksheet(book[HIDDEN])
    copy.title, copy.sheet_state = name, state
    book.save(path)
    return path


def without_hidden(path: Path) -> Path:
    book = openpyxl.load_workbook(path)
    # The drop-down lists stand there; a person's copy has none.
    book["待核实"].data_validations.dataValidation.clear()
    del book[HIDDEN]
    book.save(path)
    return path


def renamed_parts(path: Path, old: bytes, new: bytes) -> Path:
    """The workbook with a text replaced in its list of sheets, as no spreadsheet program would."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert old in parts["xl/workbook.xml"]
    parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace(old, new)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def cut(path: Path, keep: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    return path


def far_cell(path: Path) -> Path:
    def edit(sheet: Worksheet) -> None:
        sheet["XFD1048576"] = "x"

    return edited(path, edit)


def stretched(path: Path) -> Path:
    """A hidden sheet with thousands of facts more."""

    def edit(sheet: Worksheet) -> None:
        for number in range(5_000):
            sheet.cell(100 + number, 1, f"file {number}.csv")
            sheet.cell(100 + number, 2, "0" * 64)

    return edited(path, edit)


def swapped_columns(sheet: Worksheet) -> None:
    for name, value in sheet.iter_rows(max_col=2):
        name.value, value.value = value.value, name.value


def signature(office: Office, change: Callable[[str], object]) -> Path:
    path = honest(office)
    return put(path, signature=change(facts_of(path)["signature"]))


TAMPERED: dict[str, tuple[Callable[[Office], Path], str]] = {
    "another unit": (lambda o: put(honest(o), unit_code=OTHER_UNIT), CHANGED),
    "a unit that is SQL": (lambda o: put(honest(o), unit_code="'; drop table entry;--"), CHANGED),
    "a unit with a control character": (lambda o: put(honest(o), unit_code=f"{UNIT}\t"), CHANGED),
    "a unit as a number": (lambda o: put(honest(o), unit_code=int(OTHER_UNIT)), CHANGED),
    "no unit": (lambda o: put(honest(o), unit_code=None), CHANGED),
    "a very long unit": (lambda o: put(honest(o), unit_code="3" * 30_000), CHANGED),
    "another batch": (lambda o: put(honest(o), batch="2026-03-02"), CHANGED),
    "a batch that never was": (lambda o: put(honest(o), batch="2026-02-01"), CHANGED),
    "a batch in words": (lambda o: put(honest(o), batch="三月二日"), CHANGED),
    "a batch as a date": (lambda o: put(honest(o), batch=date(2026, 3, 2)), CHANGED),
    "no batch": (lambda o: put(honest(o), batch=None), CHANGED),
    "another audience": (lambda o: put(honest(o), audience="department"), CHANGED),
    "another format": (lambda o: put(honest(o), format="1"), CHANGED),
    "more tickets": (lambda o: put(honest(o), **{"tickets 1": "NAME SEX MORE"}), CHANGED),
    "fewer tickets": (lambda o: put(honest(o), **{"tickets 1": "NAME"}), CHANGED),
    "tickets of a second cell": (lambda o: add(honest(o), "tickets 2", "MORE"), CHANGED),
    "a fact more": (lambda o: add(honest(o), "file 待核实.csv", "0" * 64), CHANGED),
    "a value without a name": (lambda o: add(honest(o), None, "x"), CHANGED),
    "a fact without a value": (lambda o: add(honest(o), "note", None), CHANGED),
    "the signature of another township": (
        lambda o: put(honest(o), signature=theirs(o, unit=OTHER_UNIT)["signature"]), CHANGED),
    "the signature of another batch": (
        lambda o: put(honest(o), signature=theirs(o, batch=OLDER)["signature"]), CHANGED),
    "the signature of a department's package": (
        lambda o: put(honest(o), signature=theirs(o, audience="department", unit=OTHER_UNIT)["signature"]), CHANGED),
    "a department's package": (lambda o: honest(o, audience="department", unit="police"), "下发给部门的工作簿"),
    "a signature in upper case": (lambda o: signature(o, str.upper), CHANGED),
    "a signature with a blank before it": (lambda o: signature(o, lambda s: f" {s}"), CHANGED),
    "a signature with a blank behind it": (lambda o: signature(o, lambda s: f"{s} "), CHANGED),
    "a signature with blanks inside": (lambda o: signature(o, lambda s: f"{s[:32]} {s[32:]}"), CHANGED),
    "a signature with a digit less": (lambda o: signature(o, lambda s: s[:-1]), CHANGED),
    "a signature with a digit more": (lambda o: signature(o, lambda s: f"{s}0"), CHANGED),
    "a signature of full-width digits": (
        lambda o: signature(o, lambda s: "".join(chr(ord(c) + 0xFEE0) for c in s)), CHANGED),
    "a signature of zeros": (lambda o: signature(o, lambda s: "0" * 64), CHANGED),
    "a formula that gives the unit": (lambda o: put(honest(o), unit_code=f'="{UNIT}"'), CHANGED),
    "a formula that gives the signature": (lambda o: signature(o, lambda s: f'="{s}"'), UNSIGNED),
    "no signature": (lambda o: put(honest(o), signature=None), UNSIGNED),
    "a workbook from before signatures": (
        lambda o: edited(honest(o), lambda s: s.delete_rows(5, 50) or s.delete_rows(1, 2)), "是旧版工作簿"),
    "another key's name": (lambda o: put(honest(o), key="0123456789ab"), UNKNOWN_KEY),
    "no key's name": (lambda o: put(honest(o), key=None), UNKNOWN_KEY),
    "signed by somebody else": (lambda o: forged(o, b"a key that the bureau never had.."[:32]), UNKNOWN_KEY),
    "names and values swapped": (lambda o: edited(honest(o), swapped_columns), UNSIGNED),
    "a fact stated twice": (lambda o: add(honest(o), "unit_code", OTHER_UNIT), "标识有重复的项"),
    "a fact stated twice alike": (lambda o: add(honest(o), "unit_code", UNIT), "标识有重复的项"),
    "a second hidden sheet": (lambda o: with_sheet(honest(o), f"{HIDDEN} (2)"), "有 2 个标识工作表"),
    "a visible copy in other letters": (
        lambda o: with_sheet(honest(o), "_ZHENJIE_", "visible"), "有 2 个标识工作表"),
    "two hidden sheets of one name": (
        lambda o: renamed_parts(with_sheet(honest(o), "second"), b'"second"', b'"_zhenjie"'), "有 2 个标识工作表"),
    "two sheets of answers of one name": (
        lambda o: renamed_parts(with_sheet(honest(o), "second"), b'"second"', "\"待核实\"".encode()),
        "有 2 个名为“待核实”的工作表"),
    "no hidden sheet": (lambda o: without_hidden(honest(o)), NOT_OURS),
    "the hidden sheet renamed": (
        lambda o: renamed_parts(honest(o), b'"_zhenjie"', b'"zhenjie"'), NOT_OURS),
    "an empty hidden sheet": (lambda o: edited(honest(o), lambda s: s.delete_rows(1, 100)), UNSIGNED),
    "half of the file": (lambda o: cut(honest(o), 0.5), DAMAGED),
    "all but the end of the file": (lambda o: cut(honest(o), 0.99), DAMAGED),
    "a cell in the last corner": (lambda o: far_cell(honest(o)), "太大，无法读取"),
    "thousands of facts": (lambda o: stretched(honest(o)), CHANGED),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERED)
def test_a_tampered_workbook_is_refused_whole_with_its_reason(office: Office, name: str) -> None:
    make, reason = TAMPERED[name]
    intake = office.take_in(make(office))
    assert reason in intake.message
    assert not intake.complete and intake.accepted.is_empty()
    assert office.ledger.entries() == []


def test_a_refusal_says_what_to_do(office: Office) -> None:
    unsigned = office.take_in(TAMPERED["a workbook from before signatures"][0](office)).message
    assert "请从平台下载最新的工作簿" in unsigned


def test_a_signed_workbook_of_a_batch_or_unit_that_is_not_here_is_refused(office: Office) -> None:
    gone = office.take_in(honest(office, batch=date(2026, 2, 1)))
    assert "批次 2026-02-01 不在本系统中，请重新下载最新的工作簿" in gone.message
    for unit in ("379999999", "'; drop table entry;--"):
        path = signed(office, honest(office), PackageIdentity("township", unit, BATCH))
        assert "不在行政区划代码表中" in office.take_in(path).message
    assert office.ledger.entries() == []


def resaved_by_openpyxl(path: Path) -> Path:
    book = openpyxl.load_workbook(path)
    book[HIDDEN].sheet_state = "hidden"
    book.save(path)
    return path


def copied_sheet_by_sheet(path: Path) -> Path:
    """All cells copied into a new workbook, as a person copies sheets who keeps the hidden one."""
    book = openpyxl.load_workbook(path)
    copy = path.with_name("copy.xlsx")
    with xlsxwriter.Workbook(copy) as new:
        for sheet in book:
            target = new.add_worksheet(sheet.title)
            for row in sheet.iter_rows():
                for cell in row:
                    if cell.value is not None:
                        target.write_string(cell.row - 1, cell.column - 1, str(cell.value))
    return copy


def resaved_by_libreoffice(path: Path) -> Path:
    program = shutil.which("soffice")
    if program is None:
        pytest.skip("LibreOffice is not installed")
    folder = path.with_name("resaved")
    profile = f"-env:UserInstallation=file://{path.with_name('profile')}"
    command = [program, profile, "--headless", "--convert-to", "xlsx", "--outdir", str(folder), str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return folder / path.name


def with_a_reserved_sheet(path: Path) -> Path:
    """WPS keeps pictures in cells in a very hidden sheet of its own."""
    return with_sheet(path, "WpsReserved_CellImgList")


@pytest.mark.parametrize(
    "save",
    [
        lambda path: path,
        resaved_by_openpyxl,
        copied_sheet_by_sheet,
        resaved_by_libreoffice,
        with_a_reserved_sheet,
    ],
    ids=["as it was sent", "openpyxl", "copied", "LibreOffice", "WPS' own sheet"],
)
def test_an_honest_workbook_is_taken_in_whatever_program_saved_it(
    office: Office, save: Callable[[Path], Path]
) -> None:
    intake = office.take_in(save(honest(office)))
    assert intake.message == ""
    assert values(intake) == {"NAME": "王芳"} and intake.complete


def test_the_account_that_hands_in_stands_beside_the_unit(office: Office) -> None:
    office.take_in(honest(office))
    (entry,) = office.ledger.entries()
    assert (entry.actor, entry.subject) == (ACTOR, UNIT)


@pytest.mark.parametrize(
    "actor", ["", " ", "a\nb", "a\x00", "x" * 129, "'; drop table entry;--", "\u202ename"]
)
def test_an_account_that_is_no_name_is_not_entered(office: Office, actor: str) -> None:
    path, platform = honest(office), office.platform
    desk = ReplyDesk(
        platform.lake,
        platform.library,
        platform.codes,
        office.ledger,
        platform.signing_keys(),
        platform.home.spill,
    )
    with platform.engine.connect() as connection, pytest.raises(LedgerError, match="the name of an account"):
        take_in(connection, desk, Submission(path, actor, AT))
    assert office.ledger.entries() == []


# The whole package back.

CSV = "\ufeff工单号\nNAME\n".encode()


def package(office: Office, files: dict[str, bytes] | None = None) -> Path:
    """The zip as a township may send it back: the answered workbook among the files it came with, or others."""
    known = {"待核实.csv": CSV, "待核实.schema.json": b"{}"}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in known.items()}
    path = signed(office, honest(office), PackageIdentity("township", UNIT, BATCH, TICKETS, digests))
    zipped = office.folder / "370602004-通伸街道.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.write(path, path.name)
        for member, content in ({**known, "manifest.json": b"{}"} if files is None else files).items():
            archive.writestr(member, content)
    return zipped


def test_the_package_is_taken_in_as_its_workbook_and_known_by_it(office: Office) -> None:
    zipped = package(office)
    intake = office.take_in(zipped)
    assert intake.message == "" and values(intake) == {"NAME": "王芳"}
    assert intake.file == f"370602004-通伸街道.zip/{UNIT}-{BATCH}.xlsx"
    # The same workbook by itself, and in another zip, is the same.
    with zipfile.ZipFile(zipped) as archive:
        archive.extract(f"{UNIT}-{BATCH}.xlsx", office.folder / "unpacked")
    again = office.take_in(office.folder / "unpacked" / f"{UNIT}-{BATCH}.xlsx")
    assert again.repeated
    other = office.folder / "other.zip"
    with zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(office.folder / "unpacked" / f"{UNIT}-{BATCH}.xlsx", "文件夹/答复.xlsx")
    assert office.take_in(other).repeated
    assert len(office.ledger.entries()) == 1
    assert not any(office.platform.home.spill.glob("reply-*"))


INNER = b"PK\x05\x06" + bytes(18)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"待核实.csv": CSV + b"SEX\n"}, "里的“待核实.csv”与下发的不一致"),
        ({"照片.jpg": b"\xff\xd8"}, "不属于这份返还包的文件“照片.jpg”"),
        ({"另一份.csv": CSV}, "不属于这份返还包的文件“另一份.csv”"),
        ({"inner.zip": INNER}, "压缩包里还有压缩包“inner.zip”"),
        ({"second.xlsx": b"x"}, "里有 2 个工作簿"),
        ({"../out.csv": CSV}, "指向压缩包以外"),
    ],
    ids=["changed CSV", "picture", "foreign CSV", "nested", "two workbooks", "path"],
)
def test_a_zip_with_anything_else_in_it_is_refused(
    office: Office, files: dict[str, bytes], reason: str
) -> None:
    intake = office.take_in(package(office, files))
    assert reason in intake.message
    assert office.ledger.entries() == []


def test_a_zip_without_a_workbook_and_a_csv_by_itself_are_refused_with_what_to_do(office: Office) -> None:
    zipped, table = office.folder / "a.zip", office.folder / "待核实.csv"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("待核实.csv", CSV)
    table.write_bytes(CSV)
    assert "里没有工作簿（.xlsx）" in office.take_in(zipped).message
    said = office.take_in(table).message
    assert "“待核实.csv”不是工作簿" in said and "请把答复填在下发的工作簿" in said


def test_a_truncated_zip_is_refused(office: Office) -> None:
    assert "压缩包已损坏" in office.take_in(cut(package(office), 0.6)).message


# How the sheet differs from the one that was issued.


def reworked(office: Office, rework: Callable[[Worksheet, Table], None]) -> Path:
    path = honest(office)
    book = openpyxl.load_workbook(path)
    rework(book["待核实"], Table(book["待核实"]))
    book.save(path)
    return path


def test_deleted_rows_are_listed_and_wait_on(office: Office) -> None:
    def rework(sheet: Worksheet, table: Table) -> None:
        for ticket in ("SEX", "DONE"):
            sheet.delete_rows(Table(sheet).rows[ticket])

    intake = office.take_in(reworked(office, rework))
    assert values(intake) == {"NAME": "王芳"}
    assert intake.missing == ("SEX", "DONE")
    (remark,) = intake.remarks
    assert remark == (
        "工作表“待核实”少了 2 个下发的工单（行被删除，或工单号被改动）：SEX、DONE。"
        "这些工单不算已答复，其中 1 个仍待核实；请在下发的工作簿中填写后重新提交。"
    )
    states = {row[0]: row[5] for row in ROWS if row[0] not in ("THEIRS", "NAME")}
    assert intake.unanswered == sum(state in TO_ANSWER for state in states.values())


def test_many_deleted_rows_are_counted_and_some_are_named(office: Office) -> None:
    issued = PackageIdentity("township", UNIT, BATCH, tuple(f"T{n}" for n in range(1_200)))
    intake = office.take_in(signed(office, honest(office), issued))
    assert len(intake.missing) == 1_200
    (remark,) = (r for r in intake.remarks if "少了 1200 个" in r)
    assert "T19 等 1200 个" in remark and "T20" not in remark
    # And none of the sheet's own tickets was issued in it.
    assert "不是这份工作簿下发的" in reasons(intake)["NAME"]


def test_an_added_row_is_refused_with_an_answer_and_named_without(office: Office) -> None:
    few = tuple(ticket for ticket in TICKETS if ticket not in ("SUM", "PHONE"))
    path = office.answered({**NAME, "SUM": correct("880")})
    path = signed(office, path, PackageIdentity("township", UNIT, BATCH, few))
    intake = office.take_in(path)
    assert values(intake) == {"NAME": "王芳"}
    assert reasons(intake) == {"SUM": "该工单不是这份工作簿下发的，请在下发该工单的工作簿中填写"}
    line = next(n for n, row in enumerate(ROWS, start=4) if row[0] == "PHONE")
    assert any(f"第 {line} 行不是这份工作簿下发的，没有读取" in remark for remark in intake.remarks)


def test_changed_columns_are_named_with_their_place(office: Office) -> None:
    def rework(sheet: Worksheet, table: Table) -> None:
        sheet.cell(table.header, table.columns["问题"]).value = "问题描述"
        last = max(table.columns.values())
        sheet.cell(table.header, last + 1).value = "备注"
        sheet.cell(table.rows["NAME"], last + 1).value = "电话里核实过"
        sheet.cell(table.rows["NAME"], last + 3).value = "无表头"
        sheet.cell(sheet.max_row + 2, table.columns["村居"]).value = "填表人：某某"

    intake = office.take_in(reworked(office, rework))
    assert values(intake) == {"NAME": "王芳"} and intake.complete
    foot = 4 + len(ROWS) + 1
    foreign = "不是下发的列，该列内容没有读取。需要说明的，请填在“说明”列后重新提交。"
    assert set(intake.remarks) == {
        "工作表“待核实”第 3 行缺少表头“问题”（列被删除，或表头被改名）。不影响答复；请不要删除列或改动表头。",
        f"工作表“待核实”第 3 行 D 列的表头“问题描述”{foreign}",
        f"工作表“待核实”第 3 行 R 列的表头“备注”{foreign}",
        "工作表“待核实”的 T 列没有表头却有内容，没有读取。需要说明的，请填在“说明”列后重新提交。",
        f"工作表“待核实”第 {foot} 行没有工单号，也没有答复，没有读取。如是答复，请填在原来的行里后重新提交。",
    }


def test_moved_columns_are_read_and_named(office: Office) -> None:
    def rework(sheet: Worksheet, table: Table) -> None:
        sheet.insert_cols(1)

    intake = office.take_in(reworked(office, rework))
    assert values(intake) == {"NAME": "王芳"}
    (remark,) = intake.remarks
    assert f"有 {len(TITLES)} 列的位置与下发的不同：工单号（B 列）、姓名（C 列）" in remark


def test_a_sheet_as_it_was_sent_has_no_remarks(office: Office) -> None:
    intake = office.take_in(honest(office))
    assert intake.remarks == () and intake.missing == ()


def test_an_answer_that_is_a_formula_without_a_result_is_named(office: Office) -> None:
    intake = office.take_in(office.answered({"SEX": {"处理结果": '="采纳"&"建议"'}}))
    assert intake.accepted.is_empty()
    assert intake.remarks == (
        "工作表“待核实”H 列第 4 行是错误值，或是没有结果的公式，按空白读取。请直接填写内容，再重新提交。",
    )


@pytest.mark.parametrize("typed", ["9999-12-31", "2200-01-01", "0001-01-01", date(9999, 12, 31)])
def test_a_far_date_is_refused_or_named(office: Office, typed: object) -> None:
    intake = office.take_in(office.answered({"BORN": correct(typed)}))
    named = [*reasons(intake).values(), *intake.remarks]
    assert any("出生日期" in text or "离现在很远" in text for text in named)


def test_cells_pasted_from_the_csv_file_count_as_what_they_were(office: Office) -> None:
    office.issue(BATCH, ticket_rows(NAME="=王芳", GRADE="-四级"))
    intake = office.take_in(
        office.answered(
            {
                "NAME": {"处理结果": "数据无误", "现值": "'=王芳", "说明": "'+已核实"},
                "GRADE": {"处理结果": "数据无误", "现值": "'+四级"},
            }
        )
    )
    assert intake.accepted.select("ticket_id", "note").rows() == [("NAME", "+已核实")]
    assert "“现值”或“建议值”与下发的不一致" in reasons(intake)["GRADE"]


def test_a_package_of_the_platform_holds_no_key(office: Office) -> None:
    key = office.platform.signing_keys().present
    assert key is not None
    path = honest(office)
    with zipfile.ZipFile(path) as archive:
        parts = b"".join(archive.read(name) for name in archive.namelist())
    secret = base64.b64decode(key.text)
    assert key.text.encode() not in parts and secret not in parts and secret.hex().encode() not in parts
    assert key.id.encode() in parts
    assert key.text not in repr(Keys(key))
