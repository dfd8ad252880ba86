"""How the templates of the pages are found and filled in."""

from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined

from . import quantity

__all__ = ["environment"]


def environment() -> Environment:
    """Return the templates, with the quantities of this room as filters."""
    made = Environment(
        loader=FunctionLoader(_template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    made.filters |= {
        "area": quantity.area,
        "count": quantity.count,
        "energy": quantity.energy,
        "frequency": quantity.frequency,
        "joined": quantity.joined,
        "percent": quantity.percent,
        "rate": quantity.rate,
        "seconds": quantity.seconds,
        "significant": quantity.significant,
        "size": quantity.size,
        "times": quantity.times,
        "words": _words,
    }
    return made


def _template(name: str) -> str:
    return files(__package__).joinpath(f"{name}.html.j2").read_text(encoding="utf-8")


def _words(key: str) -> str:
    return key.replace("_", " ")
