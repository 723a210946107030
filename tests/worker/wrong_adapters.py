"""PyTorch adapters with one mistake each, of the kind that people make when they port a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from models.adapters import pytorch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.contract import AdamForm, Images, Labels, Weights

    Order = NDArray[np.int64] | None


class PaddingBefore(pytorch.Adapter):
    """Pads images on the upper and left side only, where "same" padding is on both."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for module in self.model:
            if isinstance(module, nn.Conv2d) and module.padding == "same":
                module.padding = (0, 0)
                module.register_forward_pre_hook(_pad_before)


class EpsilonOfKeras(pytorch.Adapter):
    """Trains with Keras' default epsilon wherever PyTorch's default is asked for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for group in self.optimizer.param_groups:
            group["eps"] = 1e-7 if group.get("eps") == 1e-8 else group.get("eps")


class DefaultBetas(pytorch.Adapter):
    """Leaves Adam's second beta at PyTorch's default."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for group in self.optimizer.param_groups:
            group["betas"] = (group.get("betas", (0.9,))[0], 0.999)


class OtherFormOfAdam(pytorch.Adapter):
    """Declares the form of Adam that PyTorch does not have."""

    adam_form: ClassVar[AdamForm] = "epsilon-hat"


class FlattenedAsNCHW(pytorch.Adapter):
    """Gives the first dense layer its rows in canonical order, though PyTorch flattens in another."""

    def _to_canonical(self, name: str, array: NDArray[np.float32]) -> NDArray[np.float32]:
        return array.T.copy() if name == "dense_1/kernel" else super()._to_canonical(name, array)

    def _from_canonical(self, name: str, array: NDArray[np.float32]) -> NDArray[np.float32]:
        return array.T if name == "dense_1/kernel" else super()._from_canonical(name, array)


class ReshapedToNCHW(pytorch.Adapter):
    """Reinterprets NHWC memory as NCHW instead of moving the axes."""

    def logits(self, images: Images) -> NDArray[np.float32]:
        """Outputs for images whose axes are mixed up."""
        with torch.inference_mode():
            outputs: Tensor = self.model(_reshaped(torch.from_numpy(images)))
        return outputs.numpy()

    def _to_device(self, images: Tensor, labels: Tensor) -> pytorch.Batch:
        return _reshaped(images), labels


class MissingBias(pytorch.Adapter):
    """Has no bias in its first convolution."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        bias = _convolutions(self)[0].bias
        assert bias is not None
        nn.init.zeros_(bias).requires_grad = False

    def weights(self) -> Weights:
        """All weights but that bias."""
        return {name: array for name, array in super().weights().items() if name != "convolution_1/bias"}


class FrozenKernel(pytorch.Adapter):
    """Never trains its second convolution's kernel."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _convolutions(self)[1].weight.requires_grad = False


class SummedLoss(pytorch.Adapter):
    """Sums the loss over the batch instead of averaging it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.loss = nn.CrossEntropyLoss(reduction="sum")


class StoredOrder(pytorch.Adapter):
    """Visits the examples as they are stored."""

    def train_epoch(self, images: Images, labels: Labels, order: Order, batch_size: int) -> float:
        """Train once, in the order of storage."""
        return super().train_epoch(images, labels, np.sort(_given(order)), batch_size)


class BatchesSwapped(pytorch.Adapter):
    """Trains the right batches, the second one before the first."""

    def train_epoch(self, images: Images, labels: Labels, order: Order, batch_size: int) -> float:
        """Train once, with the first two batches exchanged."""
        first, second, rest = np.split(_given(order), [batch_size, 2 * batch_size])
        return super().train_epoch(images, labels, np.concatenate([second, first, rest]), batch_size)


class LastBatchDropped(pytorch.Adapter):
    """Leaves out the last batch because it is smaller."""

    def train_epoch(self, images: Images, labels: Labels, order: Order, batch_size: int) -> float:
        """Train once over the whole batches only."""
        whole = len(labels) // batch_size * batch_size
        return super().train_epoch(images, labels, _given(order)[:whole], batch_size)


def _given(order: Order) -> NDArray[np.int64]:
    assert order is not None, "parity is proven in a given order"
    return order


def _pad_before(module: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
    assert isinstance(module, nn.Conv2d)
    width = module.kernel_size[0] - 1
    return nn.functional.pad(inputs[0], (width, 0, width, 0))


def _reshaped(images: Tensor) -> Tensor:
    count, height, width, channels = images.shape
    return images.reshape(count, channels, height, width)


def _convolutions(adapter: pytorch.Adapter) -> list[nn.Conv2d]:
    return [module for module in adapter.model if isinstance(module, nn.Conv2d)]
