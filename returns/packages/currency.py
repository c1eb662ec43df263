"""The days of a package's data, and the datasets that stand in for a file that could not be used.

After a refused, held or damaged delivery the earlier data stay in force. The package shows that these data are of
an earlier day.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from returns.summary.summary_metrics import DeliveryLine


@dataclass(frozen=True)
class Currency:
    """The days of the data, as text for people.

    Attributes:
        dates: the days with their datasets, the newest first.
        notice: the datasets whose delivery of this batch could not be used; empty if all could be used.
        by_dataset: dataset id → the day of its data, ISO 8601; None where nothing was ever delivered.
    """

    dates: str
    notice: str
    by_dataset: dict[str, str | None]


def currency_of(deliveries: Iterable[DeliveryLine]) -> Currency:
    """Find the days of a batch's data.

    Args:
        deliveries: the delivery in force of each dataset, with the files of this batch that were refused.
    """
    known = sorted(deliveries, key=lambda d: (-(d.batch or date.min).toordinal(), d.dataset))
    days = [
        f"{day.isoformat() if day else '尚无可用的交付'}：{'、'.join(d.title for d in own)}"
        for day, own in groupby(known, key=lambda d: d.batch)
    ]
    stale = [d for d in known if d.refused and not d.is_current]
    texts = [
        f"《{d.title}》（{d.department}）"
        + (f"沿用 {d.batch} 的数据" if d.batch else "尚无数据")
        + _reason(d)
        for d in stale
    ]
    notice = f"【注意】下列数据本批次交付的文件未能采用：{'；'.join(texts)}。" if texts else ""
    return Currency(
        dates="；".join(days),
        notice=notice,
        by_dataset={d.dataset: d.batch.isoformat() if d.batch else None for d in known},
    )


def _reason(delivered: DeliveryLine) -> str:
    """What the delivery looks like, if it is held as a whole."""
    return f"，交付的文件整份看起来不对（{'；'.join(delivered.held)}）" if delivered.held else ""
