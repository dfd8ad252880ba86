"""Spans of cycles and waves: every operation does what painting cycle by cycle does."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bosquet.sim.timeline.intervals import NOTHING, Intervals
from bosquet.sim.timeline.waves import Wave

CYCLES = 40


@st.composite
def apart(draw: st.DrawFn, kinds: int = 1) -> Intervals:
    """Spans of one track that do not overlap; some touch."""
    edges = sorted(draw(st.sets(st.integers(0, CYCLES), max_size=12)))
    chosen = [pair for pair in pairwise(edges) if draw(st.booleans())]
    begin, end = np.array(chosen, np.int64).reshape(-1, 2).T
    kind = [draw(st.integers(0, kinds - 1)) for _ in chosen]
    return Intervals.of(0, begin, end, np.array(kind, np.int64))


@st.composite
def spans(draw: st.DrawFn, tracks: int = 3) -> Intervals:
    """Spans of several tracks, apart from each other in each."""
    each = [draw(apart(kinds=3)) for _ in range(tracks)]
    moved = [
        Intervals(one.track + track, one.begin, one.end, one.kind) for track, one in enumerate(each)
    ]
    return Intervals.joined(reversed(moved))


def painted(given: Intervals, tracks: int = 3) -> np.ndarray:
    """Return the kind of each track in each cycle, -1 for none."""
    canvas = np.full((tracks, CYCLES), -1)
    for track, begin, end, kind in zip(
        given.track, given.begin, given.end, given.kind, strict=True
    ):
        assert (canvas[track, begin:end] == -1).all(), "two spans in one cycle"
        canvas[track, begin:end] = kind
    return canvas


@given(spans())
def test_merged_spans_are_the_same_and_as_few_as_possible(given: Intervals) -> None:
    merged = given.merged()
    np.testing.assert_array_equal(painted(merged), painted(given))
    changes = np.diff(painted(given), prepend=-1, axis=1) != 0
    assert len(merged) == (changes & (painted(given) >= 0)).sum()


@given(spans())
def test_spans_of_each_track(given: Intervals) -> None:
    each = given.sorted().by_track(3)
    assert [set(own.track.tolist()) <= {track} for track, own in enumerate(each)] == [True] * 3
    np.testing.assert_array_equal(painted(Intervals.joined(each)), painted(given))


@given(spans(), st.integers(0, CYCLES), st.integers(0, CYCLES))
def test_what_lies_within_a_span(given: Intervals, start: int, stop: int) -> None:
    expected = painted(given)
    expected[:, :start] = -1
    expected[:, stop:] = -1
    np.testing.assert_array_equal(painted(given.within(range(start, stop))), expected)


@given(spans(), apart())
def test_spans_split_by_others(given: Intervals, others: Intervals) -> None:
    inside = painted(others, 1)[0] >= 0
    expected = np.where(painted(given) < 0, -1, np.where(inside, 5, 6))
    np.testing.assert_array_equal(painted(given.split(others.merged(), 5, 6)), expected)
    np.testing.assert_array_equal(painted(given.split(others, 5, 6)), expected)


@given(apart())
def test_gaps_are_what_is_left(given: Intervals) -> None:
    gaps = given.gaps(range(CYCLES), 7)
    expected = np.where(painted(given, 1) < 0, 7, -1)
    np.testing.assert_array_equal(painted(gaps, 1), expected)


@given(apart(kinds=3))
def test_levels_counts_and_bits(given: Intervals) -> None:
    cycles = np.arange(CYCLES)
    there = painted(given, 1)[0] >= 0
    assert Wave.level(given).within(range(CYCLES)).at(cycles) == there.astype(int).tolist()
    inverted = Wave.level(given).inverted().within(range(CYCLES))
    assert inverted.at(cycles) == (~there).astype(int).tolist()
    doubled = Wave.balance(Intervals.joined([given, given]), 2).within(range(CYCLES))
    assert doubled.at(cycles) == (4 * there).tolist()


@given(spans())
def test_tracks_as_bits(given: Intervals) -> None:
    there = painted(given) >= 0
    expected = (there * np.array([[1], [2], [4]])).sum(axis=0).tolist()
    assert Wave.bits(given).within(range(CYCLES)).at(np.arange(CYCLES)) == expected


def test_a_count_goes_up_at_its_cycles_and_wraps() -> None:
    wave = Wave.count(np.array([3, 5, 5 + 1]), 6, 8).within(range(8))
    assert wave.at(np.arange(8)) == [6, 6, 6, 7, 7, 0, 1, 1]


def test_waves_one_after_the_other() -> None:
    first = Wave(np.array([0, 2]), [0, 1])
    second = Wave(np.array([0, 1]), [0, 1]).later(4)
    assert Wave.joined([first, second]).at(np.arange(6)) == [0, 0, 1, 1, 0, 1]


def test_nothing_is_empty() -> None:
    assert len(NOTHING.merged()) == 0
    assert Wave.level(NOTHING).within(range(3)).at(np.arange(3)) == [0, 0, 0]
