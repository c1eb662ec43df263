"""How a process ends: a sentence and a code whatever happens, and files that are its owner's alone."""

from __future__ import annotations

import errno
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.terminal.failures import os_failure
from pipelines.terminal.process import run_to_end
from warehouse.home.folders import Home
from warehouse.home.modes import exposed

DONE, SET_ASIDE, USAGE, FAILED, STOPPED, UNREAD = 0, 1, 2, 3, 130, 141
Command = Callable[..., Any]


def start(arguments: list[str | bytes], **options: Any) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ZHENJIE_")}
    environment |= options.pop("env", {})
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", *arguments],
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        env=environment,
        **options,
    )


def run(*arguments: str | bytes, **options: Any) -> tuple[int, str, str]:
    """Run `zhenjie` in a process of its own: code, stdout, stderr."""
    process = start(list(arguments), **options)
    out, err = process.communicate(timeout=120)
    text = err.decode("utf-8", "backslashreplace")
    assert "Traceback" not in text and "Exception ignored" not in text, text
    return process.returncode, (out or b"").decode("utf-8", "backslashreplace"), text


# Modes.


def test_all_that_a_demonstration_creates_is_its_owner_s_alone_whatever_the_umask(demonstration: Any) -> None:
    home: Path = demonstration.home
    wrong = {
        path: oct(path.lstat().st_mode)
        for path in (home, *home.rglob("*"))
        if stat.S_IMODE(path.lstat().st_mode) != (0o700 if path.is_dir() else 0o600)
    }
    assert wrong == {}
    kinds = {path.suffix for path in home.rglob("*")} | {path.name for path in home.iterdir()}
    assert {".duckdb", ".parquet", ".zip", ".html", ".db", "ledger.sqlite", "acceptance", "dagster"} <= kinds


def test_a_backup_and_what_is_restored_of_it_are_their_owner_s_alone(
    tmp_path: Path, zhenjie: Command
) -> None:
    home = tmp_path / "home"
    before = os.umask(0)
    try:
        (tmp_path / "照片.jpg").write_bytes(b"\xff\xd8")
        zhenjie(home, "deliver", tmp_path / "照片.jpg")
        os.umask(0)
        for path in home.rglob("*"):
            path.chmod(0o777)
        zhenjie(home, "backup", tmp_path / "a.tar")
        assert (tmp_path / "a.tar").stat().st_mode & 0o777 == 0o600
        os.umask(0)
        assert zhenjie(tmp_path / "new", "restore", tmp_path / "a.tar").code == DONE
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert list(exposed(Home(tmp_path / "new"))) == []


def test_the_doctor_names_what_others_can_read_and_its_command_mends_it(
    tmp_path: Path, zhenjie: Command
) -> None:
    home = tmp_path / "a home"
    (tmp_path / "照片.jpg").write_bytes(b"\xff\xd8")
    zhenjie(home, "deliver", tmp_path / "照片.jpg")
    # A drop folder that an operator opened to a group, and the way to it, are no fault.
    (home / "inbox" / "2026-03-02").mkdir(parents=True)
    (home / "inbox").chmod(0o2770)
    home.chmod(0o711)
    assert "其他用户" not in zhenjie(home, "doctor").err
    (home / "returns").mkdir()
    (home / "returns").chmod(0o755)
    (home / "returns" / "x.zip").write_bytes(b"")
    (home / "returns" / "x.zip").chmod(0o644)
    (home / "inbox" / "2026-03-02").chmod(0o750)
    home.chmod(0o755)
    said = zhenjie(home, "doctor")
    assert said.code == DONE
    for place in (home, home / "returns", home / "inbox" / "2026-03-02"):
        assert f"其他用户可以读取或改动：{place}（" in said.err
    for command in re.findall(r"请收回权限：(.*)", said.err):
        subprocess.run(command, shell=True, check=True)
    assert "其他用户" not in zhenjie(home, "doctor").err
    assert (home / "inbox").stat().st_mode & 0o7777 == 0o2770


