"""All proofs: which property, of which small component, for how many cycles."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from bosquet.hw.decode import IndexDecoder
from bosquet.hw.design import Design
from bosquet.hw.eie_array import EieArray
from bosquet.hw.fetch import IndexFetch
from bosquet.hw.loader import Loader, MemoryKind, Room
from bosquet.hw.passes import PassCounter
from bosquet.hw.queue import ShiftQueue
from bosquet.hw.scale import Scale
from bosquet.hw.sparse_array import SparseArray
from bosquet.hw.window import ClusterWindow
from bosquet.models.layer import MULTIPLIER_BITS

from . import arrays, decoder, eie, output, queues, scale, streams, windows
from .proof import Proof
from .property import Property

__all__ = ["FEATURES", "PROOFS", "WEIGHTS", "Change", "same"]

FEATURES = {MemoryKind.FEATURES: Room(6, 3)}
WEIGHTS = {
    MemoryKind.OFFSETS: Room(1, 4),
    MemoryKind.FILTERS: Room(2, 3),
    MemoryKind.INDEX: Room(3, 2),
    MemoryKind.WEIGHTS: Room(6, 3),
    MemoryKind.BASES: Room(5, 1),
}
"""What the two load streams of the proofs fill."""

Change = Callable[[Any], Any]
"""What is done to a component before it is put into its property: nothing, or a fault."""


def same(component: Any) -> Any:
    """Leave the component as it is."""
    return component


def relative_decoder(design: Design, width: int, change: Change = same) -> Property:
    return decoder.RelativeDecoder(change(IndexDecoder(design)), width)


def bitmap_decoder(design: Design, entries: int, change: Change = same) -> Property:
    return decoder.BitmapDecoder(change(IndexDecoder(design)), entries)


def dense_decoder(change: Change = same) -> Property:
    return decoder.DenseDecoder(change(IndexDecoder(decoder.DESIGN)))


def fetch(change: Change = same) -> Property:
    return streams.FetchProperty(change(IndexFetch(streams.DESIGN, streams.FETCH_WORDS)))


def passes(change: Change = same) -> Property:
    return streams.PassesProperty(change(PassCounter(streams.DESIGN)))


def loader(rooms: Mapping[MemoryKind, Room], change: Change = same) -> Property:
    return streams.LoaderProperty(change(Loader(streams.DESIGN, rooms)), rooms)


def window(change: Change = same) -> Property:
    return windows.WindowProperty(change(ClusterWindow(windows.DESIGN, windows.LANES)))


def queue(depth: int, change: Change = same) -> Property:
    return queues.QueueProperty(change(ShiftQueue(queues.WORD_BITS, depth)), depth)


def output_stage(design: Design, change: Change = same) -> Property:
    return output.OutputProperty(change(output.CutStage(design, output.FILTER_WORDS)), design)


def scaling(place: int, change: Change = same) -> Property:
    return scale.ScaleProperty(change(Scale(scale.DESIGN)), place)


def sparse_array(design: Design, change: Change = same) -> Property:
    return arrays.ArrayProperty(change(SparseArray(design, arrays.BUFFERS)), design)


def eie_array(words: int, images: int, change: Change = same) -> Property:
    return eie.EieProperty(change(EieArray(eie.DESIGN, eie.BUFFERS)), words, images)


PROOFS = (
    Proof("decoder-relative2", partial(relative_decoder, decoder.DESIGN, 2), 11),
    Proof("decoder-relative4", partial(relative_decoder, decoder.DESIGN, 4), 10),
    Proof("decoder-relative6", partial(relative_decoder, decoder.DESIGN, 6), 9),
    Proof("decoder-bitmap", partial(bitmap_decoder, decoder.DESIGN, 4), 9),
    Proof("decoder-relative4-port", partial(relative_decoder, decoder.PORT, 4), 10),
    Proof("decoder-bitmap-port", partial(bitmap_decoder, decoder.PORT, 4), 9),
    Proof("decoder-dense", dense_decoder, 12),
    Proof("fetch", fetch, 14),
    Proof("passes", passes, 20),
    Proof("loader-features", partial(loader, FEATURES), 12),
    Proof("loader-weights", partial(loader, WEIGHTS), 12),
    Proof("window", window, 16, induction=2),
    Proof("queue-1", partial(queue, 1), 12),
    Proof("queue-2", partial(queue, 2), 14),
    Proof("queue-4", partial(queue, 4), 16),
    Proof("output-chunks", partial(output_stage, output.CHUNKS), 22),
    Proof("output-uneven", partial(output_stage, output.UNEVEN), 22),
    Proof("output-columns", partial(output_stage, output.COLUMNS), 20),
    Proof("scale-low", partial(scaling, 0), 9),
    Proof("scale-middle", partial(scaling, 7), 9),
    Proof("scale-high", partial(scaling, MULTIPLIER_BITS - scale.DIGITS), 9),
    Proof("array-window1", partial(sparse_array, arrays.ONE), 24),
    Proof("array-window2", partial(sparse_array, arrays.TWO), 24),
    Proof("array-eie-columns", partial(eie_array, 3, 1), 18),
    Proof("array-eie-images", partial(eie_array, 1, 2), 18),
)
