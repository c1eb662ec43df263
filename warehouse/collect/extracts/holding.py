"""Deliveries that are held after they were read, because one rule flags too many of their rows.

Holding takes a delivery out of force: its receipt states the reason, its tables of the batch are withdrawn, and the
delivery before comes into force again. `quality.findings.flagged` finds the rules that flag too many rows.
"""

from __future__ import annotations

from schemas.contract.model import Contract
from warehouse.collect.intake.reception import Receipt, confirmation_of, hold_of
from warehouse.home.folders import Home
from warehouse.home.register import withdraw_note
from warehouse.lake.layers import Layer
from warehouse.lake.partition import Partition
from warehouse.lake.store import Lake

# The extract goes last: if a run dies in between, the extract that is still there shows that the work is unfinished.
_FOLLOWING = (Layer.FINDING, Layer.STANDARD, Layer.PLACE, Layer.EXTRACT)


def is_held_by_rules(receipt: Receipt, contract: Contract) -> bool:
    """Whether a rule of the current contract flags too many rows of a delivery that nobody has confirmed."""
    hold = hold_of(receipt)
    return hold is not None and hold.get("contract") == contract.digest and confirmation_of(receipt) is None


def withdraw(home: Home, lake: Lake, extract: Partition) -> None:
    """Take an extract out of force, together with the tables that its batch made from it."""
    for layer in _FOLLOWING:
        partition = lake.partition(layer, extract.table, extract.batch)
        if partition is not None:
            withdraw_note(home, partition.folder)
            lake.remove(partition)