def test_the_doctor_names_what_lies_in_the_inbox_and_is_never_received(
    tmp_path: Path, zhenjie: Command
) -> None:
    (tmp_path / "home" / "inbox" / "三月").mkdir(parents=True)
    (tmp_path / "home" / "inbox" / os.fsdecode(b".\xbb\xa7.csv")).write_bytes(b"1")
    said = zhenjie(tmp_path / "home", "doctor")
    assert f"不会被自动接收：{tmp_path}/home/inbox/三月（" in said.err
    assert f"不会被自动接收：{tmp_path}/home/inbox/.户.csv（" in said.err


# Sentences.


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "磁盘已满"),
        (errno.EDQUOT, "磁盘已满"),
        (errno.EFBIG, "ulimit -f"),
        (errno.EROFS, "不可写"),
        (errno.EACCES, "不可写"),
        (errno.EPERM, "不可写"),
        (errno.EIO, "磁盘读写出错"),
        (errno.ENOENT, "找不到"),
        (errno.ENOTDIR, "不是文件夹"),
        (errno.EEXIST, "同名的文件"),
        (errno.EMFILE, "ulimit -n"),
        (errno.EXDEV, "系统错误 18"),
    ],
)
def test_what_the_system_refuses_has_a_sentence(number: int, said: str) -> None:
    assert said in os_failure(OSError(number, os.strerror(number), "/home/x"))


