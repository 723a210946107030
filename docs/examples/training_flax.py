"""Flax NNX and Optax: ``pytest bench --program docs/examples/training_flax.py``."""

from collections.abc import Iterator

import jax
import optax
from flax import nnx

batch_size = 64


class Network(nnx.Module):
    """One convolution and one dense layer."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.convolution = nnx.Conv(1, 16, (3, 3), rngs=rngs)
        self.dense = nnx.Linear(28 * 28 * 16, 10, rngs=rngs)

    def __call__(self, images: jax.Array) -> jax.Array:
        """Logits of a batch."""
        logits: jax.Array = self.dense(nnx.relu(self.convolution(images)).reshape(len(images), -1))
        return logits


@nnx.jit
def step(model: Network, optimizer: nnx.Optimizer[Network], images: jax.Array, labels: jax.Array) -> jax.Array:
    """Forward, loss, gradients, update."""

    def mean_loss(network: Network) -> jax.Array:
        mean: jax.Array = optax.softmax_cross_entropy_with_integer_labels(network(images), labels).mean()
        return mean

    loss: jax.Array
    loss, gradients = nnx.value_and_grad(mean_loss)(model)
    optimizer.update(model, gradients)
    return loss


def training(seed: int = 0) -> Iterator[jax.Array]:
    """Train on random images; the device is JAX's first one."""
    model = Network(nnx.Rngs(seed))
    optimizer = nnx.Optimizer(model, optax.adam(1e-3), wrt=nnx.Param)
    for key in map(jax.random.key, range(seed, seed + 400)):
        images = jax.random.uniform(key, (batch_size, 28, 28, 1))
        labels = jax.random.randint(key, (batch_size,), 0, 10)
        yield step(model, optimizer, images, labels)
