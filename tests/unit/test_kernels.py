"""fixtures.measuring.kernels: what oneDNN, XLA and PyTorch say that they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.measuring.kernels import (
    Kernel,
    differing,
    differing_operators,
    instructions,
    largest_program,
    primitives,
)

if TYPE_CHECKING:
    from pathlib import Path

Side = dict[str, Kernel]

FORWARD = "convolution,jit:avx512_core,forward_training,src:f32:a:blocked:abcd::f0,attr,alg:direct,mb64_ic1oc28,{}"
SAID = [
    "onednn_verbose,v1,info,oneDNN v3.13.3 (commit b38f97e)",
    "onednn_verbose,v1,primitive,info,template:operation,engine,primitive,implementation,prop_kind,exec_time",
    "onednn_verbose,v1,primitive,exec,cpu," + FORWARD.format("0.5"),
    "onednn_verbose,v1,primitive,exec,cpu," + FORWARD.format("1.5e-1"),
    "onednn_verbose,v1,primitive,create:cache_hit,cpu," + FORWARD.format("9"),
    "something that PyTorch prints",
    "onednn_verbose,v1,primitive,exec,cpu,reorder,jit:uni,undef,src:f32::blocked:abcd::f0,attr,,64x28x26x26,1.45508",
    "onednn_verbose,v1,primitive,exec,cpu,reorder,jit:uni,undef,cut of",
]


@pytest.mark.parametrize("start", ["onednn_verbose,v1,primitive,exec", "onednn_verbose,exec", "dnnl_verbose,exec"])
def test_primitives_are_counted_for_each_step(start: str) -> None:
    """By kind, direction and implementation, as every release of oneDNN has printed them."""
    lines = [line.replace("onednn_verbose,v1,primitive,exec", start) for line in SAID]
    convolution, reorder = primitives(lines, 2)
    assert convolution.name == "oneDNN convolution forward_training, jit:avx512_core"
    assert convolution.count == 1.0
    assert convolution.milliseconds == pytest.approx(0.325)
    assert (reorder.name, reorder.count) == ("oneDNN reorder, jit:uni", 0.5)


def test_instructions_are_those_of_the_largest_program(tmp_path: Path) -> None:
    """Which is the training step's; what computes nothing is left out."""
    step = """HloModule jit__train
ENTRY %main (p0: f32[2,3], p1: f32[]) -> (f32[2,3]) {
  %p0 = f32[2,3]{1,0} parameter(0)
  %fusion.1 = f32[2,3]{1,0} fusion(%p0), kind=kLoop, calls=%fused
  fusion = f32[2]{0} fusion(fusion.1), kind=kLoop
  %custom-call.3 = (f32[2,3]{1,0}, u8[0]{0}) custom-call(%fusion.1), custom_call_target="__onednn$matmul"
  ROOT %tuple = (f32[2,3]{1,0}) tuple(%custom-call.3)
}
"""
    (tmp_path / "module_0001.jit_step.cpu_after_optimizations.txt").write_text(step, encoding="utf-8")
    small = "ENTRY %main {\n  ROOT %add = f32[] add(%a, %b)\n}\n"
    (tmp_path / "module_0002.jit_add.cpu_after_optimizations.txt").write_text(small, encoding="utf-8")
    (tmp_path / "module_0001.jit_step.before_optimizations.txt").write_text(step * 3, encoding="utf-8")
    assert sorted(instructions(largest_program(tmp_path)), key=lambda one: one.name) == [
        Kernel("XLA custom-call __onednn$matmul", 1.0, 0.0),
        Kernel("XLA fusion kLoop", 2.0, 0.0),
    ]
    assert instructions(largest_program(tmp_path / "none")) == []


def test_only_what_both_do_not_run_equally_often_differs() -> None:
    """The one whose milliseconds differ most comes first."""
    one = [Kernel("oneDNN a", 1.0, 5.0), Kernel("oneDNN b", 2.0, 0.1), Kernel("oneDNN c", 1.0, 0.0)]
    other = [Kernel("oneDNN a", 1.0, 9.0), Kernel("oneDNN b", 3.0, 0.2), Kernel("oneDNN d", 1.0, 4.0)]
    expected = ["oneDNN d", "oneDNN b", "oneDNN c"]
    assert [name for name, _, _ in differing(one, other)] == expected
    assert differing(one, one) == []
    xla = Kernel("XLA dot", 3.0, 0.0)
    assert [name for name, _, _ in differing([*one, xla], other)] == expected
    assert [name for name, _, _ in differing([xla], other[:1])] == ["oneDNN a", "XLA dot"]


def side(**operators: tuple[float, float]) -> Side:
    """Operators with their number and their milliseconds."""
    return {name: Kernel(name, count, milliseconds) for name, (count, milliseconds) in operators.items()}


def test_an_operator_that_takes_longer_in_every_round_differs() -> None:
    """One that does in some rounds only, and one that does by next to nothing, do not."""
    rounds = [
        (side(conv=(3, 12.0), mm=(1, 5.0), add=(9, 0.11)), side(conv=(3, 10.0), mm=(1, 5.2), add=(9, 0.10))),
        (side(conv=(3, 13.0), mm=(1, 5.2), add=(9, 0.11)), side(conv=(3, 10.5), mm=(1, 5.0), add=(9, 0.10))),
    ]
    assert differing_operators(rounds) == [("conv", Kernel("conv", 3, 12.5), Kernel("conv", 3, 10.25))]


def test_what_explains_most_comes_first() -> None:
    """Another number is told, however short it takes; so is what only one side has."""
    rounds = [(side(conv=(3, 12.0), copy=(2, 0.1)), side(conv=(3, 10.0), copy=(1, 0.1), relu=(4, 3.0)))]
    assert [name for name, *_ in differing_operators(rounds)] == ["relu", "conv", "copy"]
    assert differing_operators(rounds)[0][1:] == (None, Kernel("relu", 4, 3.0))


def test_without_rounds_nothing_differs() -> None:
    """Nobody trains with PyTorch."""
    assert differing_operators([]) == []
