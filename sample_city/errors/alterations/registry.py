"""Every alteration by the name that the declarations use."""

from collections.abc import Mapping
from types import ModuleType
from typing import Final

from sample_city.errors.alterations import dates, names, numbers, places
from sample_city.errors.alterations.struck import Alteration


def _public(module: ModuleType) -> dict[str, Alteration]:
    """The functions that a module itself defines, by name."""
    return {
        name: found
        for name, found in vars(module).items()
        if callable(found)
        and not name.startswith("_")
        and getattr(found, "__module__", "") == module.__name__
    }


ALTERATIONS: Final[Mapping[str, Alteration]] = {
    name: found for module in (names, numbers, dates, places) for name, found in _public(module).items()
}
