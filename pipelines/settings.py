"""Settings: the only reader of the environment.

| Variable | Means | Default |
|---|---|---|
| `ZHENJIE_HOME` | the folder of the installation | `.zhenjie` |
| `ZHENJIE_CONTRACTS` | further folders of contracts, separated like `PATH` | none |
| `ZHENJIE_DATASETS` | which datasets to run, such as `police.*,health.death` | all |
| `ZHENJIE_KEY` | encrypts the lake and the warehouse: 32 bytes in base64 | none: plain files |
| `ZHENJIE_KEY_FILE` | a file that holds the key, instead of `ZHENJIE_KEY` | none |
| `ZHENJIE_FORMER_KEYS` | keys that only read what they encrypted, separated by commas | none |
| `ZHENJIE_SIGNING_KEY` | signs the packages: 32 bytes in base64 | the home's own, `signing.key` |
| `ZHENJIE_SIGNING_KEY_FILE` | a file that holds it, instead of `ZHENJIE_SIGNING_KEY` | none |
| `ZHENJIE_FORMER_SIGNING_KEYS` | keys whose packages are still taken in, separated by commas | none |
| `ZHENJIE_USER` | the account that the ledger keeps for queries and replies | the system's user |
| `ZHENJIE_LEDGER` | SQLAlchemy URL of the ledger | SQLite in the home |
| `ZHENJIE_MEMORY` | memory of the engine, as DuckDB writes it | a third of the machine's memory |
| `ZHENJIE_THREADS` | cores of the engine, and steps of a run side by side | `2` |
| `ZHENJIE_DEV_TOKEN` | the token of `zhenjie dev`, 16 characters or more | a new one at each start |
| `ZHENJIE_DEV_HOSTS` | further names by which `zhenjie dev` is reached, separated by commas | none |
| `ZHENJIE_QUERY_SECONDS` | seconds after which a query is stopped | `60` |
| `ZHENJIE_LARGEST_FILE` | the largest file that is delivered or handed in, such as `4GiB` | `4GiB` |
| `ZHENJIE_QUERY_MEMORY` | memory of a query before it spills | `2GiB`, or `ZHENJIE_MEMORY` if that is less |
| `ZHENJIE_PUBLISHED_BATCHES` | number of batches whose findings the warehouse shows | `10` |
| `ZHENJIE_AUTOMATIC` | schedule and sensors that are on from the start: `all`, or their names | none |
"""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.automatic import AUTOMATIC
from returns.ledger.accounts import checked_account
from returns.ledger.chain import LedgerError
from warehouse.collect.intake.landing import LARGEST_FILE
from warehouse.home.encryption import Key, Keys
from warehouse.home.names import shown

# Not allowed in the path of the home: readers would take it for a pattern.
_STRANGE = frozenset("*?[]{}")


# The memory of a query without a setting.
_QUERY = 2 << 30
# An amount of memory in DuckDB's spelling.
_AMOUNT = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(%|[KMGT]I?B|[KMGT]|B(?:YTES?)?)\s*", re.IGNORECASE)
_THOUSANDS = "bkmgt"
_LEAST_MEMORY = 16 << 20


class SettingsError(Exception):
    """A setting that cannot be used. The message names it and the remedy."""


@dataclass(frozen=True)
class Settings:
    """The settings of one process. Every path is absolute; `repr` shows no secret."""

    home: Path
    contracts: tuple[Path, ...] = ()
    datasets: tuple[str, ...] = ()
    ledger_url: str | None = field(default=None, repr=False)
    keys: Keys = field(default=Keys(), repr=False)
    dev_token: str | None = field(default=None, repr=False)
    dev_hosts: tuple[str, ...] = ()
    signing: Keys = field(default=Keys(), repr=False)
    user: str = "unknown"
    memory: str = "4GiB"
    threads: int = 2
    published_batches: int = 10
    automatic: tuple[str, ...] = ()
    query_seconds: int = 60
    largest_file: int = LARGEST_FILE
    query_memory: int = 2 << 30


