"""Points in several processes, a chunk of neighbours at a time.

Each worker is an executor of one process, so that a process that dies takes only its own chunk with
it. The points of that chunk are run once more, one by one; one that kills its process again has
failed. Workers end when the process that started them does, even if it is killed: they hold the
reading end of a pipe whose writing end nobody else has.
"""

import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import chain, islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Thread
from time import monotonic
from typing import NamedTuple

from ...errors import ToolError
from .grid import Point
from .point import Result, Runner

__all__ = ["run_points"]

CHUNK_S = 0.5
"""Seconds that a chunk should take: little is lost with it, and its way is short beside it."""

CHUNK_POINTS = 64
"""Points of a chunk at most."""

Tell = Callable[[str], None]


class _Chunk(NamedTuple):
    """Points that are sent together, and whether they had killed a worker before."""

    points: Sequence[Point]
    again: bool

    def __str__(self) -> str:
        first, last = self.points[0].index, self.points[-1].index
        return f"point {first}" if first == last else f"points {first} to {last}"


def run_points(
    points: Iterable[Point], runner: Runner, jobs: int, tell: Tell
) -> Generator[list[Result]]:
    """Yield the results of points as they come, not in order.

    Parameters
    ----------
    points : iterable of Point
    runner : Runner
    jobs : int
        Processes; 1 means this one.
    tell : callable
        Told a line if a process dies.

    Raises
    ------
    ToolError
        If no process can be started.
    """
    if jobs == 1:
        for point in points:
            yield [runner(point)]
    else:
        yield from _Crew(runner, jobs, tell).run(points)


class _Crew:
    """Workers of one sweep.

    Parameters
    ----------
    runner, jobs, tell
        As `run_points`.
    """

    def __init__(self, runner: Runner, jobs: int, tell: Tell) -> None:
        self._runner = runner
        self._jobs = jobs
        self._tell = tell
        self._again: deque[_Chunk] = deque()
        self._size = 1

    def run(self, points: Iterable[Point]) -> Iterator[list[Result]]:
        """Yield the results of points as they come."""
        fresh = iter(points)
        with _lifeline() as lifeline:
            idle = self._hired(self._jobs, lifeline)
            busy: dict[Future[tuple[float, list[Result]]], tuple[ProcessPoolExecutor, _Chunk]] = {}
            try:
                while True:
                    while idle and (chunk := self._next(fresh)):
                        worker = idle.pop()
                        busy[worker.submit(_run_chunk, chunk.points)] = worker, chunk
                    if not busy:
                        return
                    for future in wait(busy, return_when=FIRST_COMPLETED).done:
                        worker, chunk = busy.pop(future)
                        try:
                            seconds, results = future.result()
                        except BrokenProcessPool:
                            worker.shutdown()
                            (worker,) = self._hired(1, lifeline)
                            results = self._died(chunk)
                        else:
                            each = max(seconds / len(results), CHUNK_S / CHUNK_POINTS)
                            self._size = max(1, round(CHUNK_S / each))
                        idle.append(worker)
                        yield results
            finally:
                # Without the pipe they end at once, in the middle of their chunks if need be.
                lifeline.close()
                for worker in chain(idle, (worker for worker, _ in busy.values())):
                    worker.shutdown(cancel_futures=True)

    def _hired(self, count: int, lifeline: "_Lifeline") -> list[ProcessPoolExecutor]:
        """Start so many workers, all at the same time."""
        context = get_context("spawn")
        begin = self._runner, lifeline.held_by_workers
        workers = [ProcessPoolExecutor(1, context, _begin, begin) for _ in range(count)]
        try:
            with _interrupts_held():
                started = [worker.submit(_ready) for worker in workers]
            for ready in started:
                ready.result()
        except BrokenProcessPool as error:
            raise ToolError("worker processes cannot be started here; use --jobs 1") from error
        return workers

    def _next(self, fresh: Iterator[Point]) -> _Chunk | None:
        if self._again:
            return self._again.popleft()
        points = tuple(islice(fresh, self._size))
        return _Chunk(points, again=False) if points else None

    def _died(self, chunk: _Chunk) -> list[Result]:
        """Return what is known of a chunk whose worker died: nothing yet, or that it failed."""
        if chunk.again:
            self._tell(f"a worker process died at {chunk} again: failed")
            return [
                Result(point.index, "failed", "the worker process died, twice")
                for point in chunk.points
            ]
        self._tell(f"a worker process died at {chunk}: once more, point by point")
        self._again.extend(_Chunk((point,), again=True) for point in chunk.points)
        return []


class _Lifeline(NamedTuple):
    """A pipe that workers watch: when its writing end is closed, they end."""

    held_by_workers: Connection
    own: Connection

    def close(self) -> None:
        """End the workers."""
        self.own.close()


@contextmanager
def _lifeline() -> Iterator[_Lifeline]:
    reading, writing = get_context("spawn").Pipe(duplex=False)
    with reading, writing:
        yield _Lifeline(reading, writing)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back; processes that are started meanwhile never get it.

    It reaches every process of a terminal, and the one that started the workers ends them.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_HERE: list[Runner] = []
"""The runner of this worker process."""


def _begin(runner: Runner, lifeline: Connection) -> None:
    """Get a worker process ready."""
    Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    _HERE.append(runner)


def _ready() -> None:
    """Answer, so that the process is known to have started."""


def _end_with(lifeline: Connection) -> None:
    """Wait until nobody holds the other end, then end this process."""
    try:
        lifeline.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)


def _run_chunk(points: Sequence[Point]) -> tuple[float, list[Result]]:
    """Run points in a worker; return the seconds that it took, and their results."""
    (runner,) = _HERE
    start = monotonic()
    results = [runner(point) for point in points]
    return monotonic() - start, results
