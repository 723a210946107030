"""PyTorch, eager: an ``nn.Sequential``, a ``DataLoader`` and a loop written by hand.

PyTorch keeps images as NCHW and kernels as OIHW, so arrays are turned round on their way in and out.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

from models.contract import Device, DeviceUnavailableError, Images, Labels, Precision, Weights, check_precision
from models.optimizers import decays, schedule_of
from models.spec import (
    SGD,
    Activation,
    Adam,
    AdamW,
    AveragePool,
    BatchNorm,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    MaxPool,
    Optimizer,
    Placed,
    Residual,
    Shape,
    Spec,
    Steps,
    activation_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from models.forms import AdamForm, DecayForm, MomentumForm, VarianceForm

Batch = tuple[Tensor, Tensor]


class Adapter:
    """One network trained by PyTorch; the members are described in :class:`models.contract.Adapter`."""

    adam_form: ClassVar[AdamForm] = "bias-corrected"
    momentum_form: ClassVar[MomentumForm] = "rate-outside"
    decay_form: ClassVar[DecayForm] = "coupled"
    variance_form: ClassVar[VarianceForm] = "unbiased"

    def __init__(self, spec: Spec, weights: Weights | None, device: Device, precision: Precision, seed: int) -> None:
        check_precision(precision)
        self.device = _device(device, precision)
        torch.manual_seed(seed)
        self.spec = spec
        self.flattened = _flattened(spec.placed())
        self.model = nn.Sequential(*_modules(spec.placed()))
        if weights is not None:
            self._set(weights)
        self.model.to(self.device)
        self.loss = nn.CrossEntropyLoss(label_smoothing=spec.label_smoothing)
        self.optimizer = _optimizer(spec, self.model)
        self.schedule = _schedule(spec.optimizer, self.optimizer)
        self.shuffler = torch.Generator().manual_seed(seed)
        lower = precision == "bfloat16"
        self.arithmetic = torch.autocast(self.device.type, torch.bfloat16) if lower else contextlib.nullcontext()

    def to_device(self, images: Images, labels: Labels) -> Batch:
        return self._to_device(torch.from_numpy(images), torch.from_numpy(labels))

    def training_step(self, batch: Batch) -> Tensor:
        images, labels = batch
        self.model.train()
        self.optimizer.zero_grad()
        with self.arithmetic:
            loss: Tensor = self.loss(self.model(images), labels)
        loss.backward()
        self.optimizer.step()
        if self.schedule is not None:
            self.schedule.step()
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
        with torch.inference_mode(), self.arithmetic:
            outputs: Tensor = self.model(_nchw(torch.from_numpy(images).to(self.device)))
        return outputs.float().cpu().numpy()

    def weights(self) -> Weights:
        named = zip(self.spec.parameter_shapes(), self.model.parameters(), strict=True)
        return {name: self._to_canonical(name, parameter.detach().cpu().numpy()) for name, parameter in named}

    def running_statistics(self) -> Weights:
        kept = (buffer for buffer in self.model.buffers() if buffer.ndim)  # not the number of batches seen
        return {name: buffer.cpu().numpy().copy() for name, buffer in zip(self.spec.state_shapes(), kept, strict=True)}

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
        flattened = self.flattened.get(name.removesuffix("/kernel")) if array.ndim == 2 else None
        if flattened:  # its rows follow the flattening: NCHW here, NHWC in the canonical layout
            height, width, channels = flattened
            return array.T.reshape(channels, height, width, -1).transpose(1, 2, 0, 3).reshape(array.T.shape).copy()
        return array.T.copy()

    def _from_canonical(self, name: str, array: NDArray[np.float32]) -> NDArray[np.float32]:
        if array.ndim == 4:
            return array.transpose(3, 2, 0, 1)
        flattened = self.flattened.get(name.removesuffix("/kernel")) if array.ndim == 2 else None
        if flattened:
            height, width, channels = flattened
            return array.reshape(height, width, channels, -1).transpose(2, 0, 1, 3).reshape(array.shape).T
        return array.T


def _device(device: Device, precision: Precision) -> torch.device:
    if device == "cuda":
        if not torch.cuda.is_available():
            raise DeviceUnavailableError(f"PyTorch {torch.__version__} sees no CUDA device")
        # TensorFloat-32 keeps 10 bits of the mantissa: fast, but not float32.
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        torch.backends.cudnn.allow_tf32 = precision == "tf32"
    return torch.device(device)


def _nchw(images: Tensor) -> Tensor:
    return images.permute(0, 3, 1, 2).contiguous()


def _dense_after(layers: tuple[Placed, ...], index: int) -> Placed | None:
    """The dense layer that takes what the flattening at ``index`` gives; None if something else does."""
    following = next((placed for placed in layers[index + 1 :] if not isinstance(placed.layer, Dropout)), None)
    return following if following is not None and isinstance(following.layer, Dense) else None


def _flattened(layers: tuple[Placed, ...]) -> dict[str, Shape]:
    """Dense layer -> shape of what is flattened before it, of all whose kernel follows PyTorch's own flattening."""
    found: dict[str, Shape] = {}
    for index, placed in enumerate(layers):
        found |= _flattened(placed.body) | _flattened(placed.shortcut)
        dense = _dense_after(layers, index) if isinstance(placed.layer, Flatten) else None
        if dense is not None and len(placed.before) > 1:
            found[dense.name] = placed.before
    return found


