"""The key that signs packages: made once in the home, or given by a setting.

Nobody outside the bureau holds the key, so nobody else can make a workbook that is taken in. The key stands in no
package, log or message; only its name (`Key.id`) does. What is signed is in `returns.signing.identity`.
"""

from __future__ import annotations

import base64
import os
import secrets
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from warehouse.home.encryption import KEY_BYTES, Key, Keys
from warehouse.home.files import flush
from warehouse.home.folders import Home

# Permission bits of everybody but the owner.
_OTHERS = 0o077


class UnusableKey(Exception):
    """The key file of the home cannot be used; the Chinese message names the file and what to do."""


def signing_keys(home: Home, configured: Keys) -> Keys:
    """The key that signs, and all keys whose signatures are accepted.

    A configured key goes before the home's own key. The own key then still verifies: workbooks that are out with
    townships stay valid when a bureau moves its key into a setting.

    Args:
        home: its `signing_key` file is read if it is there; nothing is written.
        configured: the keys of the settings.

    Returns:
        `present` stays empty (None) where neither the settings nor the home have a key.

    Raises:
        UnusableKey: the file is no key, or cannot be read.
    """
    own = _read(home.signing_key)
    if configured.present is None:
        return Keys(own, configured.former)
    return Keys(configured.present, (*configured.former, *([own] if own else [])))


def ensure_signing_key(home: Home, keys: Keys) -> Keys:
    """The same keys. Without a signing key, make a new key of 32 random bytes and keep it in the home.

    Two processes that get here at once use the same key: the file is written only if it does not exist yet.

    Raises:
        UnusableKey: the file is no key, or cannot be read.
        OSError: the file cannot be written.
    """
    if keys.present is not None:
        return keys
    path = home.signing_key
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink(missing_ok=True)
    flush(path.parent)
    return Keys(_read(path), keys.former)


def exposed_key(home: Home) -> bool:
    """Whether others than the owner may read the home's own key."""
    return home.signing_key.exists() and bool(home.signing_key.stat().st_mode & _OTHERS)


def _read(path: Path) -> Key | None:
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        raise UnusableKey(_UNUSABLE.format(path)) from None
    try:
        return Key(text)
    except ValueError:
        raise UnusableKey(_UNUSABLE.format(path)) from None


_UNUSABLE = (
    "签章密钥文件 {} 无法使用（读不出，或不是 32 字节密钥的 base64）。请从备份恢复；没有备份的，删除该文件，"
    "再运行 zhenjie run 重新生成返还包，并通知镇街重新下载。"
)
