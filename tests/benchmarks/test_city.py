"""How the benchmark shares time out among stages that run at once."""

import pytest

from benchmarks.city import Step, Turn

# 0-1 building; extract 1-4 and 2-6, standard 4-8, publication 8-10, packages 10-15 and a page 10-12.
TURN = Turn(
    0.0,
    (
        Step("extract", 1, 4), Step("extract", 2, 6), Step("standard", 4, 8),
        Step("publication", 8, 10), Step("returns", 10, 15), Step("returns", 10, 12),
    ),
    {},
)  # fmt: skip


def test_the_loop_ends_with_the_publication_and_packages_come_after_it() -> None:
    assert (TURN.loop, TURN.packages) == (10, 5)


def test_a_moment_with_several_steps_is_shared_out_among_their_stages() -> None:
    # From 4 to 6 one of each runs.
    assert TURN.seconds == pytest.approx({"extract": 4, "standard": 3, "publication": 2, "returns": 5})
