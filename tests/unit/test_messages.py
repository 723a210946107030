"""What parent and worker say survives the wire."""

from __future__ import annotations

import dataclasses
import json
import typing
from typing import Any

import execnet
import pytest

from fixtures.workers import messages

KINDS = [*messages.Reply.__subclasses__(), *messages.Request.__subclasses__()]
EXAMPLES: dict[str, Any] = {
    "bool": True,
    "str": "text",
    "int": 3,
    "float": 0.25,
    "tuple[str, ...]": ("a", "b"),
    "tuple[int, ...]": (0, 1),
    "tuple[float, ...]": (0.25, -1e-9),
    "dict[str, Any]": {"layers": [{"kind": "dense", "units": 10}]},
    "dict[str, list[float]]": {"aten::add": [2.0, 0.5]},
    "dict[str, float]": {"input": 0.25},
    "dict[str, int]": {"graphs": 3},
    "int | None": None,
}


def example(kind: type[Any]) -> Any:
    """A message of the kind, with a value of the right type in every field."""
    return kind(**{field.name: EXAMPLES[str(field.type)] for field in dataclasses.fields(kind)})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_message_survives_execnet_and_json(kind: type[Any]) -> None:
    """Nothing but plain values travels, over the channel and in the log of requests."""
    message = example(kind)
    assert messages.decode(execnet.loads(execnet.dumps(messages.encode(message)))) == message
    assert messages.decode(json.loads(json.dumps(messages.encode(message)))) == message


@pytest.mark.parametrize("kind", messages.Request.__subclasses__(), ids=lambda kind: kind.__name__)
def test_every_request_names_its_reply(kind: type[Any]) -> None:
    """So that who asks knows what comes back."""
    assert issubclass(kind.reply, messages.Reply)
    assert typing.get_args(kind.__orig_bases__[0]) == (kind.reply,)


@pytest.mark.parametrize(
    "plain", [{}, {"type": "Nonsense"}, {"type": 3}, {"type": "TrainEpoch"}, {"type": "TrainEpoch", "epoch": 1, "x": 2}]
)
def test_what_is_no_message_is_refused(plain: dict[str, Any]) -> None:
    """Unknown types, missing and surplus fields."""
    with pytest.raises(ValueError, match=r"message type|argument"):
        messages.decode(plain)
