"""Arrays whose numbers are brought to the places to which they belong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pytest_converge.columns.order_of_axes import Misplaced
from pytest_converge.columns.turned_apart import TurnedApart, turned, turned_apart
from pytest_converge.core.numbers import listed, number, share
from pytest_converge.training.data.arrays import batch_leaves, map_named
from pytest_converge.training.data.batches import ArrayData
from pytest_converge.training.interventions.intervention import Intervention

__all__ = ["inputs_and_targets", "reordered", "turned_back"]

#: Where each axis of a picture leads.
WAYS = {1: "up_down", 2: "left_right"}


def inputs_and_targets(rows: ArrayData) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arrays that rows are made of, by name."""
    leaves = list(batch_leaves(rows.arrays))
    inputs, targets = ({n: a for n, a in leaves if n[0] == part} for part in "xy")
    return inputs, targets


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


def turned_back(found: TurnedApart, channels: int) -> Intervention:
    """Targets turned back in the rows in which they are turned against their pictures.

    Which ones these are is told anew of the rows of each start, which toss for themselves.

    Args:
        found: what was seen of the rows of the first start.
        channels: of the pictures.
    """

    def data(rows: ArrayData) -> ArrayData:
        seen = turned_apart(*inputs_and_targets(rows))
        if seen is None:
            return rows
        ways = np.array(seen.ways)
        return rows.with_arrays(
            map_named(
                rows.arrays, lambda name, array: turned(array, ways) if name == seen.name else array
            )
        )

    name, way = found.name, WAYS.get(found.axis)
    if way:
        flip = f"tf.image.random_flip_{way}(tf.concat([x, {name}], axis=-1))"
        parts = f"x, {name} = both[..., :{channels}], both[..., {channels}:]"
        fix, how = f"both = {flip}; {parts}  # in the map of the data set", "mirrored"
    else:
        fix = f"# turn and mirror x and {name} of a row by the same draws, as by one seed for both"
        how = "turned"
    return Intervention(
        code="labels-unrelated",
        change=f"{name} turned back where it is {how}",
        fix=fix,
        where=(name,),
        fault=(
            f"{share(found.share)} of {name} are {how} against their pictures: these are"
            f" {'flipped' if way else how} apart from each other"
        ),
        data=data,
        redefines_loss=True,
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