def read_settings(environment: Mapping[str, str] | None = None, home: Path | None = None) -> Settings:
    """The settings from the environment. `home` from the command line takes precedence over `ZHENJIE_HOME`.

    Raises:
        SettingsError: a setting is not a number, an amount of memory, a choice of datasets or a key (the key is
            not quoted), a user's name that the ledger does not take, or a folder of contracts that does not exist.
    """
    values = os.environ if environment is None else environment
    folders = tuple(
        Path(part).expanduser().resolve()
        for part in values.get("ZHENJIE_CONTRACTS", "").split(os.pathsep)
        if part
    )
    for folder in folders:
        _refuse_unreadable(folder)
    memory = values.get("ZHENJIE_MEMORY") or _third_of_memory()
    amount = _memory("ZHENJIE_MEMORY", memory)
    return Settings(
        home=_home(home or Path(values.get("ZHENJIE_HOME") or ".zhenjie")),
        contracts=folders,
        datasets=_list(values, "ZHENJIE_DATASETS"),
        ledger_url=values.get("ZHENJIE_LEDGER") or None,
        keys=_keys(values, "ZHENJIE_KEY", "ZHENJIE_FORMER_KEYS"),
        signing=_keys(values, "ZHENJIE_SIGNING_KEY", "ZHENJIE_FORMER_SIGNING_KEYS"),
        dev_token=_token(values),
        dev_hosts=_list(values, "ZHENJIE_DEV_HOSTS"),
        user=_user(values),
        memory=memory,
        threads=_count(values, "ZHENJIE_THREADS", 2),
        published_batches=_count(values, "ZHENJIE_PUBLISHED_BATCHES", 10),
        automatic=_automatic(values),
        query_seconds=_count(values, "ZHENJIE_QUERY_SECONDS", 60),
        largest_file=_bytes(values, "ZHENJIE_LARGEST_FILE", LARGEST_FILE),
        query_memory=_memory(
            "ZHENJIE_QUERY_MEMORY", values.get("ZHENJIE_QUERY_MEMORY") or f"{min(_QUERY, amount)}B"
        ),
    )


def utf8_environment(encoding: str) -> dict[str, str]:
    """The environment for a restart of this process with UTF-8 file names. Its streams keep their encoding.

    A locale without an encoding reports ASCII. Its terminal takes UTF-8, so its streams get UTF-8.
    """
    kept = "utf-8" if encoding.lower() in ("ascii", "ansi_x3.4-1968", "us-ascii") else encoding
    return {**os.environ, "PYTHONIOENCODING": os.environ.get("PYTHONIOENCODING") or kept}


def child_environment(settings: Settings, dagster_home: Path) -> dict[str, str]:
    """The environment of a process that we start: ours, with the resolved folders and without the token."""
    return {
        **{name: value for name, value in os.environ.items() if name != "ZHENJIE_DEV_TOKEN"},
        "DAGSTER_HOME": str(dagster_home),
        "PYTHONUTF8": "1",
        "ZHENJIE_HOME": str(settings.home),
        "ZHENJIE_CONTRACTS": os.pathsep.join(str(folder) for folder in settings.contracts),
    }


def _home(path: Path) -> Path:
    home = path.expanduser().resolve()
    if home.exists() and not home.is_dir():
        raise SettingsError(f"安装目录 {home} 是一个文件，不是文件夹。请用 --home 指定另一个目录")
    if shown(str(home)) != str(home) or _STRANGE.intersection(str(home)):
        raise SettingsError(
            f"安装目录 {home} 的路径中有控制字符、不是 UTF-8 的字节，或 * ? [ ] {{ }}。请用 --home 指定另一个目录"
        )
    return home


def _refuse_unreadable(folder: Path) -> None:
    """Refuse a folder of contracts if a part of it cannot be read: its contracts would be overlooked."""
    if not folder.is_dir():
        raise SettingsError(
            f"ZHENJIE_CONTRACTS：没有文件夹 {folder}。"
            f"请改正这个环境变量（各文件夹之间用“{os.pathsep}”分隔），或建立这个文件夹"
        )

    def refuse(error: OSError) -> None:
        raise SettingsError(f"ZHENJIE_CONTRACTS：文件夹 {error.filename} 无法读取，请检查它的属主和权限")

    for _ in os.walk(folder, onerror=refuse):
        pass


