"""Identifiers computed for whole columns: resident IDs, social credit codes, telephone numbers.

Only arithmetic stands here; whose identifier it is belongs to the topics' modules.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from sample_city.world.basis.streams import Ints, Longs

RESIDENT_ID_WEIGHTS: Final = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
RESIDENT_ID_CHECKS: Final = "10X98765432"
USCC_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
USCC_WEIGHTS: Final = np.array([1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28])
ORGANISATION_WEIGHTS: Final = np.array([3, 7, 9, 10, 5, 8, 4, 2])
SEQUENCES: Final = 499
"""Sequence numbers of one sex within an area and a birth date (a prime, so that steps cover all)."""
PHONES: Final = 80_000_000
"""1741 to 1748: well formed, and given to nobody."""


def yyyymmdd(days: Ints) -> Longs:
    """Days as numbers such as 20260302."""
    dates = pl.Series(days).cast(pl.Int32).cast(pl.Date)
    year, month, day = (part.cast(pl.Int64) for part in (dates.dt.year(), dates.dt.month(), dates.dt.day()))
    return (year * 10_000 + month * 100 + day).to_numpy()


def resident_ids(area: Ints, birth: Ints, sex: Ints) -> pl.Series:
    """Unique 18-character resident IDs (GB 11643) of people at these array positions.

    Args:
        area: Six-digit code of the county that issued the number.
        birth: Days.
        sex: 1 male (odd sequence number), 2 female (even).

    Raises:
        ValueError: More people share area, birth date and sex than there are numbers.
    """
    dates = yyyymmdd(birth)
    people = pl.DataFrame({"area": area, "birth": birth, "sex": sex})
    rank = people.select(pl.int_range(pl.len()).over("area", "birth", "sex")).to_series().to_numpy()
    if rank.size and int(rank.max()) >= SEQUENCES:
        raise ValueError("an area has more births of one sex on a day than sequence numbers")
    start = (dates * 31 + area.astype(np.int64) * 17 + sex) % SEQUENCES
    sequence = (start + rank * 7) % SEQUENCES * 2 + sex
    return _with_resident_check(area.astype(np.int64) * 10**11 + dates * 1000 + sequence)


def _with_resident_check(bodies: Longs) -> pl.Series:
    total = np.zeros(len(bodies), dtype=np.int64)
    for place, weight in enumerate(RESIDENT_ID_WEIGHTS):
        total += bodies // 10 ** (16 - place) % 10 * weight
    checks = pl.Series(list(RESIDENT_ID_CHECKS)).gather(total % 11)
    return pl.Series(bodies).cast(pl.String) + checks


def with_resident_check(bodies: pl.Series) -> pl.Series:
    """The 17-digit texts with their check character (GB 11643, ISO 7064 MOD 11-2)."""
    return _with_resident_check(bodies.cast(pl.Int64).to_numpy())


def social_credit_codes(kind: Ints, area: Ints, numbers: Longs, registrar: int = 9) -> pl.Series:
    """Unified social credit codes (GB 32100) of entities at these array positions.

    Args:
        kind: Second digit: 1 enterprise, 2 sole trader, 3 farmers' co-operative.
        area: Six-digit code of the county where it is registered.
        registrar: First digit: 9 market regulation, 1 the commission for public bodies.
        numbers: Distinct numbers below 31**6, which become the organisation code.
    """
    values = np.zeros((len(numbers), 18), dtype=np.int64)
    values[:, 0], values[:, 1] = registrar, kind
    for place in range(6):
        values[:, 2 + place] = area // 10 ** (5 - place) % 10
        values[:, 10 + place] = numbers // 31 ** (5 - place) % 31
    values[:, 8:10] = USCC_ALPHABET.index("M"), USCC_ALPHABET.index("A")
    values[:, 16] = _organisation_check(values[:, 8:16])
    values[:, 17] = (31 - (values[:, :17] * USCC_WEIGHTS).sum(axis=1) % 31) % 31
    return _spelled(values)


def _organisation_check(body: npt.NDArray[np.int64]) -> Longs:
    """Check digit of the organisation code (GB 11714), whose letters count A=10 to Z=35."""
    worth = np.array([int(character, 36) for character in USCC_ALPHABET])
    check = 11 - (worth[body] * ORGANISATION_WEIGHTS).sum(axis=1) % 11
    return np.where(check == 10, USCC_ALPHABET.index("X"), np.where(check == 11, 0, check))


def _spelled(values: npt.NDArray[np.int64]) -> pl.Series:
    letters = np.array(list(USCC_ALPHABET))[values]
    return pl.Series(letters.view(f"<U{values.shape[1]}").ravel().tolist(), dtype=pl.String)


def phones(numbers: Longs) -> pl.Series:
    """Mobile numbers in a range that no operator serves; distinct for numbers below 80 million."""
    spread = (numbers * 48_271_387 + 12_345_678) % PHONES
    return pl.Series("phone", 174 * 10**8 + 10**7 + spread).cast(pl.String)
