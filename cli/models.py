"""``bosquet models``: the bundled networks, or the layers of one network."""

import typer

from ..models.zoo import BUNDLED
from .masked_network import MaskedLayer, MaskedNetwork, load_masked
from .network_argument import NetworkArgument, parse_shape
from .options import InputShape, Json, OutFile, Seed
from .output import Document, document, emit_answer, table

__all__ = ["models"]


def models(
    net: str | None = typer.Argument(
        None, metavar="[NET]", help="List the layers of this network.", show_default=False
    ),
    input_shape: InputShape = None,
    seed: Seed = 0,
    as_json: Json = False,
    out: OutFile = None,
) -> None:
    """List the bundled networks, or the layers of a network."""
    if net is None:
        found = [load_masked(NetworkArgument(name), None, seed) for name in BUNDLED]
        text = table(
            ("network", "layers", "weights", "MACs", "what it is"),
            (
                (
                    masked.name,
                    len(masked.layers),
                    f"{parameters(masked):,}",
                    f"{macs(masked):,}",
                    BUNDLED[masked.name].summary,
                )
                for masked in found
            ),
        )
    else:
        argument = NetworkArgument.parse(net)
        found = [load_masked(argument, None, seed, parse_shape(input_shape))]
        text = layers_text(found[0])
    emit_answer(document("models", {"models": [described(one) for one in found]}), text, as_json,
                out)  # fmt: skip


def parameters(masked: MaskedNetwork) -> int:
    """Return all weights, pruned ones included."""
    return sum(layer.shape.weights for layer in masked.layers)


def macs(masked: MaskedNetwork) -> int:
    """Return the multiply-accumulates of one run, unpruned."""
    return sum(layer.shape.macs for layer in masked.layers)


def described(masked: MaskedNetwork) -> Document:
    """Return a network as an entry of ``models``."""
    real = all(layer.weight is not None for layer in masked.layers)
    return {
        "name": masked.name,
        "parameters": parameters(masked),
        "macs": macs(masked),
        "weights": "real" if real else "synthetic",
        "layers": [
            {
                "name": layer.name,
                "kind": layer.shape.kind,
                "shape": list(layer.shape.weight_shape),
                "input": [layer.shape.in_channels, layer.shape.height, layer.shape.width],
                "groups": layer.shape.groups,
                "stride": list(layer.shape.stride),
                "macs": layer.shape.macs,
                "density": layer.density,
                "ratio": layer.ratio,
                "ratio_reason": None if layer.kept else "no weight is left",
                "masks": layer.source,
            }
            for layer in masked.layers
        ],
        "unsupported": list(masked.unsupported),
        "notes": list(masked.notes),
    }


def layers_text(masked: MaskedNetwork) -> str:
    """Return the layers as a table."""
    lines = table(
        ("layer", "kind", "weights (out, in/groups, kh, kw)", "input", "MACs", "density", "ratio"),
        (_row(layer) for layer in masked.layers),
    )
    notes = [f"note: {note}" for note in masked.notes]
    notes += [f"not executed: {node}" for node in masked.unsupported]
    return "\n".join([lines, *notes])


def _row(layer: MaskedLayer) -> tuple[object, ...]:
    shape = layer.shape
    return (
        layer.name,
        shape.kind if shape.groups == 1 else f"{shape.kind}/{shape.groups}",
        "x".join(map(str, shape.weight_shape)),
        f"{shape.in_channels}x{shape.height}x{shape.width}",
        f"{shape.macs:,}",
        f"{layer.density:.4f}",
        None if layer.ratio is None else f"{layer.ratio:.2f}",
    )
