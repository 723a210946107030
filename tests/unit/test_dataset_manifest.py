"""A prepared data set whose manifest is anything but what was written."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.datasets.manifest import MANIFEST_NAME
from tests.small_dataset import KEY, LABELS, assert_right, names_in, prepared_in


def assert_manifest_survived(content: bytes) -> None:
    """With this manifest, the store must give the right data, whether it builds again or not."""
    with tempfile.TemporaryDirectory() as directory:
        entries = Path(directory)
        (prepared_in(entries).directory / MANIFEST_NAME).write_bytes(content)
        assert_right(prepared_in(entries))
        assert names_in(entries) == {KEY.directory_name}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The manifest that ``build`` leads to."""
    return (prepared_in(tmp_path_factory.mktemp("manifest")).directory / MANIFEST_NAME).read_bytes()


@given(content=st.binary(max_size=200))
@settings(deadline=None, max_examples=50)
def test_any_bytes_for_a_manifest_lead_to_the_right_data(content: bytes) -> None:
    """A manifest of random bytes never leads to an exception or to wrong data."""
    assert_manifest_survived(content)


@given(data=st.data())
@settings(deadline=None, max_examples=100)
def test_any_changed_byte_of_the_manifest_leads_to_the_right_data(manifest: bytes, data: st.DataObject) -> None:
    """A manifest with some bytes replaced, for example in a class name, never leads to wrong data."""
    start = data.draw(st.integers(0, len(manifest) - 1))
    end = data.draw(st.integers(start, min(start + 8, len(manifest))))
    assert_manifest_survived(manifest[:start] + data.draw(st.binary(max_size=8)) + manifest[end:])


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=8,
)


@given(replaced=st.sampled_from(["class_names", "sources", "arrays", "format_version", None]), value=JSON_VALUES)
@settings(deadline=None, max_examples=100)
def test_manifest_of_the_wrong_shape_raises_nothing_but_a_data_error(replaced: str | None, value: object) -> None:
    """A manifest whose own checksum is right but whose content is any JSON never ends in a stray exception."""
    with tempfile.TemporaryDirectory() as directory:
        path = prepared_in(Path(directory)).directory / MANIFEST_NAME
        content: Any = json.loads(path.read_text())["content"]
        content = content | {replaced: value} if replaced else value
        checksum = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        path.write_text(json.dumps({"sha256": checksum, "content": content}))
        np.testing.assert_array_equal(prepared_in(Path(directory)).load("y_train"), LABELS)


def test_deeply_nested_manifest_leads_to_the_right_data() -> None:
    """A manifest that exhausts the parser's stack is one more damaged manifest."""
    assert_manifest_survived(b"[" * 100_000)
