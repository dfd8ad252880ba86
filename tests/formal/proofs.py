"""All proofs: which property, of which small design, for how many cycles."""

from bosquet.hw.decode import IndexDecoder

from . import decoder
from .proof import Proof

__all__ = ["PROOFS"]


def index_decoder() -> IndexDecoder:
    """Return a small decoder."""
    return IndexDecoder(decoder.DESIGN, 0)


PROOFS = (
    *(
        Proof(
            f"decoder-relative{width}",
            lambda width=width: decoder.RelativeDecoder(index_decoder(), width),  # type: ignore[misc]
            depth,
        )
        for width, depth in ((2, 14), (4, 20), (6, 14))
    ),
    Proof("decoder-bitmap", lambda: decoder.BitmapDecoder(index_decoder(), 5), 16),
    Proof("decoder-dense", lambda: decoder.DenseDecoder(index_decoder()), 18),
)
