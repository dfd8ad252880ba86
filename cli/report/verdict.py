"""The answer in plain words: does pruning pay, from which ratio on, and how much faster it gets."""

from dataclasses import dataclass

from .layer_answer import LayerAnswer, layer_answers
from .quantity import joined, times
from .results import Document, Results

__all__ = ["Headline", "Tile", "headline"]

_MARGIN = 0.005
"""A speedup this close to 1 is printed as 1 and counts as neither gain nor loss."""

_WAYS = {
    "one_chip": (
        "one chip",
        "one_chip: a single sparse design for the whole network against a single dense one of the"
        " same area, each the best found. What you would get.",
    ),
    "per_layer": (
        "per layer",
        "per_layer: silicon sized anew for each layer, layers that do not gain left dense. How"
        " papers count; no chip is built like this.",
    ),
}


@dataclass(frozen=True)
class Tile:
    """One of the few figures that stand above everything else.

    Attributes
    ----------
    value, label, meaning : str
        The figure, what it is, and how to read it.
    """

    value: str
    label: str
    meaning: str


@dataclass(frozen=True)
class Headline:
    """The answer.

    Attributes
    ----------
    answer : {"Yes.", "In part.", "No.", ""}
        The shortest form; empty where it cannot be given.
    sentence : str
        The verdict in one sentence.
    details : tuple of str
        What it means for which layers, a sentence each.
    tiles : tuple of Tile
        The figures behind it.
    """

    answer: str
    sentence: str
    details: tuple[str, ...]
    tiles: tuple[Tile, ...]


def headline(results: Results) -> Headline:
    """Return the answer that the results give."""
    answers = layer_answers(results)
    if results.network is None:
        return _of_layers(results.name, answers)
    answer, sentence = _of_network(results.name, results.network, answers)
    tiles = (*_speedups(results.network), *_from_which_ratio(answers))
    return Headline(answer, sentence, _details(answers), tiles)


def _of_network(name: str, network: Document, answers: tuple[LayerAnswer, ...]) -> tuple[str, str]:
    speedup = network.get("speedup") or {}
    chip, layer = speedup.get("one_chip"), speedup.get("per_layer")
    if chip is not None and chip > 1 + _MARGIN:
        return "Yes.", (
            f"Pruned as it is, {name} runs {times(chip)} as fast on one sparse accelerator as on"
            " the best dense one of the same silicon area."
        )
    whole = _whole_network(name, chip)
    if layer is not None and layer > 1 + _MARGIN:
        gaining = joined(one.name for one in answers if one.pays) or "some layers"
        return "In part.", f"With silicon sized for it, pruning pays for {gaining}; {whole}."
    if chip is not None or layer is not None:
        return "No.", f"At the ratios it has, pruning does not pay: {whole}."
    if any(one.pays for one in answers):
        paying = joined(one.name for one in answers if one.pays)
        return "In part.", f"Pruning pays for {paying} of {name}; no speedup of the whole is known."
    return "No.", f"Pruning pays for no layer of {name}."


def _whole_network(name: str, chip: float | None) -> str:
    if chip is None:
        return f"for the whole of {name} no comparison on one chip was possible"
    compared = "slower than" if chip < 1 - _MARGIN else "no faster than"
    return (
        f"for the whole of {name}, one sparse accelerator is {compared} the best dense one of the"
        f" same silicon area ({times(chip)})"
    )


def _of_layers(name: str, answers: tuple[LayerAnswer, ...]) -> Headline:
    """Answer for layers alone, where nobody asked for the whole network."""
    if len(answers) == 1:
        one = answers[0]
        if one.ratio is None:
            sentence = f"Pruning {one.name} of {name} never pays in the range looked at."
            return Headline("No.", sentence, _reasons(answers), ())
        sentence = (
            f"Pruning {one.name} of {name} pays from a ratio of {times(one.ratio)} on"
            f" ({100 * (1 - 1 / one.ratio):.0f} % of its weights removed), at equal silicon area."
        )
        between = one.interval_text
        details = () if between is None else (f"The break-even ratio lies in {between}.",)
        return Headline("", sentence, details, ())
    paying = [one for one in answers if one.ratio is not None]
    sentence = f"Pruning can pay for {len(paying)} of {len(answers)} layers of {name}."
    return Headline("", sentence, _details(answers), _from_which_ratio(answers))


def _details(answers: tuple[LayerAnswer, ...]) -> tuple[str, ...]:
    sentences = []
    paying = [one for one in answers if one.pays]
    if paying:
        sentences.append(f"Prune {joined(_stands(one) for one in paying)}.")
    dense = [one for one in answers if one.verdict == "keep_dense"]
    if dense:
        sentences.append(f"Keep {joined(_stands(one) for one in dense)} dense.")
    return tuple(sentences)


def _stands(one: LayerAnswer) -> str:
    """Name a layer with where it is and where it would have to be."""
    given = "" if one.given_ratio is None else f"pruned {times(one.given_ratio)}, "
    if one.ratio is None:
        return f"{one.name} ({given}pays at no ratio)"
    return f"{one.name} ({given}pays from {times(one.ratio)} on)"


def _reasons(answers: tuple[LayerAnswer, ...]) -> tuple[str, ...]:
    return tuple(one.reason for one in answers if one.reason)


def _speedups(network: Document) -> tuple[Tile, ...]:
    speedup = network.get("speedup") or {}
    reasons = network.get("reason") or {}
    tiles = []
    for key, (label, meaning) in _WAYS.items():
        if speedup.get(key) is not None:
            tiles.append(Tile(times(speedup[key]), f"speedup, {label}", meaning))
        elif reasons.get(key):
            tiles.append(Tile("unknown", f"speedup, {label}", str(reasons[key])))
    return tuple(tiles)


def _from_which_ratio(answers: tuple[LayerAnswer, ...]) -> tuple[Tile, ...]:
    known = sorted((one.ratio, one.name) for one in answers if one.ratio is not None)
    if not known:
        return ()
    (low, first), (high, last) = known[0], known[-1]
    if len(known) == 1:
        meaning = "Its break-even ratio: all weights / kept weights."
        return (Tile(times(low), f"pruning {first} pays from", meaning),)
    return (
        Tile(
            f"{times(low)} to {times(high)}",
            "pruning pays from",
            f"Break-even ratios (all weights / kept weights), from {first} to {last}.",
        ),
    )
