"""What a process that died may leave behind: drafts and scratch, which nobody reads and no manifest names.

The next turn takes away what lies in its way; the doctor names the rest. Nothing whole is touched here.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

from warehouse.collect.intake import reception
from warehouse.home.files import is_draft
from warehouse.home.folders import Home
from warehouse.lake.store import Lake

# Deliveries and queries take no lock, so one may be under way beside a turn: what is younger is left to it.
DELIVERY_TAKES = timedelta(days=1)
_BESIDE_A_RUN = ("delivery-", "query-")


def tidy(home: Home, lake: Lake, batch: date, now: datetime) -> list[Path]:
    """Take away what dead runs left: all drafts but those in other batches' partitions, which their turns take.

    Args:
        home: held by the caller's lock.
        lake: its lake.
        batch: the day of the turn that is about to begin.
        now: the time, with a zone; drafts of deliveries go a day after they were begun.

    Returns:
        What was taken away.
    """
    found = [*_drafts(home, now), *_unnamed(lake, batch)]
    for path in found:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return found


def leftovers(home: Home, lake: Lake, now: datetime) -> list[Path]:
    """Everything that dead processes left, in all batches."""
    batches = sorted({batch for _, _, batch in lake.places()})
    return [*_drafts(home, now), *(path for batch in batches for path in _unnamed(lake, batch))]


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


def _drafts(home: Home, now: datetime) -> Iterator[Path]:
    """Drafts and scratch outside the lake; whoever makes one later begins by taking its own away."""
    for place in (home.root, *sorted(home.root.glob("returns/*")), *sorted(home.root.glob("returns/*/*/"))):
        if place.is_dir():
            yield from sorted(child for child in place.iterdir() if child.name.startswith("."))
    yield from (path for path in [home.previous_warehouse.with_suffix(".draft")] if path.exists())
    # A delivery begins a folder, or something in one that is there.
    taking_in = [(place, pattern) for place in (home.inbox, home.aside) for pattern in ("*/.*", "*/*/.*")]
    for place, pattern in (*taking_in, (home.spill, "*")):
        # The engine's own scratch, and that of the readers, is of a run: only the lock's holder has some.
        for path in sorted(place.glob(pattern)):
            if place != home.spill and not is_draft(path.name):
                # Delivered, under a name that begins with a dot.
                continue
            began = datetime.fromtimestamp(path.stat().st_mtime, now.tzinfo)
            of_a_run = place == home.spill and not path.name.startswith(_BESIDE_A_RUN)
            if of_a_run or now - began >= DELIVERY_TAKES:
                yield path


def _unnamed(lake: Lake, batch: date) -> Iterator[Path]:
    """Files in the batch's partitions that no manifest names."""
    for folder in sorted(lake.root.glob(f"*/*/batch={batch.isoformat()}")):
        yield from lake.unnamed(folder)
