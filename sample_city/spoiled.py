"""Write a delivery with one file that is wrong as a whole: `python -m sample_city.spoiled DIR MISHAP`.

The mishaps are those of `sample_city/data/mishaps.yaml`; `truth/mishaps.csv` names the file.
"""

import argparse
import sys
from datetime import date
from pathlib import Path

from sample_city.errors.whole_files import declared_mishaps
from sample_city.generate import plan_city
from sample_city.world.basis.timeline import BASE_DATE


def main() -> None:
    """Write the extracts of one batch with a mishap."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("mishap", choices=sorted(declared_mishaps()))
    parser.add_argument("--residents", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch", type=date.fromisoformat, default=BASE_DATE)
    parser.add_argument("--since", type=date.fromisoformat, help="the day of the delivery before")
    asked = parser.parse_args()
    city = plan_city(asked.residents, asked.seed)
    made = city.generate(asked.directory, asked.batch, since=asked.since, mishap=asked.mishap)
    sys.stdout.write(f"{made.truth / 'mishaps.csv'}\n")


if __name__ == "__main__":
    main()
