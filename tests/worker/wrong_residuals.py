"""PyTorch adapters of a residual network with one mistake each, of the kind that people make when they port one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from models.adapters import pytorch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from models.contract import Images


class _Changed(pytorch.Adapter):
    """Changes what was built."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for module in self.model.modules():
            self.change(module)

    def change(self, module: nn.Module) -> None:
        """One module of the network."""

    def change_groups(self, **values: Any) -> None:
        """Every group of parameters, where the optimiser knows such a constant."""
        for group in self.optimizer.param_groups:
            group.update({name: value for name, value in values.items() if name in group})


class MomentumSwapped(_Changed):
    """Takes the share that is kept for the share of the new, as who comes from Keras does."""

    def change(self, module: nn.Module) -> None:
        """The running statistics of batch normalisation."""
        if isinstance(module, nn.BatchNorm2d) and module.momentum is not None:
            module.momentum = 1.0 - module.momentum


class BiasedVariance(_Changed):
    """Keeps the variance that a batch is normalised by, as Keras and Flax do."""

    def change(self, module: nn.Module) -> None:
        """The running variance."""
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_pre_hook(_keep_biased)


class ShortcutWithoutStride(_Changed):
    """Halves the shortcut by averaging instead of by its stride."""

    def change(self, module: nn.Module) -> None:
        """The convolution of a shortcut."""
        if isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1):
            module.stride = (1, 1)
            module.register_forward_pre_hook(lambda _, inputs: nn.functional.avg_pool2d(inputs[0], 2, ceil_mode=True))


class PaddingOnOneSide(_Changed):
    """Pads as TensorFlow's "same" does at stride 2: after the image more than before."""

    def change(self, module: nn.Module) -> None:
        """The first convolution."""
        if isinstance(module, nn.Conv2d) and module.in_channels == 2:
            module.padding = (0, 0)
            module.register_forward_pre_hook(lambda _, inputs: nn.functional.pad(inputs[0], (0, 2, 0, 2)))


class OtherEpsilon(_Changed):
    """Keeps PyTorch's epsilon where the network asks for another."""

    def change(self, module: nn.Module) -> None:
        """The one normalisation that has another."""
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-5


class AlwaysTraining(_Changed):
    """Forgets to switch to evaluation."""

    def logits(self, images: Images) -> NDArray[np.float32]:
        """Outputs normalised by the very images."""
        momenta = {one: one.momentum for one in self.model.modules() if isinstance(one, nn.BatchNorm2d)}
        for module in momenta:
            module.momentum = 0.0
        self.model.eval = self.model.train  # type: ignore[method-assign]
        outputs = super().logits(images)
        for module, momentum in momenta.items():
            module.momentum = momentum
        return outputs


class DecayOnBiases(_Changed):
    """Lets every array decay, as the optimiser does that is given one list of parameters."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.change_groups(weight_decay=max(group["weight_decay"] for group in self.optimizer.param_groups))


class NoDecay(_Changed):
    """Leaves weight decay out."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.change_groups(weight_decay=0.0)


class CoupledAsDecoupled(_Changed):
    """Takes decay from the weights, past the momentum, and declares the other form."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.decay = max(group["weight_decay"] for group in self.optimizer.param_groups)
        self.change_groups(weight_decay=0.0)

    def training_step(self, batch: pytorch.Batch) -> Tensor:
        """Shrink kernels, then step."""
        group = self.optimizer.param_groups[0]
        with torch.no_grad():
            for parameter in group["params"] if self.decay else ():
                parameter.mul_(1.0 - group["lr"] * self.decay)
        return super().training_step(batch)


class NoSchedule(_Changed):
    """Never changes the learning rate."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.schedule = None


class NoNesterov(_Changed):
    """Uses plain momentum."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.change_groups(nesterov=False)


class NoSmoothing(pytorch.Adapter):
    """Trains with hard labels."""

    def __init__(self, spec: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(replace(spec, label_smoothing=0.0), *args, **kwargs)


def _keep_biased(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    """Shrink what is about to be added to the running variance, by adding the rest of it to what is there."""
    if not module.training or not isinstance(module, nn.BatchNorm2d):
        return
    assert module.running_var is not None
    assert module.momentum is not None
    values = inputs[0].detach()
    surplus = values.var(dim=(0, 2, 3), unbiased=True) - values.var(dim=(0, 2, 3), unbiased=False)
    # After the layer has kept (1 - m) of this and added m of the unbiased one, the surplus is gone.
    module.running_var -= surplus * module.momentum / (1.0 - module.momentum)
