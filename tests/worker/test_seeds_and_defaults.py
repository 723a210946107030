"""Several seeds, and frameworks' own defaults, trained for real: what is saved and shown of them."""

from __future__ import annotations

import pytest

from tests.bench_run import BenchRun, run_bench


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> BenchRun:
    """PyTorch on digits, two seeds, with equal and with its own defaults."""
    arguments = ["--framework", "pytorch", "-m", "cpu and accuracy", "--seeds", "2", "--defaults", "both"]
    finished = run_bench(tmp_path_factory.mktemp("results"), *arguments)
    assert finished.status == pytest.ExitCode.OK, finished.output
    return finished


@pytest.mark.parametrize("name", ["digits-pytorch-cpu", "digits-pytorch-native-cpu"])
def test_every_seed_is_trained_and_reaches_the_threshold(run: BenchRun, name: str) -> None:
    """With an accuracy after each epoch, and the seconds that the threshold took."""
    info = run.benchmark(f"test_final_accuracy[{name}]")["extra_info"]
    assert info["seeds"] == [42, 43]
    assert [len(accuracies) for accuracies in info["epoch_accuracies"]] == [10, 10]
    assert [accuracies[-1] for accuracies in info["epoch_accuracies"]] == info["accuracies"]
    for index, accuracies in enumerate(info["epoch_accuracies"]):
        reached = next(epoch for epoch, accuracy in enumerate(accuracies) if accuracy >= info["accuracy_threshold"])
        assert info["seconds_to_threshold"][index] == pytest.approx(sum(info["epoch_seconds"][index][: reached + 1]))
    assert sum(map(sum, info["confusion_matrix"])) == 2 * 360


def test_seeds_and_defaults_make_different_trainings(run: BenchRun) -> None:
    """Other initial weights and another order: the losses of no two trainings agree."""
    losses = [
        tuple(losses)
        for arm in ("digits-pytorch-cpu", "digits-pytorch-native-cpu")
        for losses in run.benchmark(f"test_final_accuracy[{arm}]")["extra_info"]["epoch_losses"]
    ]
    assert len(set(losses)) == 4


def test_the_table_tells_them_apart(run: BenchRun) -> None:
    """A row for each, and the spread over seeds."""
    table = run.output.partition("= cnn-dyno =")[2]
    assert ", own defaults" in table
    assert "accuracy over 2 seeds" in table


def test_rounds_are_the_trainings(run: BenchRun) -> None:
    """One for each seed, in seconds."""
    benchmark = run.benchmark("test_final_accuracy[digits-pytorch-cpu]")
    assert benchmark["stats"]["data"] == pytest.approx(benchmark["extra_info"]["trainings_seconds"], abs=1e-9)
