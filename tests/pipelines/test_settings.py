"""Settings: what the environment may say, and the commands' guard against what it should not."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path

import pytest

from pipelines.automatic import AUTOMATIC
from pipelines.run.instance import dagster_home
from pipelines.settings import SettingsError, child_environment, read_settings
from warehouse.home.encryption import Key, Keys
from warehouse.home.folders import Home

ROOT = Path(__file__).parents[2]


def test_every_setting_has_a_default() -> None:
    settings = read_settings({})
    assert settings.home == Path.cwd() / ".zhenjie"
    assert (settings.contracts, settings.ledger_url) == ((), None)
    memory = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    [of_the_machine] = [line.split()[1] for line in memory if line.startswith("MemTotal")]
    assert settings.memory.endswith("MiB")
    assert abs(3 * int(settings.memory[:-3]) - int(of_the_machine) / 1024) < 100
    assert (settings.threads, settings.published_batches) == (2, 10)


def test_the_environment_says_otherwise_and_the_command_line_goes_first(tmp_path: Path) -> None:
    environment = {
        "ZHENJIE_HOME": str(tmp_path / "a"),
        "ZHENJIE_CONTRACTS": os.pathsep.join([str(tmp_path), str(tmp_path)]),
        "ZHENJIE_DATASETS": "police.*, health.death",
        "ZHENJIE_LEDGER": "postgresql+psycopg://bureau@host/zhenjie",
        "ZHENJIE_MEMORY": "1GiB",
        "ZHENJIE_THREADS": "4",
        "ZHENJIE_PUBLISHED_BATCHES": "3",
        "ZHENJIE_AUTOMATIC": "inbox, alert",
    }
    settings = read_settings(environment)
    assert settings.home == tmp_path / "a"
    assert settings.contracts == (tmp_path, tmp_path)
    assert settings.datasets == ("police.*", "health.death")
    assert settings.ledger_url == "postgresql+psycopg://bureau@host/zhenjie"
    assert (settings.memory, settings.threads, settings.published_batches) == ("1GiB", 4, 3)
    assert settings.automatic == ("inbox", "alert")
    assert read_settings({"ZHENJIE_AUTOMATIC": "all"}).automatic == AUTOMATIC
    assert read_settings({}).automatic == ()
    assert read_settings(environment, home=tmp_path / "b").home == tmp_path / "b"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ZHENJIE_THREADS", "two"),
        ("ZHENJIE_THREADS", "0"),
        ("ZHENJIE_PUBLISHED_BATCHES", "-1"),
        ("ZHENJIE_AUTOMATIC", "inbox,every_evening"),
        ("ZHENJIE_CONTRACTS", "/no/such/folder"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings({name: value})


KEY, FORMER = (base64.b64encode(bytes([n] * 32)).decode() for n in (1, 2))


def test_keys_come_from_the_environment_or_a_file_and_show_nowhere(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n", encoding="ascii")
    said = read_settings({"ZHENJIE_KEY": KEY, "ZHENJIE_FORMER_KEYS": f"{FORMER}, {FORMER}"})
    kept = read_settings({"ZHENJIE_KEY_FILE": str(tmp_path / "key")})
    assert said.keys == Keys(Key(KEY), (Key(FORMER), Key(FORMER)))
    assert kept.keys == Keys(Key(KEY))
    assert read_settings({}).keys == Keys()
    secret = read_settings({"ZHENJIE_KEY": KEY, "ZHENJIE_LEDGER": "postgresql+psycopg://u:secret@host/z"})
    assert KEY not in repr(secret) and "secret" not in repr(secret)


def test_the_signing_key_is_another_key_and_shows_nowhere(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n", encoding="ascii")
    said = read_settings({"ZHENJIE_SIGNING_KEY": KEY, "ZHENJIE_FORMER_SIGNING_KEYS": FORMER})
    kept = read_settings({"ZHENJIE_SIGNING_KEY_FILE": str(tmp_path / "key")})
    assert said.signing == Keys(Key(KEY), (Key(FORMER),)) and said.keys == Keys()
    assert kept.signing == Keys(Key(KEY))
    assert read_settings({"ZHENJIE_KEY": KEY}).signing == Keys()
    assert KEY not in repr(said) and FORMER not in repr(said)


@pytest.mark.parametrize("name", ["a\nb", "x" * 129, " x", "'; drop table entry;--", "\u202ex"])
def test_a_user_that_is_no_name_is_refused_and_not_quoted(name: str) -> None:
    with pytest.raises(SettingsError, match="ZHENJIE_USER") as refused:
        read_settings({"ZHENJIE_USER": name})
    assert name not in str(refused.value)


@pytest.mark.parametrize("name", ["王分析", "wang.fang@example.org", "CITY\\wang", "svc$", "Ana Li"])
def test_a_user_may_be_called_as_directories_call_people(name: str) -> None:
    assert read_settings({"ZHENJIE_USER": name}).user == name


@pytest.mark.parametrize(
    "environment",
    [
        {"ZHENJIE_KEY": "secret"},
        {"ZHENJIE_SIGNING_KEY": "secret"},
        {"ZHENJIE_FORMER_SIGNING_KEYS": f"{KEY},secret"},
        {"ZHENJIE_SIGNING_KEY": KEY, "ZHENJIE_SIGNING_KEY_FILE": "secret"},
        {"ZHENJIE_FORMER_KEYS": f"{KEY},secret"},
        {"ZHENJIE_KEY": KEY, "ZHENJIE_KEY_FILE": "secret"},
        {"ZHENJIE_KEY_FILE": "/no/such/file"},
        {"ZHENJIE_KEY_FILE": os.devnull},
        {"ZHENJIE_KEY_FILE": __file__},
    ],
)
def test_a_key_that_cannot_be_used_is_named_and_not_quoted(environment: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="ZHENJIE_") as refused:
        read_settings(environment)
    assert "secret" not in str(refused.value) and KEY not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_a_process_of_ours_is_told_every_place(tmp_path: Path) -> None:
    settings = read_settings({"ZHENJIE_CONTRACTS": str(tmp_path)}, home=tmp_path)
    environment = child_environment(settings, tmp_path / "dagster")
    assert read_settings(environment) == settings
    assert environment["DAGSTER_HOME"] == str(tmp_path / "dagster")


def test_the_token_of_the_ui_is_a_secret_of_the_process_that_asks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "a-token-of-our-own.2026"
    monkeypatch.setenv("ZHENJIE_DEV_TOKEN", token)
    settings = read_settings(home=tmp_path)
    assert settings.dev_token == token
    assert token not in repr(settings)
    assert token not in child_environment(settings, tmp_path).values()
    assert read_settings({}).dev_token is None


@pytest.mark.parametrize("token", ["short", "with a blank in its middle", "令牌令牌令牌令牌令牌令牌令牌令牌"])
def test_a_token_that_is_weak_or_does_not_fit_a_url_is_refused_and_not_quoted(token: str) -> None:
    with pytest.raises(SettingsError, match="ZHENJIE_DEV_TOKEN") as refused:
        read_settings({"ZHENJIE_DEV_TOKEN": token})
    assert token not in str(refused.value)


def test_further_names_of_the_ui_are_a_list() -> None:
    assert read_settings({"ZHENJIE_DEV_HOSTS": "dagster.example.gov.cn, dagster"}).dev_hosts == (
        "dagster.example.gov.cn",
        "dagster",
    )


def test_dagster_s_own_settings_lie_in_its_folder(tmp_path: Path) -> None:
    folder = dagster_home(Home(tmp_path))
    assert folder == tmp_path / "dagster"
    assert "enabled: false" in (folder / "dagster.yaml").read_text(encoding="utf-8")


def test_dagster_s_settings_follow_a_home_that_moved(tmp_path: Path) -> None:
    dagster_home(Home(tmp_path / "before"))
    (tmp_path / "before").rename(tmp_path / "after")
    settings = (dagster_home(Home(tmp_path / "after")) / "dagster.yaml").read_text(encoding="utf-8")
    assert str(tmp_path / "after" / "dagster") in settings
    assert str(tmp_path / "before") not in settings


def test_an_engineer_s_own_settings_of_dagster_stay(tmp_path: Path) -> None:
    settings = dagster_home(Home(tmp_path)) / "dagster.yaml"
    own = "\n".join(settings.read_text(encoding="utf-8").splitlines()[1:])
    settings.write_text(own, encoding="utf-8")
    dagster_home(Home(tmp_path))
    assert settings.read_text(encoding="utf-8") == own


def test_nothing_else_reads_the_environment() -> None:
    packages = ["schemas", "warehouse", "quality", "returns", "assets", "pipelines", "sample_city"]
    found = subprocess.run(
        ["grep", "-rlE", r"os\.environ|os\.getenv|from os import", "--include=*.py", *packages],
        cwd=ROOT, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert found.stdout.split() == ["pipelines/settings.py"]
