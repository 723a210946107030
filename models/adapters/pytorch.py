"""PyTorch, eager: an ``nn.Sequential``, a ``DataLoader`` and a loop written by hand.

PyTorch keeps images as NCHW and kernels as OIHW, so arrays are turned round on their way in and out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

from models.contract import AdamForm, Device, DeviceUnavailableError, Images, Labels, Precision, Weights
from models.spec import SGD, Adam, Convolution, Dense, Dropout, Flatten, MaxPool, Spec

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

Batch = tuple[Tensor, Tensor]


class Adapter:
    """One network trained by PyTorch; the members are described in :class:`models.contract.Adapter`."""

    adam_form: ClassVar[AdamForm] = "bias-corrected"

    def __init__(self, spec: Spec, weights: Weights | None, device: Device, precision: Precision, seed: int) -> None:
        if precision != "float32":
            raise ValueError(f"unknown precision {precision!r}; known: float32")
        self.device = _device(device)
        torch.manual_seed(seed)
        self.spec = spec
        self.model = nn.Sequential(*_modules(spec))
        if weights is not None:
            self._set(weights)
        self.model.to(self.device)
        self.loss = nn.CrossEntropyLoss()
        self.optimizer = _optimizer(spec, self.model)
        self.shuffler = torch.Generator().manual_seed(seed)

    def to_device(self, images: Images, labels: Labels) -> Batch:
        return self._to_device(torch.from_numpy(images), torch.from_numpy(labels))

    def training_step(self, batch: Batch) -> Tensor:
        images, labels = batch
        self.model.train()
        self.optimizer.zero_grad()
        loss: Tensor = self.loss(self.model(images), labels)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def train_epoch(self, images: Images, labels: Labels, order: NDArray[np.int64] | None, batch_size: int) -> float:
        sampler = RandomSampler(range(len(labels)), generator=self.shuffler) if order is None else order.tolist()
        # A sampler of whole batches with ``batch_size=None`` is the documented way to index the
        # data set once for each batch, instead of once for each example.
        loader = DataLoader(
            TensorDataset(torch.from_numpy(images), torch.from_numpy(labels)),
            sampler=BatchSampler(sampler, batch_size, drop_last=False),
            batch_size=None,
            pin_memory=self.device.type == "cuda",
        )
        total = torch.zeros((), device=self.device)
        for batch_images, batch_labels in loader:
            total += self.training_step(self._to_device(batch_images, batch_labels)) * len(batch_labels)
        return float(total) / len(sampler)

    def logits(self, images: Images) -> NDArray[np.float32]:
        self.model.eval()
        with torch.inference_mode():
            outputs: Tensor = self.model(_nchw(torch.from_numpy(images).to(self.device)))
        return outputs.cpu().numpy()

    def weights(self) -> Weights:
        named = zip(self.spec.parameter_shapes(), self.model.parameters(), strict=True)
        return {name: self._to_canonical(name, parameter.detach().cpu().numpy()) for name, parameter in named}

    def synchronize(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def peak_device_memory_bytes(self) -> int | None:
        return torch.cuda.max_memory_allocated(self.device) if self.device.type == "cuda" else None

    def _to_device(self, images: Tensor, labels: Tensor) -> Batch:
        return _nchw(images.to(self.device, non_blocking=True)), labels.to(self.device, non_blocking=True)

    def _set(self, weights: Weights) -> None:
        with torch.no_grad():
            for name, parameter in zip(self.spec.parameter_shapes(), self.model.parameters(), strict=True):
                parameter.copy_(torch.from_numpy(self._from_canonical(name, weights[name])))

    def _to_canonical(self, name: str, array: NDArray[np.float32]) -> NDArray[np.float32]:
        """OIHW to HWIO, (out, in) to (in, out); always a copy, since PyTorch goes on writing to its own."""
        if array.ndim == 4:
            return array.transpose(2, 3, 1, 0).copy()
        if name == "dense_1/kernel":  # its rows follow the flattening: NCHW here, NHWC in the canonical layout
            height, width, channels = _before_flatten(self.spec)
            return array.T.reshape(channels, height, width, -1).transpose(1, 2, 0, 3).reshape(array.T.shape).copy()
        return array.T.copy()

    def _from_canonical(self, name: str, array: NDArray[np.float32]) -> NDArray[np.float32]:
        if array.ndim == 4:
            return array.transpose(3, 2, 0, 1)
        if name == "dense_1/kernel":
            height, width, channels = _before_flatten(self.spec)
            return array.reshape(height, width, channels, -1).transpose(2, 0, 1, 3).reshape(array.shape).T
        return array.T


def _device(device: Device) -> torch.device:
    if device == "cuda":
        if not torch.cuda.is_available():
            raise DeviceUnavailableError(f"PyTorch {torch.__version__} sees no CUDA device")
        # TensorFloat-32 keeps 10 bits of the mantissa: fast, but not float32.
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
    return torch.device(device)


def _nchw(images: Tensor) -> Tensor:
    return images.permute(0, 3, 1, 2).contiguous()


def _before_flatten(spec: Spec) -> tuple[int, ...]:
    """Height, width and channels of what is flattened; a dense layer always has a flatten before it."""
    kinds = [type(layer) for layer in spec.layers]
    return (spec.input_shape, *spec.shapes())[kinds.index(Flatten)]


def _modules(spec: Spec) -> Iterator[nn.Module]:
    for layer, before in zip(spec.layers, (spec.input_shape, *spec.shapes()), strict=False):
        if isinstance(layer, Convolution):
            yield nn.Conv2d(before[-1], layer.filters, layer.kernel, padding=layer.padding)
            yield nn.ReLU()
        elif isinstance(layer, MaxPool):
            yield nn.MaxPool2d(layer.size)
        elif isinstance(layer, Flatten):
            yield nn.Flatten()
        elif isinstance(layer, Dropout):
            yield nn.Dropout(layer.rate)
        elif isinstance(layer, Dense):
            yield nn.Linear(before[-1], layer.units)
            if layer.relu:
                yield nn.ReLU()


def _optimizer(spec: Spec, model: nn.Module) -> torch.optim.Optimizer:
    rule = spec.optimizer
    if isinstance(rule, SGD):
        return torch.optim.SGD(model.parameters(), lr=rule.learning_rate)
    if isinstance(rule, Adam):
        betas = (rule.beta_1, rule.beta_2)
        return torch.optim.Adam(model.parameters(), lr=rule.learning_rate, betas=betas, eps=rule.epsilon)
    return torch.optim.Adam(model.parameters(), lr=rule.learning_rate)
