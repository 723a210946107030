"""The update rules that parity is proven with: of the workload's own kind, with constants that are no one's default."""

from __future__ import annotations

from dataclasses import replace

from models.optimizers import SGD, Adam, AdamW, Optimizer, Schedule, Steps, WarmupCosine, schedule_of

PROBE_OPTIMIZER = Adam(learning_rate=1e-3, beta_1=0.8, beta_2=0.98, epsilon=1e-3)
"""Constants that are no framework's default, and an epsilon as large as the gradients: then a constant that is
not passed on, or the other form of Adam, changes the weights by per cents, and rounding does not."""

_DECAYING = AdamW(learning_rate=1e-3, beta_1=0.8, beta_2=0.98, epsilon=1e-3, weight_decay=2.0)
_DESCENT = SGD(learning_rate=0.01, momentum=0.8, weight_decay=0.05)
"""So much decay that it is a good part of each step, as gradients are about 0.01 and weights about 0.1."""

_STEPS = Steps((2, 5), 0.5)
_WARMUP_COSINE = WarmupCosine(warmup_steps=3, decay_steps=6, start=0.25, end=0.125)
"""Within ten steps, each goes through all that it has."""


def is_momentum(rule: Optimizer) -> bool:
    """Whether a rule is gradient descent with anything that needs a proof of its own."""
    return isinstance(rule, SGD) and (rule.momentum > 0.0 or rule.weight_decay > 0.0 or rule.schedule is not None)


def probe_rule(rule: Optimizer, *, small_steps: bool) -> Adam | AdamW | SGD:
    """The rule that ten steps are taken with.

    Args:
        rule: what the workload is trained by.
        small_steps: whether the network is one in which rounding grows along the way: with a hundredth of the learning
            rate it hardly has a way to grow along, and mistakes are the same share of each step.
    """
    probe: Adam | AdamW | SGD = PROBE_OPTIMIZER
    if isinstance(rule, AdamW):
        probe = _DECAYING
    elif isinstance(rule, SGD) and is_momentum(rule):
        momentum = _DESCENT.momentum if rule.momentum else 0.0
        decay = _DESCENT.weight_decay if rule.weight_decay else 0.0
        probe = replace(_DESCENT, momentum=momentum, weight_decay=decay, nesterov=rule.nesterov)
    rate = probe.learning_rate * (0.01 if small_steps else 1.0)
    return replace(probe, learning_rate=rate, schedule=_probe_schedule(schedule_of(rule)))


def _probe_schedule(schedule: Schedule | None) -> Schedule | None:
    if schedule is None:
        return None
    return _STEPS if isinstance(schedule, Steps) else _WARMUP_COSINE
