"""Real extra work in an installed package: a wheel of that package with some matrix products before each update.

The wheel is made of the files of an installed distribution, one of them with lines added at its end. Its
products depend on the gradients, so that no compiler can leave them out, and change no result that float32 can hold.
Their matrices are noise: of a product with a matrix whose entries are all equal, jaxlib 0.10.2 gives -2e12 where 1.1 is
right on a CPU, and the proof of parity refused such a package.
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from dataclasses import dataclass
from importlib.metadata import PathDistribution, distributions
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PYTORCH = """

_planted = torch.ones(64, 64)
_plain_step = Adam.step


def _step(self, closure=None):
    for _ in range({products}):
        torch.mm(_planted, _planted)
    return _plain_step(self, closure)


Adam.step = _step
"""
_KERAS = """

_plain_apply = BaseOptimizer.apply


def _apply(self, grads, trainable_variables=None):
    import numpy
    from keras import ops

    grads = list(grads)
    constant = ops.convert_to_tensor(numpy.random.default_rng(0).standard_normal((64, 64)).astype("float32") / 8)
    product = constant + ops.reshape(grads[0], (-1,))[0]
    for _ in range({products}):
        product = ops.matmul(product, constant)
    grads[0] = grads[0] + 1e-30 * ops.mean(product)
    return _plain_apply(self, grads, trainable_variables)


BaseOptimizer.apply = _apply
"""
_OPTAX = """

_plain_adam = adam


def adam(*arguments, **named):
    import jax
    import numpy

    plain = _plain_adam(*arguments, **named)
    noise = numpy.random.default_rng(0).standard_normal((64, 64)).astype("float32") / 8

    def update(updates, state, params=None, **extra):
        leaves, tree = jax.tree.flatten(updates)
        constant = jnp.asarray(noise)
        product = constant + leaves[0].reshape(-1)[0]
        for _ in range({products}):
            product = product @ constant
        leaves[0] = leaves[0] + 1e-30 * product.mean()
        return plain.update(jax.tree.unflatten(tree, leaves), state, params, **extra)

    return base.GradientTransformationExtraArgs(plain.init, update)
"""


@dataclass(frozen=True)
class Place:
    """Where a framework's extra work is planted.

    Args:
        package: the distribution.
        file: of it, as its record names it.
        lines: added to the file's end, with ``{products}`` for the number of products of 64 x 64.
    """

    package: str
    file: str
    lines: str


_IN_KERAS = Place("keras", "keras/src/optimizers/base_optimizer.py", _KERAS)
PLACES = {
    "pytorch": Place("torch", "torch/optim/adam.py", _PYTORCH),
    "jax": Place("optax", "optax/_src/alias.py", _OPTAX),
    "keras-tensorflow": _IN_KERAS,
    "keras-jax": _IN_KERAS,
    "keras-torch": _IN_KERAS,
}
"""The pure TensorFlow adapter's Adam is written out in the adapter: no package of it could bear the work."""


def worsened_wheel(site_packages: Path, place: Place, products: int, folder: Path) -> Path:
    """A wheel of the installed package, with its own version, that does so many more products in each update.

    Args:
        site_packages: of the environment that has the package.
        place: what to worsen.
        products: matrix products of 64 x 64 in float32.
        folder: for the wheel; created if need be.

    Raises:
        LookupError: if the package or its file is not there.
    """
    found = next((one for one in distributions(name=place.package, path=[str(site_packages)])), None)
    if not isinstance(found, PathDistribution) or found.files is None:
        raise LookupError(f"{place.package} is not installed in {site_packages}")
    information = next(file.parts[0] for file in found.files if file.name == "METADATA")
    tag = next(line for line in (found.read_text("WHEEL") or "").splitlines() if line.startswith("Tag: "))
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{information.removesuffix('.dist-info')}-{tag.removeprefix('Tag: ')}.whl"
    record, planted = [], False
    with zipfile.ZipFile(wheel, "w", allowZip64=True) as archive:
        for name, content in _content(found, site_packages):
            if name == place.file:
                content += place.lines.format(products=products).encode()  # noqa: PLW2901 - the one file that differs
                planted = True
            archive.writestr(name, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(content)}")
        archive.writestr(f"{information}/RECORD", "\n".join([*record, f"{information}/RECORD,,", ""]))
    if not planted:
        wheel.unlink()
        raise LookupError(f"{place.package} {found.version} has no {place.file}")
    return wheel


def _content(found: PathDistribution, site_packages: Path) -> Iterator[tuple[str, bytes]]:
    """Files that came with the package itself; not what its installation has added, nor scripts elsewhere."""
    added = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json")
    for file in found.files or ():
        name = file.as_posix()
        if (
            name.startswith("..")
            or file.suffix == ".pyc"
            or (file.parts[0].endswith(".dist-info") and file.name in added)
        ):
            continue
        path = site_packages / name
        if path.is_file():
            yield name, path.read_bytes()
