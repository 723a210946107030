"""What a baseline has and nobody collected: left out by the user, or gone; and sessions that select no benchmark."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from fixtures.baselines.hosts import benchmark_on
from fixtures.baselines.runs import SavedRun, run_from_plain
from fixtures.judging.measures import Measure
from fixtures.plugin.options import OPTIONS
from fixtures.plugin.saved_options import RegressionOptions
from fixtures.plugin.saved_runs import REGRESSION, Regression, pytest_collection_finish
from fixtures.plugin.saved_selection import GONE, gone
from tests.bench_run import PROJECT_ROOT
from tests.saved_runs import TESTS, saved_benchmark, saved_run

if TYPE_CHECKING:
    from collections.abc import Sequence

STEP, MEMORY = (f"{TESTS[measure]}[digits-pytorch-cpu]" for measure in ("step", "memory"))


def item(name: str, measure: str = "step", device: str = "cpu") -> pytest.Item:
    """A collected benchmark."""
    return cast(
        "pytest.Item",
        SimpleNamespace(
            name=name,
            nodeid=name,
            fixturenames=("record", "benchmark"),
            get_closest_marker={Measure(measure).value: SimpleNamespace(args=(), kwargs={})}.get,
            callspec=SimpleNamespace(params={"arm": SimpleNamespace(device=device)}),
        ),
    )


def config(
    *arguments: str,
    frameworks: Sequence[str] = ("pytorch",),
    devices: Sequence[str] = ("cpu", "cuda"),
    hosts: Sequence[Any] = (),
    **given: Any,
) -> pytest.Config:
    """Of a session in the project's folder: ``pytest bench`` unless other arguments are given."""
    contest = SimpleNamespace(
        workload=SimpleNamespace(identifier="digits"),
        frameworks=[SimpleNamespace(identifier=framework) for framework in frameworks],
    )
    options = SimpleNamespace(
        choices=[contest], study=False, defaults=("equal",), precisions=("float32",), devices=devices, hosts=hosts
    )
    option = {"keyword": "", "markexpr": "", "deselect": None, "--framework": None, "--margin": None} | given
    return cast(
        "pytest.Config",
        SimpleNamespace(
            option=SimpleNamespace(**option),
            getoption=option.get,
            getini=lambda _: [],
            args=list(arguments or ("bench",)),
            invocation_params=SimpleNamespace(dir=PROJECT_ROOT),
            stash={OPTIONS: options},
        ),
    )


def saved(*others: dict[str, Any]) -> list[SavedRun]:
    """A run of one step, and of these."""
    return [run_from_plain(saved_run(saved_benchmark(), *others), "saved")]


def test_what_nobody_left_out_and_nobody_collected_is_gone() -> None:
    """Deleted or renamed; what was collected and deselected is not."""
    runs = saved(saved_benchmark("memory"))
    assert gone(config(), [item(STEP)], set(), runs) == {MEMORY: GONE}
    assert gone(config(), [item(STEP)], {MEMORY}, runs) == {}
    assert gone(config("."), [item(STEP)], set(), runs) == {MEMORY: GONE}


def test_a_framework_that_left_the_registry_is_gone() -> None:
    """Unless the user chose others; one that is known and was not asked for never is."""
    removed = saved(saved_benchmark(framework="caffe"))
    assert list(gone(config(), [item(STEP)], set(), removed)) == ["test_training_step[digits-caffe-cpu]"]
    assert gone(config(**{"--framework": ["pytorch"]}), [item(STEP)], set(), removed) == {}
    assert gone(config(), [item(STEP)], set(), saved(saved_benchmark(framework="jax"))) == {}


def test_what_was_measured_on_a_named_host_is_not_gone() -> None:
    """A run of this machine alone does not ask for it."""
    elsewhere = benchmark_on(saved_benchmark("memory"), "gpu1")
    hosts = {"gpu1": saved_run()["machine_info"]["cnn_dyno"]}
    runs = [run_from_plain(saved_run(saved_benchmark(), elsewhere, hosts=hosts), "saved")]
    assert gone(config(), [item(STEP)], set(), runs) == {}
    on_it = config(hosts=[SimpleNamespace(label="gpu1")])
    assert list(gone(on_it, [item(STEP)], set(), runs)) == ["test_peak_memory[digits-pytorch-cpu-on-gpu1]"]


def test_what_was_told_no_precision_is_gone_whichever_is_asked_for() -> None:
    """A file says null of it."""
    runs = saved(saved_benchmark("memory", precision=None))
    assert gone(config(), [item(STEP)], set(), runs) == {MEMORY: GONE}


@pytest.mark.parametrize("other", [{"device": "cuda"}, {"workload": "mnist"}, {"defaults": "native"}], ids=str)
def test_what_options_left_out_is_not_gone(other: dict[str, Any]) -> None:
    """Another device, workload or kind of defaults."""
    runs = saved(saved_benchmark(**other))
    assert gone(config(devices=("cpu",)), [item(STEP)], set(), runs) == {}


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        (("bench/test_training.py",), {}),
        ((f"bench/test_training.py::{STEP}",), {}),
        ((), {"keyword": "step"}),
        ((), {"deselect": ["bench/x"]}),
    ],
)
def test_of_a_part_of_the_benchmarks_nothing_is_gone(arguments: tuple[str, ...], given: dict[str, Any]) -> None:
    """What is absent may be in the other part."""
    assert gone(config(*arguments, **given), [item(STEP)], set(), saved(saved_benchmark("memory"))) == {}


def test_of_a_measure_that_was_chosen_the_absent_one_is_gone() -> None:
    """Markers are known by what they select: with -m step, no benchmark of memory is missed."""
    runs = saved(saved_benchmark("memory"), saved_benchmark(framework="caffe"))
    chosen = gone(config(markexpr="step"), [item(STEP)], set(), runs)
    assert list(chosen) == ["test_training_step[digits-caffe-cpu]"]


@pytest.mark.parametrize(
    ("expression", "missed"),
    [("memory or accuracy", True), ("cpu", True), ("gpu", False), ("not memory", False), ("step and cpu", False)],
)
def test_of_what_markers_select_the_whole_measure_may_be_gone(expression: str, missed: bool) -> None:  # noqa: FBT001
    """No other benchmark of that measure need be left to tell."""
    chosen = gone(config(markexpr=expression), [item(STEP)], set(), saved(saved_benchmark("memory")))
    assert (MEMORY in chosen) is missed


def session(*items: Any, failed: int = 0) -> pytest.Session:
    """That is to be held against a saved run."""
    found = config()
    found.stash[REGRESSION] = Regression(RegressionOptions("saved", tuple(saved()), anyway=False))
    return cast("pytest.Session", SimpleNamespace(config=found, items=list(items), testsfailed=failed))


def test_a_session_without_benchmarks_is_a_usage_error() -> None:
    """It would pass without a word, having judged nothing."""
    for items in ([], [SimpleNamespace(name="test_other", fixturenames=())]):
        with pytest.raises(pytest.UsageError, match="none is selected: pytest bench --benchmark-compare"):
            pytest_collection_finish(session(*items))


def test_other_uses_of_pytest_benchmark_are_left_alone() -> None:
    """A test that times something itself has pytest-benchmark's own comparison; errors of collection come first."""
    pytest_collection_finish(session(SimpleNamespace(name="test_fast", fixturenames=("benchmark",))))
    pytest_collection_finish(session(failed=1))
    one = session(item(STEP))
    pytest_collection_finish(one)
    assert set(one.config.stash[REGRESSION].margins) == {STEP}
