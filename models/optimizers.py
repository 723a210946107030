"""The update rules and learning-rate schedules, as plain data. Every constant is explicit: no default applies.

Weight decay pulls kernels alone towards zero, never biases nor the scales of batch normalisation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Steps:
    """The rate is multiplied by ``factor`` whenever so many steps have been taken.

    Args:
        boundaries: numbers of steps, rising.
        factor: of each fall.
    """

    boundaries: tuple[int, ...]
    factor: float = 0.1

    def share(self, step: int) -> float:
        """Share of the learning rate with which step ``step``, counted from 0, is taken."""
        return self.factor ** sum(boundary <= step for boundary in self.boundaries)


@dataclass(frozen=True)
class WarmupCosine:
    """The rate rises in a straight line, then falls along half a cosine (Loshchilov and Hutter, arXiv 1608.03983).

    Args:
        warmup_steps: of the rise; after so many the rate is whole.
        decay_steps: of the fall after it; then the rate stays.
        start: share of the rate at the first step.
        end: share of it at last.
    """

    warmup_steps: int
    decay_steps: int
    start: float = 0.01
    end: float = 0.0

    def share(self, step: int) -> float:
        """Share of the learning rate with which step ``step``, counted from 0, is taken."""
        if step < self.warmup_steps:
            return self.start + (1.0 - self.start) * step / self.warmup_steps
        passed = min(1.0, (step - self.warmup_steps) / self.decay_steps)
        return self.end + (1.0 - self.end) * 0.5 * (1.0 + math.cos(math.pi * passed))


Schedule = Steps | WarmupCosine


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba, arXiv 1412.6980)."""

    learning_rate: float = 1e-3
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    schedule: Schedule | None = None


@dataclass(frozen=True)
class AdamW:
    """Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101): kernels lose a share of themselves.

    Args:
        learning_rate: of both parts.
        beta_1: as in :class:`Adam`.
        beta_2: as in :class:`Adam`.
        epsilon: as in :class:`Adam`.
        weight_decay: times the learning rate, the share of each kernel that a step takes away.
        schedule: of the learning rate; None: constant.
    """

    learning_rate: float = 1e-3
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.01
    schedule: Schedule | None = None


@dataclass(frozen=True)
class SGD:
    """Gradient descent, with momentum or without. With ``learning_rate`` 1 alone, the change is the gradient itself.

    Args:
        learning_rate: of each step.
        momentum: share of the last change that the next one keeps.
        nesterov: whether the gradient is that of where momentum leads (Sutskever et al., 2013).
        weight_decay: of kernels; whether it goes through the momentum is a form in which frameworks differ.
        schedule: of the learning rate; None: constant.
    """

    learning_rate: float = 1.0
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    schedule: Schedule | None = None


@dataclass(frozen=True)
class DefaultAdam:
    """Adam with the constants that the framework's own optimiser has by default; no reference can know them."""

    learning_rate: float = 1e-3


Optimizer = Adam | AdamW | SGD | DefaultAdam


def schedule_of(rule: Optimizer) -> Schedule | None:
    """The schedule of a rule; None if its rate is constant."""
    return None if isinstance(rule, DefaultAdam) else rule.schedule


def rate_at(rule: Optimizer, step: int) -> float:
    """Learning rate of step ``step``, counted from 0."""
    schedule = schedule_of(rule)
    return rule.learning_rate * (schedule.share(step) if schedule else 1.0)


def decays(name: str) -> bool:
    """Whether weight decay concerns the array of this name."""
    return name.endswith("/kernel")
