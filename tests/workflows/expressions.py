"""Evaluates the expressions of workflows, as far as the project's own need it.

Names, texts, whole numbers, functions, brackets, ``!``, ``==`` and ``!=``, ``&&``, ``||``, which bind in this order.
As on GitHub, ``&&`` and ``||`` give one of their sides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Value = str | int  # a bool is one

_TOKEN = re.compile(r"\s*('(?:[^']|'')*'|[A-Za-z_][\w.-]*|\d+|\|\||&&|==|!=|[!(),])")


@dataclass
class _Reader:
    tokens: list[str]
    name: Callable[[str], Value]
    call: Callable[[str, list[str]], Value]

    def next(self, *wanted: str) -> str:
        """Take the next token if it is wanted; nothing wanted is any."""
        if self.tokens and (not wanted or self.tokens[0] in wanted):
            return self.tokens.pop(0)
        return ""

    def either(self) -> Value:
        value = self.both()
        while self.next("||"):
            other = self.both()
            value = value or other
        return value

    def both(self) -> Value:
        value = self.compared()
        while self.next("&&"):
            other = self.compared()
            value = value and other
        return value

    def compared(self) -> Value:
        value = self.one()
        if operator := self.next("==", "!="):
            return (value == self.one()) is (operator == "==")
        return value

    def one(self) -> Value:
        found = self.next()
        if found == "!":
            return not self.one()
        if found == "(":
            value = self.either()
            assert self.next(")")
            return value
        if found.startswith("'"):
            return found[1:-1].replace("''", "'")
        if found.isdigit():
            return int(found)
        if not self.next("("):
            return self.name(found)
        arguments = []
        while not self.next(")"):
            arguments.append(str(self.either()))
            self.next(",")
        return self.call(found, arguments)


def evaluate(text: str, name: Callable[[str], Value], call: Callable[[str, list[str]], Value]) -> Value:
    """The value of an expression.

    Args:
        text: without ``${{`` and ``}}``.
        name: looks up a name such as ``inputs.budget``; an empty text is nothing.
        call: calls a function with its arguments.

    Raises:
        ValueError: if it is none.
    """
    if left := _TOKEN.sub("", text).strip():
        raise ValueError(f"{text}: cannot be read: {left}")
    reader = _Reader(_TOKEN.findall(text), name, call)
    value = reader.either()
    if reader.tokens:
        raise ValueError(f"{text}: unexpected {reader.tokens[0]}")
    return value
