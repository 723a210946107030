"""The releases that adapters are proven on: which versions lie outside, and what is said of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from models.registry import FRAMEWORKS, Framework
from models.releases import Proven, order

ROOT = Path(__file__).parents[2]
RANGE = Proven("torch", "2.4.0", "2.15.0")


def pinned(file: Path) -> dict[str, str]:
    """The versions that a requirements file has."""
    return dict(re.findall(r"^([\w-]+)==(\S+)", file.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize(
    "version",
    [
        "2.4.0",
        "2.4",
        "2.4.1",
        "2.9.0",
        "2.10.0+cpu",
        "2.15.0rc1",
        "2.15.0.dev20261121",
        "2.15.0",
        "2.15",
        "2.15.0+cu132",
    ],
)
def test_inside_nothing_is_said(version: str) -> None:
    """The ends belong to the range, numbers are compared as numbers, and a local part does not count."""
    assert RANGE.outside(version, "its adapter") == ""


@pytest.mark.parametrize("version", ["2.3.1", "2.4.0rc1", "2.4.0.dev20240601+cu121", "1.13.1", "2"])
def test_what_is_older_is_said(version: str) -> None:
    """With the oldest release; a pre-release of that one comes before it."""
    said = f"torch {version} is older than 2.4.0, the oldest release that its adapter is proven on"
    assert RANGE.outside(version, "its adapter") == said


@pytest.mark.parametrize("version", ["2.15.1", "2.16.0rc1", "2.16.0.dev20261121+cpu", "2.15.0.post1", "3.0", "2.100"])
def test_what_is_newer_is_said(version: str) -> None:
    """With the newest release; a nightly of the next one is newer."""
    said = f"torch {version} is newer than 2.15.0, the newest release that its adapter is proven on"
    assert RANGE.outside(version, "its adapter") == said


@pytest.mark.parametrize("version", ["", "unknown", "main"])
def test_of_what_is_no_version_nothing_is_said(version: str) -> None:
    """Somebody's own build may be called anything."""
    assert order(version) is None
    assert RANGE.outside(version, "its adapter") == ""


def test_a_framework_speaks_of_each_of_its_packages() -> None:
    """In one line, in the order of importance; a package that is not installed is not spoken of."""
    jax = FRAMEWORKS["jax"]
    assert jax.unproven({"jax": "0.4.38", "flax": "0.10.2"}) == ""
    assert jax.unproven({"jax": "0.4.13", "flax": "0.7.0", "optax": "0.2.4", "torch": "1.0"}) == (
        "jax 0.4.13 is older than 0.4.30, the oldest release that the adapter of JAX (Flax NNX) is proven on; "
        "flax 0.7.0 is older than 0.8.5, the oldest release that the adapter of JAX (Flax NNX) is proven on"
    )


def test_a_nightly_counts_as_what_it_stands_in_for() -> None:
    """It has another name."""
    assert (
        FRAMEWORKS["tensorflow"]
        .unproven({"tf-nightly": "2.99.0.dev20261121"})
        .startswith("tensorflow 2.99.0.dev20261121 is newer than ")
    )


@pytest.mark.parametrize("framework", FRAMEWORKS.values(), ids=FRAMEWORKS)
def test_the_newest_proven_releases_are_the_pinned_ones(framework: Framework) -> None:
    """So newer pins, on which the tests of adapters then pass, are not forgotten here."""
    assert framework.proven
    versions = pinned(ROOT / (framework.requirements or "requirements/requirements.txt"))
    for one in framework.proven:
        assert one.newest == versions[one.distribution]
        oldest, newest = order(one.oldest), order(one.newest)
        assert oldest is not None
        assert newest is not None
        assert oldest <= newest
    assert framework.unproven(versions) == ""


def test_every_package_that_a_framework_requires_has_a_range() -> None:
    """Otherwise a change of it would go unnoticed."""
    for framework in FRAMEWORKS.values():
        assert set(framework.requires) <= {one.distribution for one in framework.proven}
