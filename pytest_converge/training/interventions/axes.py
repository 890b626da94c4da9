"""Arrays whose numbers are brought to the places to which they belong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_converge.columns.order_of_axes import Misplaced
from pytest_converge.core.numbers import listed, number
from pytest_converge.training.data.arrays import map_named
from pytest_converge.training.data.batches import ArrayData
from pytest_converge.training.interventions.intervention import Intervention

__all__ = ["reordered"]


def reordered(found: Sequence[Misplaced]) -> Intervention:
    """Arrays in another order of their numbers, of the same shapes.

    Args:
        found: one or more.
    """
    orders = {each.name: each.order for each in found}

    def moved(name: str, array: Any) -> Any:
        return orders[name].of(array) if name in orders else array

    def data(rows: ArrayData) -> ArrayData:
        return rows.with_arrays(map_named(rows.arrays, moved))

    return Intervention(
        code="labels-unrelated",
        change=listed(tuple(each.order.words.format(a=each.name) for each in found)),
        fix="\n".join(f"{name} = {order.code(name)}" for name, order in orders.items()),
        where=tuple(orders),
        fault=" and ".join(map(_seen, found)),
        data=data,
        redefines_loss=any(each.name.startswith("y") for each in found),
    )


def _seen(found: Misplaced) -> str:
    name, before, after = found.name, number(found.before, 2), number(found.after, 2)
    if not found.by_place:
        return (
            f"places side by side in {name} are not alike: their correlation is {before}, and"
            f" {after} where it is transposed"
        )
    pair = f"{name} and the inputs" if name.startswith("y") else f"{name} and the targets"
    return (
        f"{pair} do not belong together place by place: from what is around it a target is"
        f" predicted without the model with skill {before}, in another order with {after}"
    )
