"""A small space of designs, for tests of what is done with the answers."""

from dataclasses import replace

from bosquet.cli import breakeven
from bosquet.sim.search_space import SearchSpace
from bosquet.sim.setting import Setting

__all__ = ["FEW_DESIGNS", "setting_of_few"]

FEW_DESIGNS = SearchSpace(
    vectors=(1, 8), windows=(8,), run_aheads=(1, 2), feeds=(2, 4), drains=(1,), drain_cycles=(1,),
    acc_sets=(1,), feed_orders=("natural",),
)  # fmt: skip

_setting_of = breakeven.setting_of


def setting_of_few(*arguments: object) -> Setting:
    """Return what ``bosquet.cli.breakeven.setting_of`` does, with few designs to choose from."""
    # The arguments go on as they come, whatever their types are.
    return replace(_setting_of(*arguments), space=FEW_DESIGNS)  # type: ignore[arg-type]
