"""Where the sample city lies: real divisions of Yantai, as many whole townships as it can fill.

Which code a resident ID begins with is decided here too, for it depends on the place and its
history. Who lives in a village belongs to households.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sample_city.world.basis.streams import Floats, Ints, draw
from sample_city.world.basis.tables import table

RESIDENTS_PER_VILLAGE: Final = 46
FILLED: Final = 0.85
"""Townships are added until this share of the affordable villages is reached."""
LARGEST_SHARE: Final = 0.2
SMALL_TOWNSHIP: Final = 12
"""No township takes more than this share of the villages, unless it has no more than so many."""
COMMUNITY_WEIGHT: Final = 2.5
"""How many times the people of a village an urban community has."""


@dataclass(frozen=True)
class Territory:
    """The chosen villages, ordered by code.

    Attributes:
        villages: code, village, township_code, township, county_code, county, place, urban.
        weights: Relative population, one per village.
    """

    villages: pl.DataFrame
    weights: Floats

    def column(self, name: str) -> pl.Series:
        """One column of the villages."""
        return self.villages.get_column(name)


def territory(rng: np.random.Generator, residents: int, divisions: dict[str, str]) -> Territory:
    """Whole townships, spread over the counties, with at least about 46 residents a village.

    Args:
        rng: The topic's generator.
        residents: How many people the townships are to hold.
        divisions: Label by code: 6 digits a county, 9 a township, 12 a village.
    """
    every = _villages(divisions)
    chosen = _townships(rng, every, residents // RESIDENTS_PER_VILLAGE)
    villages = every.filter(pl.col("township_code").is_in(chosen)).sort("code")
    spread = np.exp(rng.normal(0.0, 0.3, len(villages)))
    urban = villages.get_column("urban").to_numpy()
    return Territory(villages, spread * np.where(urban, COMMUNITY_WEIGHT, 1.0))


def _villages(divisions: dict[str, str]) -> pl.DataFrame:
    code = pl.col("code")
    return (
        pl.DataFrame({"code": list(divisions), "village": list(divisions.values())})
        .filter(code.str.len_chars() == 12)
        .with_columns(township_code=code.str.head(9), county_code=code.str.head(6))
        .with_columns(
            township=pl.col("township_code").replace_strict(divisions),
            county=pl.col("county_code").replace_strict(divisions),
        )
        .with_columns(urban=pl.col("village").str.contains("居民委员会$|居委会$"))
        .with_columns(place=_place())
        .sort("code")
    )


def _place() -> pl.Expr:
    """How an address names the village: 砖园村委会 is 砖园村, 友谊街社区居民委员会 is 友谊街社区."""
    short = pl.col("village").str.replace("(村民委员会|村委会)$", "村")
    short = short.str.replace("(居民委员会|居委会)$", "社区")
    short = short.str.replace("村村$", "村").str.replace("社区社区$", "社区")
    county = pl.col("county")
    city = pl.when(county.str.starts_with("烟台")).then(pl.lit("山东省"))
    return city.otherwise(pl.lit("山东省烟台市")) + county + pl.col("township") + short


def _townships(rng: np.random.Generator, villages: pl.DataFrame, affordable: int) -> list[str]:
    """Codes of the chosen townships: one county after the other, while villages are affordable."""
    sizes = villages.group_by("county_code", "township_code").len("villages").sort("township_code")
    sizes = sizes.with_columns(lot=pl.Series(rng.permutation(len(sizes))))
    turns = sizes.sort("lot").with_columns(turn=pl.int_range(pl.len()).over("county_code"))
    most = max(affordable * LARGEST_SHARE, SMALL_TOWNSHIP)
    turns = turns.filter(pl.col("villages") <= most)
    chosen: list[str] = []
    total = 0
    for township, count in turns.sort("turn", "lot").select("township_code", "villages").rows():
        if total < affordable * FILLED and total + count <= affordable:
            chosen.append(township)
            total += count
    if not chosen:
        chosen = [sizes.sort("villages", "township_code").get_column("township_code")[0]]
    return chosen


def birth_areas(rng: np.random.Generator, home: pl.Series, birth_year: Ints, outsiders: float = 0.05) -> Ints:
    """The six-digit code each resident ID begins with.

    Numbers were first given out in the years after 1984, with the code the county had then:
    370684 for Penglai from 1991 to 2020, 370614 since. A few people came from elsewhere.

    Args:
        rng: The topic's generator.
        home: County of residence, one per person.
        birth_year: Same shape.
        outsiders: Share of people born outside the city.
    """
    issued = np.maximum(birth_year, rng.integers(1985, 1993, len(birth_year)))
    issued = np.where(birth_year > 1984, birth_year, issued).astype(np.int32)
    areas = table("birth_areas").with_columns(pl.col("used_from", "used_until", "code").cast(int))
    moved = rng.random(len(home)) < 0.08
    counties = home.unique().sort()
    elsewhere = counties.gather(rng.integers(0, len(counties), len(home)))
    origin = pl.select(pl.when(pl.Series(moved)).then(elsewhere).otherwise(home)).to_series()
    born_outside = rng.random(len(home)) < outsiders
    code = np.zeros(len(home), dtype=np.int32)
    for place in ["", *counties]:
        here = born_outside if place == "" else ~born_outside & (origin == place).to_numpy()
        code[here] = _issued_codes(rng, areas.filter(pl.col("home") == place), issued[here])
    return code


def _issued_codes(rng: np.random.Generator, areas: pl.DataFrame, issued: Ints) -> Ints:
    """One of the codes in use in the year of issue, by weight."""
    code = np.zeros(len(issued), dtype=np.int32)
    for year in np.unique(issued):
        used = areas.filter((pl.col("used_from") <= year) & (pl.col("used_until") > year))
        here = issued == year
        picked = draw(rng, used.get_column("weight").to_numpy(), int(here.sum()))
        code[here] = used.get_column("code").to_numpy()[picked]
    return code