def _keys(values: Mapping[str, str], name: str, former_name: str) -> Keys:
    """The key of a variable, or of the file that `<name>_FILE` names, and the former keys."""
    file_name = f"{name}_FILE"
    text, file = values.get(name, "").strip(), values.get(file_name)
    if text and file:
        raise SettingsError(f"{name} 和 {file_name} 只能设置一个。请取消其中一个环境变量")
    if file:
        try:
            text = Path(file).expanduser().read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            raise SettingsError(
                f"{file_name}：文件 {file} 无法作为文本读取。请检查路径、属主和权限；文件里只放 base64 的密钥"
            ) from None
        if not text:
            raise SettingsError(
                f"{file_name}：文件 {file} 是空的。请把密钥写入该文件，可用 openssl rand -base64 32 生成"
            )
    return Keys(
        _key(file_name if file else name, text) if text else None,
        tuple(_key(former_name, part) for part in _list(values, former_name)),
    )


def _key(name: str, text: str) -> Key:
    try:
        return Key(text)
    except ValueError:
        # Not quoted, for it is a secret.
        raise SettingsError(
            f"{name}：密钥应当是 32 个随机字节的 base64 编码，请用 openssl rand -base64 32 生成"
        ) from None


def _token(values: Mapping[str, str]) -> str | None:
    token = values.get("ZHENJIE_DEV_TOKEN", "").strip()
    if token and not re.fullmatch(r"[A-Za-z0-9._~-]{16,}", token):
        # Not quoted, for it is a secret.
        raise SettingsError(
            "ZHENJIE_DEV_TOKEN：口令应有 16 个或更多字符，只用字母、数字和 . _ ~ -。"
            "请改正，或取消这个变量（每次启动自动生成）"
        )
    return token or None


def _list(values: Mapping[str, str], name: str) -> tuple[str, ...]:
    """The words of a setting, separated by commas or blanks."""
    return tuple(part for part in re.split(r"[,\s]+", values.get(name, "")) if part)


def _automatic(values: Mapping[str, str]) -> tuple[str, ...]:
    """The schedule and the sensors that are on from the start."""
    names = _list(values, "ZHENJIE_AUTOMATIC")
    if names == ("all",):
        return AUTOMATIC
    if unknown := [name for name in names if name not in AUTOMATIC]:
        raise SettingsError(f"ZHENJIE_AUTOMATIC={unknown[0]}: write all, or some of {', '.join(AUTOMATIC)}")
    return names


def _user(values: Mapping[str, str]) -> str:
    name = values.get("ZHENJIE_USER") or _system_user()
    try:
        return checked_account(name)
    except LedgerError:
        # Not quoted: a name that the ledger refuses may contain control characters for a terminal.
        raise SettingsError(
            "ZHENJIE_USER：用户名只能有 1 至 128 个字母、汉字、数字，中间可有单个空格，或 . _ - @ / \\ + : $ ·。"
            "请改正，或取消这个变量（默认为系统用户）"
        ) from None


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # a container may run under a number that has no name
        return "unknown"


def _third_of_memory() -> str:
    """A third of the machine's memory: files and packages need memory beside the engine."""
    megabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return f"{max(1024, megabytes // 3)}MiB"


def _count(values: Mapping[str, str], name: str, default: int) -> int:
    text = values.get(name) or str(default)
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", text):
        raise SettingsError(f"{name}={text}：应当是 1 或更大的整数。请改正，或取消这个变量（默认 {default}）")
    return int(text)


def _bytes(values: Mapping[str, str], name: str, default: int) -> int:
    """A size, in bytes or with a unit, such as `500MiB` or `4 GiB`."""
    text = values.get(name, "").strip()
    if not text:
        return default
    match = re.fullmatch(r"([1-9][0-9]*)\s*(?:([KMGT])i?B?|B)?", text, re.IGNORECASE | re.ASCII)
    if match is None:
        raise SettingsError(f"{name}={text}：请写文件大小，例如 4GiB、500MiB")
    return int(match[1]) << (10 * " KMGT".index((match[2] or " ").upper()))


def _memory(name: str, text: str) -> int:
    """An amount of memory as DuckDB writes it: `4GiB`, `500MB`, or a share of the machine's as `50%`."""
    match = _AMOUNT.fullmatch(text)
    amount = 0
    if match is not None:
        number, unit = float(match[1]), match[2].lower()
        if unit == "%":
            amount = int(number / 100 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
        else:
            amount = int(number * (1024 if "i" in unit else 1000) ** _THOUSANDS.index(unit[0]))
    if amount < _LEAST_MEMORY:
        raise SettingsError(
            f"{name}={text}：应当是内存的大小，写法如 4GiB、500MB 或 50%，不少于 16MiB。请改正，或取消这个变量"
        )
    return amount
