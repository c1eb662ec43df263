"""Deletes the drafts and scratch files of dead processes. Nobody reads these files, and no manifest names them.

The next turn deletes the leftovers in its way; the doctor lists the rest. Complete files are never touched.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

from warehouse.collect.intake import reception
from warehouse.home.files import is_draft
from warehouse.home.folders import Home
from warehouse.home.lock import holding_deliveries
from warehouse.lake.store import Lake

# A delivery or a query may run beside a turn, so younger drafts stay. For deliveries a lock shows whether one runs.
DELIVERY_TAKES = timedelta(days=1)
_DELIVERY, _QUERY = "delivery-", "query-"


def tidy(home: Home, lake: Lake, batch: date, now: datetime) -> list[Path]:
    """Delete the leftovers of orphaned runs, except drafts in partitions of other batches, which their turns delete.

    Args:
        home: held by the caller's lock.
        lake: its lake.
        batch: the day of the turn that is about to begin.
        now: the time, with a zone. While a delivery runs, drafts of deliveries stay for a day.

    Returns:
        The deleted paths.
    """
    with holding_deliveries(home) as none_under_way:
        found = [*_drafts(home), *_of_deliveries(home, now, all_=none_under_way), *_unnamed(lake, batch)]
        _remove(found)
    return found


def tidy_deliveries(home: Home) -> None:
    """Delete the folders and the scratch files of dead deliveries, if no delivery runs.

    Drafts in the folder of a complete delivery stay: they may belong to a turn that reads it.
    """
    with holding_deliveries(home) as none_under_way:
        if none_under_way:
            folders = (
                path
                for place in (home.inbox, home.aside)
                for path in place.glob("*/.*")
                if is_draft(path.name)
            )
            _remove([*folders, *home.spill.glob(f"{_DELIVERY}*")])


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def leftovers(home: Home, lake: Lake, now: datetime) -> list[Path]:
    """Everything that dead processes left, in all batches."""
    batches = sorted({batch for _, _, batch in lake.places()})
    with holding_deliveries(home) as none_under_way:
        of_deliveries = list(_of_deliveries(home, now, all_=none_under_way))
    return [*_drafts(home), *of_deliveries, *(path for batch in batches for path in _unnamed(lake, batch))]


def never_received(home: Home) -> list[Path]:
    """Entries of the inbox and the answers that no sensor takes: folders, and files with a leading dot.

    Programs that transfer files use a leading dot until the file is complete.
    """
    dropped = [path for folder in (home.inbox, home.answers) if folder.is_dir() for path in folder.iterdir()]
    batches = reception.batch_folders(home)
    own = {*batches, home.answers / "done"}
    return sorted(
        path for path in dropped if path not in own and (path.is_dir() or path.name.startswith("."))
    )


def _drafts(home: Home) -> Iterator[Path]:
    """Drafts and scratch files outside the lake. A program that writes a draft first deletes its own old draft."""
    for place in (home.root, *sorted(home.root.glob("returns/*")), *sorted(home.root.glob("returns/*/*/"))):
        if place.is_dir():
            yield from sorted(child for child in place.iterdir() if child.name.startswith("."))
    yield from (path for path in [home.previous_warehouse.with_suffix(".draft")] if path.exists())
    # The scratch files of the engine and of the readers belong to a run: only the holder of the lock has some.
    yield from (
        path for path in sorted(home.spill.glob("*")) if not path.name.startswith((_DELIVERY, _QUERY))
    )


def _of_deliveries(home: Home, now: datetime, *, all_: bool) -> Iterator[Path]:
    """Drafts and scratch files of deliveries (all, or older than a day) and of queries (older than a day)."""
    # A delivery writes a draft of a folder, or a draft inside an existing folder.
    taking_in = [
        path
        for place in (home.inbox, home.aside)
        for pattern in ("*/.*", "*/*/.*")
        for path in place.glob(pattern)
        # Other names with a leading dot are delivered files.
        if is_draft(path.name)
    ]
    mine = sorted([*taking_in, *home.spill.glob(f"{_DELIVERY}*")])
    yield from (path for path in mine if all_ or _is_old(path, now))
    yield from (path for path in sorted(home.spill.glob(f"{_QUERY}*")) if _is_old(path, now))


def _is_old(path: Path, now: datetime) -> bool:
    try:
        began = datetime.fromtimestamp(path.stat().st_mtime, now.tzinfo)
    except FileNotFoundError:
        return False  # its delivery has ended in the meantime
    return now - began >= DELIVERY_TAKES


def _unnamed(lake: Lake, batch: date) -> Iterator[Path]:
    """Files in the batch's partitions that no manifest names."""
    for folder in sorted(lake.root.glob(f"*/*/batch={batch.isoformat()}")):
        yield from lake.unnamed(folder)