def test_a_full_disk_is_named_when_a_result_is_written_to_it(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        code, _, err = run("--home", str(tmp_path / "home"), "status", stdout=full)
    assert code == FAILED and "磁盘已满" in err


def test_a_reader_that_goes_away_is_no_failure_to_talk_about(tmp_path: Path) -> None:
    process = start(["--home", str(tmp_path / "home"), "status"])
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == UNREAD


def test_a_stdout_that_is_closed_takes_nothing_and_hurts_nothing(tmp_path: Path) -> None:
    code, out, err = run("--home", str(tmp_path / "home"), "status", preexec_fn=lambda: os.close(1))
    assert (code, out, err) == (DONE, "", "")
    assert not [path for path in (tmp_path / "home").rglob("*") if "安装目录".encode() in path.read_bytes()]


@pytest.mark.parametrize(
    "locale",
    [
        {"LC_ALL": "C"},
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_no_locale_stops_a_command(tmp_path: Path, locale: dict[str, str]) -> None:
    odd = os.fsencode(tmp_path) + b"/" + "照片\u202e\x1b[2J.jpg".encode("gb18030") + b"\xff"
    Path(os.fsdecode(odd)).write_bytes(b"\xff\xd8")
    code, out, err = run("--home", str(tmp_path / "家"), "deliver", odd, env=locale)
    assert code == SET_ASIDE, err
    assert "\x1b" not in out + err and "\\x1b[2J" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--home", b"/tmp/\xff", "status"], "参数“/tmp/\\udcff”不是 UTF-8"),
        (["--home", "/tmp/a\x1b[2Jb", "status"], "/tmp/a\\x1b[2Jb"),
        (["--home", "/tmp/a[b]*", "status"], "路径中有"),
        (["--home", "HOME", "deliver", __file__, "--dataset", b"\xff\xfe"], "参数“\\udcff\\udcfe”不是 UTF-8"),
        (["--home", "HOME", "query", b"SELECT '\xff'"], "\\udcff"),
    ],
)
def test_an_argument_that_is_no_text_is_a_wrong_call(
    tmp_path: Path, arguments: list[str | bytes], said: str
) -> None:
    places = [str(tmp_path / "home") if argument == "HOME" else argument for argument in arguments]
    code, out, err = run(*places)
    assert (code, out) == (USAGE, ""), err
    assert said in err and "\x1b" not in err


def test_a_home_that_is_a_file_is_a_wrong_setting(tmp_path: Path, zhenjie: Command) -> None:
    (tmp_path / "home").write_text("")
    code, _, err = run("status", env={"ZHENJIE_HOME": str(tmp_path / "home")})
    assert code == USAGE and "是一个文件，不是文件夹" in err


# Rights hold for root too where it has given up the capabilities to overrule them (capabilities(7): DAC_OVERRIDE is 1,
# DAC_READ_SEARCH is 2; version 3 of the header is 0x20080522).
WITHOUT_PRIVILEGES = """
import ctypes, sys
header, held, libc = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)(), ctypes.CDLL(None)
libc.capget(header, held)
held[0] &= ~6
libc.capset(header, held)
from pipelines.cli import main
main()
"""


def unprivileged(*arguments: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PRIVILEGES, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stderr


def test_a_home_or_a_folder_of_contracts_without_rights_is_named(tmp_path: Path) -> None:
    home, contracts = tmp_path / "home", tmp_path / "contracts"
    (home / "inbox").mkdir(parents=True)
    home.chmod(0o555)
    code, err = unprivileged("--home", str(home), "doctor")
    assert code == FAILED and "不可写" in err and f"位置：{home}" in err
    (tmp_path / "照片.jpg").write_bytes(b"\xff\xd8")
    code, err = unprivileged("--home", str(home), "deliver", str(tmp_path / "照片.jpg"))
    assert code == FAILED and "文件“照片.jpg”：没有权限" in err and f"位置：{home}" in err
    (contracts / "police").mkdir(parents=True)
    (contracts / "police").chmod(0)
    code, err = unprivileged("--home", str(tmp_path / "other"), "status", ZHENJIE_CONTRACTS=str(contracts))
    assert code == USAGE and f"{contracts}/police 无法读取" in err


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), RuntimeError("Query interrupted"), SystemExit(STOPPED)]
)
def test_ctrl_c_ends_with_a_sentence(
    error: BaseException, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped() -> None:
        raise error

    monkeypatch.setattr(sys, "argv", ["zhenjie"])
    assert run_to_end(stopped) == STOPPED
    assert capsys.readouterr().err == "已中止\n"


def test_an_error_that_nobody_foresaw_names_its_place_and_nothing_of_what_it_says(tmp_path: Path) -> None:
    code = (
        "import pipelines.cli, pipelines.terminal.process\n"
        "def fail(): raise KeyError('370602197011241234')\n"
        "pipelines.terminal.process.begin()\n"
        "pipelines.terminal.process.run_to_end(fail)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == FAILED
    assert "程序出错（KeyError）" in done.stderr and "fail" in done.stderr
    assert "370602197011241234" not in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["a b", "it's", 'a"b', "a#b%20c", "家；$HOME", "a&b=c+d@e:f"])
def test_a_home_may_have_any_other_path(tmp_path: Path, zhenjie: Command, name: str) -> None:
    home = tmp_path / name
    path = tmp_path / "房屋_20260302.csv"
    path.write_text("房屋编码,坐落\n", encoding="utf-8")
    assert zhenjie(home, "deliver", path).code == SET_ASIDE
    assert zhenjie(home, "doctor").code == DONE
    assert (home / "ledger.sqlite").exists()
    assert {child.name for child in tmp_path.iterdir()} == {name, path.name}


# One file of several.


def test_a_file_that_vanishes_holds_up_no_other(
    tmp_path: Path, zhenjie: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (tmp_path / name).write_bytes(name.encode())
    from warehouse.collect.intake import reception

    deliver = reception.deliver

    def vanishing(home: Any, library: Any, files: list[Path], *more: Any, **options: Any) -> Any:
        if files[0].name == "b.jpg":
            files[0].unlink()
        return deliver(home, library, files, *more, **options)

    monkeypatch.setattr(reception, "deliver", vanishing)
    files = [tmp_path / name for name in ("a.jpg", "b.jpg", "c.jpg")]
    said = zhenjie(tmp_path / "home", "deliver", *files, "--json")
    assert said.code == FAILED
    assert [receipt["file"] for receipt in said.json] == ["a.jpg", "c.jpg"]
    assert "文件“b.jpg”：找不到文件" in said.err
