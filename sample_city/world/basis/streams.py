"""Randomness of the sample city: one named stream per topic, and hashed noise per record.

Every topic draws from its own generator, so that a new topic (or one more draw in an old one)
leaves all the others as they were. Noise is a pure function of the record's number: it needs no
memory and can be computed for any slice of a table.
What is drawn belongs to the topics' own modules.
"""

import hashlib
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.int32]
Longs: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]
Floats: TypeAlias = npt.NDArray[np.float64]


def topic_key(topic: str) -> int:
    """A stable 64-bit number for a topic's name."""
    return int.from_bytes(hashlib.sha256(topic.encode()).digest()[:8], "little")


def stream(seed: int, topic: str) -> np.random.Generator:
    """The generator of one topic, independent of all others (PCG64 under a SeedSequence)."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, topic_key(topic)])))


def noise(seed: int, topic: str, records: npt.NDArray[np.integer]) -> Ints:
    """Hashed noise in 0..9999, one per record number, the same wherever the record stands.

    The mixer is the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
    """
    key = np.uint64(np.random.SeedSequence([seed, topic_key(topic)]).generate_state(1, np.uint64)[0])
    mixed = (records.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) ^ key
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    lots: Ints = (mixed % np.uint64(10_000)).astype(np.int32)
    return lots


def draw(rng: np.random.Generator, weights: npt.ArrayLike, size: int) -> Ints:
    """Positions drawn with replacement in proportion to weights: int32 of shape (size,)."""
    edges = np.cumsum(np.asarray(weights, dtype=np.float64))
    picked = np.searchsorted(edges, rng.random(size) * edges[-1], side="right")
    positions: Ints = np.minimum(picked, len(edges) - 1).astype(np.int32)
    return positions
