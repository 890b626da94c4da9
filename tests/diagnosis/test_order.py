"""The order of evidence as a whole: what is tried, and what answers by itself, before what."""

from __future__ import annotations

from pytest_converge.diagnosis.causes import every_cause
from pytest_converge.diagnosis.order import Place

#: A line a place; whoever moves one moves it here too, and sees what it comes before.
ORDER = """\
not finite: tries nonfinite-data
not trained: tries frozen-variables
made anew: tries optimizer-reset, uncleared-gradients
sign: tries uphill-steps; answers uphill-steps
output and loss: tries labels-unrelated, output-loss-mismatch, unread-data
labels: tries label-encoding; answers label-encoding, output-loss-mismatch
half precision: tries exploding-gradient
momentum: tries momentum-too-high
weight decay: tries regularisation-too-strong
schedule: tries learning-rate-too-low
stopped: tries too-few-steps
callbacks: tries harmful-callback
clipping: tries learning-rate-too-low
weights: tries learning-rate-too-high, unread-data
penalties: tries regularisation-too-strong
batch statistics: tries batch-normalisation
padding: tries unmasked-padding
order of rows: tries unshuffled-data
misaligned rows: tries class-imbalance, label-encoding, labels-unrelated; answers labels-unrelated
features: tries unscaled-features
targets: tries output-loss-mismatch, unscaled-targets
features and targets: tries unscaled-features
rectifiers: tries dead-units
chosen start: tries bad-initialisation
activations: tries exploding-gradient, vanishing-gradient
drawn anew: tries bad-initialisation
drawn anew and activations: tries vanishing-gradient
smaller start: tries bad-initialisation
scale and rate: tries unscaled-features
loss terms: tries regularisation-too-strong
linear model: tries too-small-capacity
rare classes: answers class-imbalance
broken gradient: tries exploding-gradient
stationary: tries bad-initialisation; answers saddle-point
no slope: tries bad-initialisation, plateau; answers plateau
end at rest: tries saddle-point
learning rate: answers learning-rate-too-high
uphill: tries uphill-steps
chosen initialisers: tries bad-initialisation
stationary on batches: answers saddle-point
nothing learnt: tries output-loss-mismatch
no gradient: tries frozen-variables; answers frozen-variables
contradictions: answers unreachable-target
two encodings: answers label-encoding
cliff: tries exploding-gradient
more steps: tries too-few-steps
farther rates: answers learning-rate-too-high
rate and steps: tries unscaled-targets; answers learning-rate-too-high
capacity: tries output-loss-mismatch, too-small-capacity; answers class-imbalance
own code: tries output-loss-mismatch
at rest: tries local-minimum; answers local-minimum
many more steps: tries too-few-steps
clipped: tries exploding-gradient
other optimizer: tries plateau; answers plateau
decaying rate: tries learning-rate-too-high
other starts: answers local-minimum
not finite seen: answers nonfinite-data
no slope seen: answers dead-units, plateau
padding seen: answers unmasked-padding
seen in the step: answers batch-normalisation, exploding-gradient, frozen-variables, \
label-encoding, labels-unrelated, optimizer-reset, output-loss-mismatch, too-small-capacity, \
unread-data, uphill-steps, vanishing-gradient
contradictions seen: answers unreachable-target
term seen: answers regularisation-too-strong
unread targets: answers unread-data
floor: answers unreachable-target
still falling: answers too-few-steps
related targets: answers unreachable-target
dead layers: answers dead-units
unrelated targets: answers labels-unrelated
unread inputs: answers unread-data
"""


def test_the_order_of_evidence():
    lines = []
    for place in Place:
        seen: dict[str, set[str]] = {"tries": set(), "answers": set()}
        for code, cause in every_cause().items():
            for step in cause.steps:
                if step.place is place:
                    seen["tries" if step.repairs else "answers"].add(code)
        parts = [f"{does} {', '.join(sorted(codes))}" for does, codes in seen.items() if codes]
        lines.append(f"{place.name.lower().replace('_', ' ')}: {'; '.join(parts)}\n")
    assert "".join(lines) == ORDER
