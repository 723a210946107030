"""Where frameworks' stock layers and optimisers differ by design, each way has a name, and an adapter says its own.

Parity then holds an adapter to the form that it declares, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

AdamForm = Literal["bias-corrected", "epsilon-hat"]
"""Which of the two published forms of Adam a framework's stock optimiser is (arXiv 1412.6980).

``bias-corrected`` is algorithm 1, ``m_hat / (sqrt(v_hat) + epsilon)``; ``epsilon-hat`` is the reordering
at the end of section 2, ``rate * sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (sqrt(v) + epsilon)``.
With equal constants they differ wherever the gradient is not large against epsilon.
"""

MomentumForm = Literal["rate-outside", "rate-inside"]
"""Whether the learning rate is in what momentum remembers. ``rate-outside``: ``v = m * v + g``, ``w -= rate * v``;
``rate-inside``: ``v = m * v - rate * g``, ``w += v``. They differ only while the rate changes."""

DecayForm = Literal["coupled", "decoupled"]
"""How SGD's weight decay is applied. ``coupled``: added to the gradient, and so to the momentum; ``decoupled``: taken
from the weight alone, times the rate. AdamW is decoupled everywhere."""

VarianceForm = Literal["biased", "unbiased"]
"""Which variance of a batch enters the running variance of batch normalisation: over ``n``, or over ``n - 1``. What a
training step normalises by is biased everywhere."""


@dataclass(frozen=True)
class Forms:
    """The forms of one framework.

    Args:
        adam: of Adam and AdamW.
        momentum: of SGD with momentum.
        decay: of SGD with weight decay.
        variance: of batch normalisation's running variance.
    """

    adam: AdamForm = "bias-corrected"
    momentum: MomentumForm = "rate-outside"
    decay: DecayForm = "coupled"
    variance: VarianceForm = "unbiased"

    @classmethod
    def declared(cls, names: Mapping[str, str]) -> Forms:
        """Those that an adapter declares, by the names of its class variables: ``{"adam_form": "epsilon-hat"}``.

        What it does not declare is as in PyTorch.
        """
        known = (each.name for each in fields(cls))
        return cls(**{name: names[f"{name}_form"] for name in known if f"{name}_form" in names})  # type: ignore[arg-type]


def forms_of(adapter_class: type) -> dict[str, str]:
    """What :meth:`Forms.declared` takes, read from an adapter's class."""
    names = (f"{each.name}_form" for each in fields(Forms))
    return {name: getattr(adapter_class, name) for name in names if hasattr(adapter_class, name)}
