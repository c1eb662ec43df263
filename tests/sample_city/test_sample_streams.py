"""Randomness: topics do not shift each other, records keep their noise."""

import numpy as np
import pytest

from sample_city.world.basis.streams import draw, noise, stream


def test_a_topic_draws_the_same_whatever_others_draw() -> None:
    first = stream(7, "names").random(5)
    stream(7, "deaths").random(1000)
    assert np.array_equal(first, stream(7, "names").random(5))
    assert not np.array_equal(first, stream(7, "deaths").random(5))
    assert not np.array_equal(first, stream(8, "names").random(5))


def test_noise_belongs_to_the_record_not_to_its_place() -> None:
    records = np.arange(5_000, dtype=np.int32)
    whole = noise(7, "topic", records)
    assert np.array_equal(whole[1234:], noise(7, "topic", records[1234:]))
    assert not np.array_equal(whole, noise(7, "other", records))


def test_noise_is_spread_evenly_over_its_range() -> None:
    lots = noise(7, "topic", np.arange(100_000))
    assert lots.min() >= 0 and lots.max() <= 9_999
    counts = np.histogram(lots, bins=10, range=(0, 10_000))[0]
    assert counts == pytest.approx(10_000, rel=0.05)


def test_draws_follow_their_weights() -> None:
    drawn = draw(stream(1, "weights"), [0, 3, 1], 40_000)
    shares = np.bincount(drawn, minlength=3) / 40_000
    assert shares == pytest.approx([0, 0.75, 0.25], abs=0.01)