class _CanonicalFlatten(nn.Module):
    """Flattening in NHWC order. Where a dense layer follows, its kernel is turned instead, which costs nothing; batch
    normalisation and residual blocks have nothing that can be turned.
    """

    def forward(self, values: Tensor) -> Tensor:
        return values.permute(0, 2, 3, 1).flatten(1)


class _Residual(nn.Module):
    """The sum of two branches."""

    def __init__(self, body: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, values: Tensor) -> Tensor:
        outputs: Tensor = self.body(values) + self.shortcut(values)
        return outputs


def _modules(layers: tuple[Placed, ...]) -> Iterator[nn.Module]:
    for index, placed in enumerate(layers):
        if isinstance(placed.layer, Flatten) and len(placed.before) > 1 and _dense_after(layers, index) is None:
            yield _CanonicalFlatten()
        else:
            yield from _module(placed)
        yield from _ACTIVATIONS[activation_of(placed.layer)]()


def _module(placed: Placed) -> Iterator[nn.Module]:
    layer, channels = placed.layer, placed.before[-1]
    if isinstance(layer, Convolution):
        how = {"stride": layer.stride, "padding": layer.padding, "groups": layer.groups, "bias": layer.bias}
        yield nn.Conv2d(channels, layer.filters, layer.kernel, **how)  # type: ignore[arg-type]
    elif isinstance(layer, BatchNorm):
        kind = nn.BatchNorm2d if len(placed.before) > 1 else nn.BatchNorm1d
        yield kind(channels, layer.epsilon, momentum=1.0 - layer.momentum)  # PyTorch's is the share of the new
    elif isinstance(layer, MaxPool):
        yield nn.MaxPool2d(layer.size, layer.step, layer.padding)
    elif isinstance(layer, AveragePool):
        yield nn.AvgPool2d(layer.size, layer.step, layer.padding)
    elif isinstance(layer, GlobalAveragePool):
        yield nn.AdaptiveAvgPool2d(1)
        yield nn.Flatten()
    elif isinstance(layer, Flatten):
        yield nn.Flatten()
    elif isinstance(layer, Dropout):
        yield nn.Dropout(layer.rate)
    elif isinstance(layer, Dense):
        yield nn.Linear(channels, layer.units)
    elif isinstance(layer, Residual):
        yield _Residual(nn.Sequential(*_modules(placed.body)), nn.Sequential(*_modules(placed.shortcut)))


_ACTIVATIONS: dict[Activation, Callable[[], tuple[nn.Module, ...]]] = {
    "relu": lambda: (nn.ReLU(),),
    "relu6": lambda: (nn.ReLU6(),),
    "gelu": lambda: (nn.GELU(),),
    "none": tuple,
}


def _optimizer(spec: Spec, model: nn.Module) -> torch.optim.Optimizer:
    rule, parameters = spec.optimizer, list(model.parameters())
    if isinstance(rule, SGD):
        groups = _groups(spec, parameters, rule.weight_decay)
        return torch.optim.SGD(groups, lr=rule.learning_rate, momentum=rule.momentum, nesterov=rule.nesterov)
    if isinstance(rule, Adam | AdamW):
        betas = (rule.beta_1, rule.beta_2)
        if isinstance(rule, Adam):
            return torch.optim.Adam(parameters, lr=rule.learning_rate, betas=betas, eps=rule.epsilon)
        groups = _groups(spec, parameters, rule.weight_decay)
        return torch.optim.AdamW(groups, lr=rule.learning_rate, betas=betas, eps=rule.epsilon)
    return torch.optim.Adam(parameters, lr=rule.learning_rate)


def _groups(spec: Spec, parameters: list[nn.Parameter], weight_decay: float) -> list[Any]:
    """Parameters as an optimiser takes them: those that decay, and those that do not."""
    if not weight_decay:
        return parameters
    named = list(zip(spec.parameter_shapes(), parameters, strict=True))
    kept = {"params": [parameter for name, parameter in named if not decays(name)], "weight_decay": 0.0}
    return [{"params": [one for name, one in named if decays(name)], "weight_decay": weight_decay}, kept]


def _schedule(rule: Optimizer, optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler | None:
    schedule = schedule_of(rule)
    if schedule is None:
        return None
    if isinstance(schedule, Steps):
        return torch.optim.lr_scheduler.MultiStepLR(optimizer, list(schedule.boundaries), schedule.factor)
    # CosineAnnealingLR would rise again after its end.
    return torch.optim.lr_scheduler.LambdaLR(optimizer, schedule.share)
