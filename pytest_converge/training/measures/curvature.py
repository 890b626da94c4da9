"""Curvature of the loss: the ends of the Hessian's spectrum at the present weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from pytest_converge.training.data.batches import Batch, Chunk
from pytest_converge.training.measures.gradients import (
    StepGradient,
    Vector,
    compiled,
    cut,
    flat,
    measured_rows,
    undisturbed,
)
from pytest_converge.training.state.graphs import light_graph_optimizer
from pytest_converge.training.state.snapshot import Snapshot
from pytest_converge.training.training import Training

__all__ = ["Curvature", "curvature", "lanczos", "stability_limit"]

#: Both ends of a network's spectrum are isolated, so that they converge in about this many steps
#: (Ghorbani, Krishnan, Xiao 2019, An investigation into neural net optimization via Hessian
#: eigenvalue density, ICML).
LANCZOS_STEPS = 12
#: A remainder below this part of the largest coefficient is rounding: the space is exhausted.
BREAKDOWN = 1e-6
#: Twelve float64 vectors of this length take 400 MB.
MOST_PARAMETERS = 2**22
#: Step of a central difference over the typical weight: the cube root of float32's epsilon balances
#: truncation and rounding (Nocedal, Wright 2006, Numerical Optimization, section 8.1).
DIFFERENCE = float(np.finfo(np.float32).eps) ** (1 / 3)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curvature:
    """The ends of the spectrum of the Hessian of the loss by all trained variables.

    Attributes:
        largest, smallest: Ritz values after at most 12 steps; exact up to rounding where there are
            no more than 12 different eigenvalues, else never beyond the true ones.
        direction_of_smallest: unit vector, cut into one float64 array a trained variable.
        exact: True for double differentiation, False for differences of gradients.
        rows: rows of the data that were looked at; 1 for a loss without data.
    """

    largest: float
    smallest: float
    direction_of_smallest: tuple[Vector, ...]
    exact: bool
    rows: int

    @property
    def ratio(self) -> float:
        """The smallest eigenvalue over the largest magnitude, from -1 to 1; 0 for no curvature."""
        magnitude = max(abs(self.largest), abs(self.smallest))
        return self.smallest / magnitude if magnitude else 0.0


def curvature(
    training: Training, *, steps: int = LANCZOS_STEPS, gradient: StepGradient | None = None
) -> Curvature | None:
    """Measures the Hessian's ends on at most 256 rows, in training mode.

    Changes no variable. The product with a vector comes from differentiating twice (Pearlmutter
    1994, Fast exact multiplication by the Hessian, Neural Computation 6); where only the step of
    the user knows the loss, from a central difference of its gradients.

    Args:
        training: at the weights of interest.
        steps: Lanczos steps, each a product with a vector.
        gradient: of the training, where there is one that was traced before.

    Returns:
        None where there are no rows to look at, no gradient to be had, too many variables, or
        where a product is not finite.
    """
    chunks = measured_rows(training)
    size = sum(int(np.prod(v.shape)) for v in training.trainable)
    if not chunks or not training.optimizers or size > MOST_PARAMETERS:
        return None
    with undisturbed(training), light_graph_optimizer(0):
        product = None if training.is_recurrent else _by_tapes(training, chunks)
        exact = product is not None
        product = product or _by_differences(training, chunks, gradient or StepGradient(training))
        found = None if product is None else lanczos(product, size, steps)
    if found is None:
        return None
    largest, smallest, direction = found
    return Curvature(
        largest=largest,
        smallest=smallest,
        direction_of_smallest=tuple(cut(direction, training.trainable)),
        exact=exact,
        rows=sum(chunk.rows for chunk in chunks),
    )


def stability_limit(largest: float, momentum: float = 0.0) -> float | None:
    """The learning rate above which gradient descent diverges along the steepest curvature.

    2 (1 + momentum) / largest for heavy-ball momentum as Keras' SGD has it: v = momentum v - rate
    g, w = w + v (Polyak 1964, Some methods of speeding up the convergence of iteration methods;
    Cohen et al. 2021, Gradient descent on neural networks typically occurs at the edge of
    stability, ICLR, equation 1).

    Args:
        largest: the largest Hessian eigenvalue.
        momentum: 0 for plain gradient descent, below 1; not for Nesterov's.

    Returns:
        None where no eigenvalue is positive: there is no limit.
    """
    return 2.0 * (1.0 + momentum) / largest if largest > 0.0 else None


def lanczos(
    product: Callable[[Vector], Vector], size: int, steps: int
) -> tuple[float, float, Vector] | None:
    """The extreme eigenvalues of a symmetric matrix and the direction of the smallest.

    Full reorthogonalisation, twice (Golub, Van Loan 2013, Matrix Computations, section 10.3).

    Args:
        product: the matrix times a vector.
        size: length of the vectors.
        steps: largest dimension of the Krylov space.

    Returns:
        (largest, smallest, unit vector), or None where a product is not finite.
    """
    vector = np.random.default_rng(0).standard_normal(size)
    basis = [vector / np.linalg.norm(vector)]
    diagonal: list[float] = []
    beside: list[float] = []
    for _ in range(min(steps, size)):
        image = product(basis[-1])
        if not np.isfinite(image).all():
            return None
        diagonal.append(float(basis[-1] @ image))
        for _ in range(2):
            for known in basis:
                image = image - (known @ image) * known
        remainder = float(np.linalg.norm(image))
        scale = max(map(abs, [*diagonal, *beside]))
        if remainder <= BREAKDOWN * scale or len(diagonal) == min(steps, size):
            break
        beside.append(remainder)
        basis.append(image / remainder)
    whole = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
    values, vectors = np.linalg.eigh(whole)
    direction = np.stack(basis[: len(diagonal)], axis=1) @ vectors[:, 0]
    return float(values[-1]), float(values[0]), direction / np.linalg.norm(direction)


def _by_tapes(training: Training, chunks: list[Chunk]) -> Callable[[Vector], Vector] | None:
    """The Hessian times a vector, by differentiating the gradient of the training's own step.

    Returns:
        None where the step computes its gradients in a graph of its own.
    """
    variables, transient = training.trainable, Snapshot(training.transient)
    gradient = StepGradient(training)
    held = [tf.Variable(tf.zeros(v.shape, v.dtype), trainable=False) for v in variables]

    def once(batch: Batch) -> list[Any]:
        with tf.GradientTape() as outer:
            gradient.fill(batch)
            pairs = zip(gradient.store.tensors, held, strict=True)
            slope = tf.add_n([_dot(g, v) for g, v in pairs if g is not None])
        products = outer.gradient(slope, variables, unconnected_gradients="zero")
        return [tf.convert_to_tensor(part) for part in products]

    function = compiled(training, once)
    try:
        function(chunks[0].batch)
    except (TypeError, ValueError):  # a tensor of another graph, or no gradient at all
        return None
    rows = sum(chunk.rows for chunk in chunks)

    def product(vector: Vector) -> Vector:
        for place, part in zip(held, cut(vector, variables), strict=True):
            place.assign(part)
        image = np.zeros(len(vector))
        for chunk in chunks:
            transient.restore()  # the same random numbers in every product
            image += flat(function(chunk.batch)) * (chunk.rows / rows)
        return image

    return product


def _dot(gradient: Any, vector: Any) -> Any:
    dense = tf.convert_to_tensor(gradient)
    return tf.reduce_sum(tf.cast(dense * tf.cast(vector, dense.dtype), tf.float32))


def _by_differences(
    training: Training, chunks: list[Chunk], gradient: StepGradient
) -> Callable[[Vector], Vector] | None:
    """The Hessian times a vector, by a central difference of gradients."""
    if gradient.mean(chunks) is None:
        return None
    variables = training.trainable
    base = [v.numpy() for v in variables]
    step = DIFFERENCE * max(1.0, float(np.sqrt(np.mean(flat(base) ** 2))))

    def at(vector: Vector) -> Vector:
        for variable, value, part in zip(variables, base, cut(vector, variables), strict=True):
            variable.assign(value + part.astype(value.dtype))
        return flat(gradient.mean(chunks) or [])

    return lambda vector: (at(step * vector) - at(-step * vector)) / (2 * step)
