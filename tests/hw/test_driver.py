"""The Python driver of a bundle, against the RTL: layers in, layers out."""

import importlib.util
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from small_bundles import JOBS, no_verilog, small_job

from bosquet.engine.integer import layer_outputs
from bosquet.hw import bundle as bundle_module
from bosquet.hw.job import Job
from bosquet.hw.top import Accelerator
from bosquet.models.layer import Layer
from bosquet.sim.exact import simulate_schedule
from bosquet.sim.rtl_host import RtlHost, Run


class Board:
    """An accelerator in Amaranth's simulator, behind a bus that blocks as a real one does."""

    def __init__(self, job: Job) -> None:
        self._asked: Queue[tuple[str, Any]] = Queue()
        self._told: Queue[Any] = Queue()
        self._host = RtlHost(Accelerator(job.design, job.buffers))
        self._thread = threading.Thread(target=self._host.simulate, args=[self._serve])
        self._thread.start()

    def close(self) -> None:
        self._asked.put(("close", None))
        self._thread.join()

    def read(self, address: int) -> int:
        return int(self._ask("read", address))

    def write(self, address: int, value: int) -> None:
        self._ask("write", (address, value))

    def send(self, stream: str, beats: list[int]) -> None:
        self._ask("send", (stream, beats))

    def receive(self, count: int) -> list[int]:
        beats: list[int] = self._ask("receive", count)
        return beats

    def stop(self) -> None:
        """Nothing goes on: every request has been answered."""

    def _ask(self, what: str, operands: Any) -> Any:
        self._asked.put((what, operands))
        return self._told.get(timeout=60)

    async def _serve(self, ctx: Any) -> None:
        while True:
            what, operands = self._asked.get()
            if what == "close":
                return
            answer: int | list[int] | None = None
            if what == "read":
                answer = await self._host.read(ctx, operands)
            elif what == "write":
                await self._host.write(ctx, *operands)
            elif what == "send":
                await self._host.load(ctx, *operands)
            else:
                run = Run()
                await self._host.take(ctx, run, 20_000)
                answer = run.beats
            self._told.put(answer)


@pytest.fixture(params=sorted(JOBS))
def job(request: pytest.FixtureRequest) -> Job:
    return small_job(request.param)


@pytest.fixture
def board(job: Job) -> Iterator[Board]:
    board = Board(job)
    yield board
    board.close()


@pytest.fixture
def driver(job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(bundle_module, "initialized_verilog", no_verilog)
    for name, text in bundle_module.bundle_files(job, "small_layer").items():
        (tmp_path / name).write_text(text)
    path = tmp_path / "small_layer_driver.py"
    spec = importlib.util.spec_from_file_location("small_layer_driver", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def activations_of(job: Job) -> NDArray[np.int64]:
    """Return activations of the first layer."""
    shape = job.runs[0].schedule.layer.shape
    return np.zeros((shape.batch, shape.in_channels, shape.height, shape.width), np.int64)


def test_layers_of_new_activations(job: Job, board: Board, driver: ModuleType) -> None:
    accelerator = driver.Accelerator(board)
    rng = np.random.default_rng(5)
    layers = {run.layer: run.schedule.layer for run in job.runs}
    for name, layer in [*layers.items(), *layers.items()]:
        assert isinstance(layer, Layer)
        shape = layer.shape
        size = (shape.batch, shape.in_channels, shape.height, shape.width)
        activations = rng.integers(-128, 128, size)
        np.testing.assert_array_equal(
            accelerator.layer(name, activations), layer_outputs(layer, activations)
        )
        schedule = next(run.schedule for run in job.runs if run.layer == name)
        expected = simulate_schedule(schedule.with_features(activations))
        assert accelerator.counters["cycles"] == expected.cycles
        assert accelerator.counters["compute"] == expected.compute


def test_wrong_use_is_refused(job: Job, board: Board, driver: ModuleType) -> None:
    accelerator = driver.Accelerator(board)
    with pytest.raises(ValueError, match="there is no layer nothing; the layers are small"):
        accelerator.layer("nothing", activations_of(job))
    with pytest.raises(ValueError, match=r"small takes activations \(.*\), not \(4, 4\)"):
        accelerator.layer("small", np.zeros((4, 4)))


def test_after_an_error_the_next_layer_begins_afresh(
    job: Job, board: Board, driver: ModuleType
) -> None:
    """An error before anything is loaded, and one after: weights are sent again."""
    accelerator = driver.Accelerator(board)
    layer = job.runs[0].schedule.layer
    assert isinstance(layer, Layer)
    activations = np.random.default_rng(6).integers(-128, 128, activations_of(job).shape)
    registers = accelerator.manifest["runs"][0]["registers"]
    right = registers["tiles_per_group"]
    for _ in range(2):
        registers["tiles_per_group"] = 0
        with pytest.raises(driver.AcceleratorError, match="run 0: error 4, count"):
            accelerator.layer("small", activations)
        registers["tiles_per_group"] = right
        np.testing.assert_array_equal(
            accelerator.layer("small", activations), layer_outputs(layer, activations)
        )


def test_a_run_that_is_ended_is_told(job: Job, board: Board, driver: ModuleType) -> None:
    limited = driver.Accelerator(board, cycle_limit=20)
    layer = job.runs[0].schedule.layer
    assert isinstance(layer, Layer)
    with pytest.raises(driver.AcceleratorError, match="run 0: error 11, cycle_limit"):
        limited.layer("small", activations_of(job))
    np.testing.assert_array_equal(
        driver.Accelerator(board).layer("small", activations_of(job)),
        layer_outputs(layer, activations_of(job)),
    )


def test_what_another_program_has_left_does_not_matter(
    job: Job, board: Board, driver: ModuleType
) -> None:
    """A load that no run has taken, half of another one, and an error."""
    board.send("weights", job.runs[0].image.weight_load)
    board.send("features", job.runs[0].image.feature_load[:1])
    layer = job.runs[0].schedule.layer
    assert isinstance(layer, Layer)
    np.testing.assert_array_equal(
        driver.Accelerator(board).layer("small", activations_of(job)),
        layer_outputs(layer, activations_of(job)),
    )


def test_a_bus_that_fails_leaves_an_accelerator_that_works(
    job: Job, board: Board, driver: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    accelerator = driver.Accelerator(board)
    layer = job.runs[0].schedule.layer
    assert isinstance(layer, Layer)

    def fails(count: int) -> list[int]:
        raise TimeoutError("no beat")

    with monkeypatch.context() as patched:
        patched.setattr(board, "receive", fails)
        with pytest.raises(TimeoutError, match="no beat"):
            accelerator.layer("small", activations_of(job))
    np.testing.assert_array_equal(
        accelerator.layer("small", activations_of(job)), layer_outputs(layer, activations_of(job))
    )


def test_a_load_that_does_not_arrive_is_given_up(
    job: Job, board: Board, driver: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    accelerator = driver.Accelerator(board, timeout_s=0.0)
    monkeypatch.setattr(board, "send", lambda stream, beats: None)
    with pytest.raises(driver.AcceleratorError, match="run 0: its loads have not arrived"):
        accelerator.layer("small", activations_of(job))


def test_another_accelerator_is_noticed(job: Job, board: Board, driver: ModuleType) -> None:
    board.read = lambda address: 1  # type: ignore[method-assign]
    with pytest.raises(driver.AcceleratorError, match="identity is 0x00000001, not 0x"):
        driver.Accelerator(board)
