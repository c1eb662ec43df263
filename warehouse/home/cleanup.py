"""What a process that died may leave behind: drafts and scratch, which nobody reads and no manifest names.

The next turn takes away what lies in its way; the doctor names the rest. Nothing whole is touched here.
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

# A delivery or a query may be under way beside a turn: what is younger is left to it. Of deliveries a lock shows
# whether one is.
DELIVERY_TAKES = timedelta(days=1)
_DELIVERY, _QUERY = "delivery-", "query-"


def tidy(home: Home, lake: Lake, batch: date, now: datetime) -> list[Path]:
    """Take away what dead runs left: all drafts but those in other batches' partitions, which their turns take.

    Args:
        home: held by the caller's lock.
        lake: its lake.
        batch: the day of the turn that is about to begin.
        now: the time, with a zone; while a delivery is under way, drafts of deliveries stay for a day.

    Returns:
        What was taken away.
    """
    with holding_deliveries(home) as none_under_way:
        found = [*_drafts(home), *_of_deliveries(home, now, all_=none_under_way), *_unnamed(lake, batch)]
        _remove(found)
    return found


def tidy_deliveries(home: Home) -> None:
    """Take away the folders and the scratch that dead deliveries left, if none is under way.

    Drafts in the folder of a delivery may be those of a turn that is reading it.
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
    """What somebody dropped into the inbox or among the answers, and no sensor takes: folders, and files with a dot.

    Programs that transfer files give one such a name until it is whole.
    """
    dropped = [path for folder in (home.inbox, home.answers) if folder.is_dir() for path in folder.iterdir()]
    batches = reception.batch_folders(home)
    own = {*batches, home.answers / "done"}
    return sorted(
        path for path in dropped if path not in own and (path.is_dir() or path.name.startswith("."))
    )


def _drafts(home: Home) -> Iterator[Path]:
    """Drafts and scratch outside the lake; whoever makes one later begins by taking its own away."""
    for place in (home.root, *sorted(home.root.glob("returns/*")), *sorted(home.root.glob("returns/*/*/"))):
        if place.is_dir():
            yield from sorted(child for child in place.iterdir() if child.name.startswith("."))
    yield from (path for path in [home.previous_warehouse.with_suffix(".draft")] if path.exists())
    # The engine's own scratch, and that of the readers, is of a run: only the lock's holder has some.
    yield from (
        path for path in sorted(home.spill.glob("*")) if not path.name.startswith((_DELIVERY, _QUERY))
    )


def _of_deliveries(home: Home, now: datetime, *, all_: bool) -> Iterator[Path]:
    """Drafts and scratch of deliveries, all or those of a day ago; of queries, those of a day ago."""
    # A delivery begins a folder, or something in one that is there.
    taking_in = [
        path
        for place in (home.inbox, home.aside)
        for pattern in ("*/.*", "*/*/.*")
        for path in place.glob(pattern)
        # Others were delivered, under a name that begins with a dot.
        if is_draft(path.name)
    ]
    mine = sorted([*taking_in, *home.spill.glob(f"{_DELIVERY}*")])
    yield from (path for path in mine if all_ or _is_old(path, now))
    yield from (path for path in sorted(home.spill.glob(f"{_QUERY}*")) if _is_old(path, now))


def _is_old(path: Path, now: datetime) -> bool:
    try:
        began = datetime.fromtimestamp(path.stat().st_mtime, now.tzinfo)
    except FileNotFoundError:
        return False  # its delivery has ended meanwhile
    return now - began >= DELIVERY_TAKES


def _unnamed(lake: Lake, batch: date) -> Iterator[Path]:
    """Files in the batch's partitions that no manifest names."""
    for folder in sorted(lake.root.glob(f"*/*/batch={batch.isoformat()}")):
        yield from lake.unnamed(folder)
