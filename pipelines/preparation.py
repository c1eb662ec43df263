"""Before a turn: the installation is held, what dead runs left is taken away, damage is mended or told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

from assets.platform import Platform
from warehouse.damage import mend
from warehouse.leftovers import tidy
from warehouse.lock import exclusive


@contextmanager
def prepared(
    platform: Platform, batch: date, progress: Callable[[str], None], *, wait: bool = False
) -> Iterator[None]:
    """Hold the installation for a turn of a batch that can be trusted to build on what is there.

    Args:
        platform: the installation.
        batch: the day of the turn.
        progress: told what had to be mended.
        wait: whether to wait for another run rather than refuse.

    Raises:
        HomeInUse: another holds the installation, and `wait` is not said.
        DamagedHome: what the turn reads is damaged, and the turn does not make it again.
    """
    with exclusive(platform.home, f"zhenjie run --batch {batch}", wait=wait):
        for damage in mend(platform.home, platform.lake, batch):
            progress(f"发现损坏，本轮重新生成：{damage.path}（{damage.problem}）")
        tidy(platform.home, platform.lake, batch, datetime.now(UTC))
        yield
