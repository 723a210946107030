"""Loss and update rules in NumPy float64, in every form that a framework's stock optimiser has."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from models.forms import Forms
from models.optimizers import SGD, Adam, AdamW, decays, rate_at

if TYPE_CHECKING:
    from models.contract import Labels
    from models.reference_layers import Array

    Arrays = dict[str, Array]


def cross_entropy(logits: Array, labels: Labels, smoothing: float = 0.0) -> tuple[float, Array]:
    """Mean softmax cross-entropy, and its derivative by the logits.

    Args:
        logits: shape (examples, classes).
        labels: shape (examples,).
        smoothing: share of each label that is spread evenly over all classes.
    """
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    wanted = np.full(logits.shape, smoothing / logits.shape[1])
    wanted[np.arange(len(labels)), labels] += 1.0 - smoothing
    losses = -(wanted * log_probabilities).sum(axis=1)
    return float(losses.mean()), (np.exp(log_probabilities) - wanted) / len(labels)


@dataclass
class OptimizerState:
    """An update rule and what it remembers; called with weights and gradients, it returns the new weights."""

    optimizer: Adam | AdamW | SGD
    forms: Forms = field(default_factory=Forms)
    step: int = 0
    first: Arrays = field(default_factory=dict)
    second: Arrays = field(default_factory=dict)

    def __call__(self, weights: Arrays, gradients: Arrays) -> Arrays:
        """The weights after one more step."""
        rate = rate_at(self.optimizer, self.step)
        self.step += 1
        if isinstance(self.optimizer, SGD):
            rule = self.optimizer
            return {name: self._descended(rule, name, array, gradients[name], rate) for name, array in weights.items()}
        decay = self.optimizer.weight_decay if isinstance(self.optimizer, AdamW) else 0.0
        return {
            name: array - rate * decay * decays(name) * array - self._adam(self.optimizer, name, gradients[name], rate)
            for name, array in weights.items()
        }

    def _descended(self, rule: SGD, name: str, weight: Array, gradient: Array, rate: float) -> Array:
        decay = rule.weight_decay * decays(name)
        if self.forms.decay == "coupled":
            gradient, shrunk = gradient + decay * weight, weight
        else:
            shrunk = weight - rate * decay * weight
        inside = self.forms.momentum == "rate-inside"
        change = -rate * gradient if inside else gradient
        if rule.momentum:
            velocity = rule.momentum * self.first.get(name, 0.0) + change
            self.first[name] = velocity
            change = rule.momentum * velocity + change if rule.nesterov else velocity
        return shrunk + change if inside else shrunk - rate * change

    def _adam(self, adam: Adam | AdamW, name: str, gradient: Array, rate: float) -> Array:
        """What is subtracted from the weight ``name``."""
        first = adam.beta_1 * self.first.get(name, 0.0) + (1.0 - adam.beta_1) * gradient
        second = adam.beta_2 * self.second.get(name, 0.0) + (1.0 - adam.beta_2) * gradient**2
        self.first[name], self.second[name] = first, second
        first_correction = 1.0 - adam.beta_1**self.step
        second_correction = 1.0 - adam.beta_2**self.step
        if self.forms.adam == "bias-corrected":
            root: Array = np.sqrt(second / second_correction)
            return rate * (first / first_correction) / (root + adam.epsilon)
        root = np.sqrt(second)
        return rate * math.sqrt(second_correction) / first_correction * first / (root + adam.epsilon)
