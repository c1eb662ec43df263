"""What `zhenjie doctor` says about the key that signs packages: lost, unusable, or readable by others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from returns.packages.build import INDEX, SIGNED_BY, read_index
from returns.signing.keys import UnusableKey, exposed_key, signing_keys
from warehouse.home.encryption import Keys
from warehouse.home.folders import Home


def signing_faults(home: Home, configured: Keys) -> Iterator[str]:
    """Each fault in one Chinese sentence, with what to do.

    Only the newest packages count: older workbooks are refused with the advice to download the newest.

    Args:
        home: with the packages and perhaps a key of its own.
        configured: the keys of the settings.
    """
    if exposed_key(home):
        yield f"签章密钥文件 {home.signing_key} 可被其他账户读取，请运行 chmod 600 {home.signing_key}"
    try:
        keys = signing_keys(home, configured)
    except UnusableKey as error:
        yield str(error)
        return
    newest = max(home.root.glob(f"returns/*/{INDEX}"), default=None)
    if newest is None:
        return
    batch = date.fromisoformat(newest.parent.name)
    try:
        index = read_index(newest.parent)
    except (ValueError, KeyError, TypeError):
        return  # named as a damaged package
    assert index is not None, "its file has just been found"
    signed_by = index.inputs.get(SIGNED_BY)
    again = f"请运行 zhenjie run --batch {batch} 重新生成返还包，并通知镇街重新下载"
    if signed_by is None:
        yield f"批次 {batch} 的返还包没有签章，镇街据此交回的工作簿将被拒收：{again}"
    elif signed_by not in keys.ids:
        yield (
            f"批次 {batch} 的返还包所用的签章密钥（{signed_by}）丢失，镇街据此交回的工作簿将被拒收："
            f"请从备份恢复 {home.signing_key} 或在 ZHENJIE_FORMER_SIGNING_KEYS 中给出；找不回的，{again}"
        )
