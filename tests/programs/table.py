"""The table of small programs: how each is called, and what is known of it.

A program is a module of this folder, named by its style. It has

- `healthy()` and `sick()`: the arguments of the verb `VERB`, from the training as it should be and
  from one with a fault; `model=` may be a function that builds it,
- `EXPECT`, the arguments of the expectation, and `EXPECT_SICK` where the fault changes the loss's
  unit,
- `CAUSE`, the code of the fault's cause or "unknown" where none of the codes is honest, and `ALSO`,
  the codes that a careful engineer could defend,
- `plain(arguments, steps)`: the losses of so many steps from a loop of its own,
- `compared()`: the arguments for the comparison with it, where `healthy()` draws at random.

Programs are written as people write them, not as this project is; they are imported when they are
used.
"""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

#: What the first word of a program's name stands for.
STYLES = {
    "accumulate": "gradient accumulation by hand",
    "arrays": "fit with arrays",
    "callbacks": "fit with callbacks",
    "custom": "layers and losses of its own",
    "fitargs": "fit with epochs and a split",
    "generator": "generators and PyDataset",
    "graph": "graph network",
    "io": "several inputs and outputs",
    "loop": "loop of its own",
    "minimize": "minimize",
    "optimizers": "two optimizers in a step",
    "physics": "physics, images, meta-learning",
    "reco": "recommender and embeddings",
    "rl": "simulator and reinforcement",
    "rnn": "recurrent",
    "schedule": "learning-rate schedule",
    "speed": "compilation and precision",
    "text": "text",
    "tf1": "TensorFlow 1 session",
    "tfdata": "tf.data",
    "trainstep": "train_step of its own",
    "transfer": "transfer learning",
    "vision": "images",
}
#: What a call gives as its length, in place of the steps that a comparison asks for.
LENGTHS = ("epochs", "steps_per_epoch")


@dataclasses.dataclass(frozen=True, slots=True)
class Program:
    """A program by its name."""

    name: str

    @property
    def style(self) -> str:
        return STYLES[self.name.partition("_")[0]]

    @property
    def module(self) -> ModuleType:
        return importlib.import_module(f"tests.programs.{self.name}")

    @property
    def verb(self) -> str:
        return self.module.VERB

    def expectation(self, variant: str) -> dict[str, Any]:
        """The arguments of the expectation of "healthy" or "sick"."""
        module = self.module
        return dict(getattr(module, f"EXPECT_{variant.upper()}", module.EXPECT))

    def arguments(self, variant: str, seed: int) -> dict[str, Any]:
        """The arguments of the verb for "healthy" or "sick", drawn from a seed."""
        import keras

        module = self.module
        keras.utils.set_random_seed(seed)
        return getattr(module, variant)()

    def started(self, seed: int) -> dict[str, Any]:
        """The arguments of the verb for a comparison of curves: a built model, batches in order."""
        import keras

        variant = "compared" if hasattr(self.module, "compared") else "healthy"
        arguments = self.arguments(variant, seed)
        if self.verb != "fit":
            return arguments
        if not isinstance(arguments["model"], keras.Model):
            arguments["model"] = arguments["model"]()
        if not has_order_of_its_own(arguments["x"]):
            arguments["shuffle"] = False
        return {name: value for name, value in arguments.items() if name not in LENGTHS}


def has_order_of_its_own(x: Any) -> bool:
    """Whether data come as batches, or from an iterator, rather than as rows to draw from."""
    import keras
    import tensorflow as tf

    batches = isinstance(x, (tf.data.Dataset, keras.utils.PyDataset))
    return batches or hasattr(x, "__next__")


PROGRAMS = tuple(
    Program(path.stem)
    for path in sorted(Path(__file__).parent.glob("*.py"))
    if path.stem.partition("_")[0] in STYLES
)
