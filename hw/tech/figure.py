"""A number of a technology card with its source."""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

__all__ = ["CardPart", "Figure", "PositiveFigure"]


class CardPart(BaseModel):
    """A table of a card: frozen, nothing unknown in it, all numbers finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Figure(CardPart):
    """A number and where it comes from.

    Attributes
    ----------
    value : float
        In the unit that its name in the card says; finite, not negative.
    source : str
        Where it was read, or what it was fitted to and how well; not empty.
    """

    value: float = Field(ge=0)
    source: str = Field(min_length=1)

    def scaled(self, factor: float, reason: str) -> Self:
        """Return the number times a factor, the reason told in its source."""
        value = self.value * factor
        return self.model_copy(update={"value": value, "source": f"{self.source}; {reason}"})


def _positive(figure: Figure) -> Figure:
    if figure.value <= 0:
        raise ValueError(f"value must be greater than 0, not {figure.value:g}")
    return figure


PositiveFigure = Annotated[Figure, AfterValidator(_positive)]
