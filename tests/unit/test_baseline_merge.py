"""``python -m fixtures.baselines merge``: runs of several machines become one, in which each is a host."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.baselines.__main__ import main
from fixtures.baselines.findings import INCONCLUSIVE_STATUS
from fixtures.baselines.hosts import host_runs, on_host
from fixtures.baselines.runs import read_run
from fixtures.baselines.series import series_of
from tests.one_line import one_line
from tests.saved_runs import first_run, saved_benchmark, saved_run, write_run

if TYPE_CHECKING:
    from collections.abc import Callable

READINGS = Path(__file__).resolve().parents[2] / "docs" / "readings"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def on(node: str, *benchmarks: dict[str, Any], minute: int = 0, **changes: Any) -> dict[str, Any]:
    """A run of a machine, a minute of its own."""
    return saved_run(
        *benchmarks,
        recorded=f"2026-03-01T10:{minute or sum(map(ord, node)) % 60:02}:00+00:00",
        node=node,
        **{"cpu": {"name": f"Example of {node}"}} | changes,
    )


def framework(name: str, first: str = "pytorch", **extra: Any) -> dict[str, Any]:
    """A step with its place among the frameworks of its machine."""
    place: dict[str, Any] = {"first": f"digits-{first}-cpu"}
    if name != first:
        place["beside_first"] = {"arm": f"digits-{first}-cpu", "times": 1.5, "at_least": 1.4, "at_most": 1.6}
        place["beside_first"] |= {"blocks": 5, "equal": False, "certain": True}
    return saved_benchmark(
        framework=name, framework_title=name.title(), arm=f"digits-{name}-cpu", standing=place, **extra
    )


def merged(folder: Path, *runs: dict[str, Any], names: tuple[str, ...] = ()) -> dict[str, Any]:
    """What becomes of runs."""
    files = [write_run(folder / f"{number}.json", run) for number, run in enumerate(runs)]
    given = [f"{name}={file}" for name, file in zip(names, files, strict=True)] if names else map(str, files)
    assert main(["merge", *given, "-o", str(folder / "merged.json")], folder) == 0
    content: dict[str, Any] = json.loads((folder / "merged.json").read_text(encoding="utf-8"))
    return content


def refusal(arguments: list[str], root: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a command ends with, after which all files are as before."""
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert main(arguments, root) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert one_line(printed.err.removesuffix("\n"))
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before
    return printed.err


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("digits-pytorch-cpu", "digits-pytorch-cpu-on-a"),
        ("digits-pytorch-cpu@torch==2.13.0", "digits-pytorch-cpu-on-a@torch==2.13.0"),
        ("digits-pytorch-native-bfloat16-cuda-4threads", "digits-pytorch-native-bfloat16-cuda-4threads-on-a"),
        ("test_training_step[digits-pytorch-cpu]", "test_training_step[digits-pytorch-cpu-on-a]"),
        ("training step [digits-cpu]", "training step [digits-cpu-on-a]"),
        ("step [digits-jax-cpu@DIR/a-cpu]", "step [digits-jax-cpu-on-a@DIR/a-cpu]"),
        ("test_mine[3]", "test_mine[3-on-a]"),
        ("test_mine", "test_mine-on-a"),
    ],
)
def test_an_identifier_has_its_host_before_its_environment(text: str, named: str) -> None:
    """Alone or within brackets; a name of somebody's own has it at the end."""
    assert on_host(text, "a") == named


def test_each_machine_is_a_host_of_one_run(tmp_path: Path) -> None:
    """Named in everything that an arm is called by; the rest of a benchmark is as it was saved."""
    run = merged(tmp_path, on("gpu1", framework("pytorch"), framework("jax")), on("laptop", framework("jax", "jax")))
    names = [each["name"] for each in run["benchmarks"]]
    assert names == [
        f"test_training_step[digits-{each}]" for each in ("pytorch-cpu-on-gpu1", "jax-cpu-on-gpu1", "jax-cpu-on-laptop")
    ]
    jax = run["benchmarks"][1]
    assert jax["fullname"] == "bench/test_training.py::test_training_step[digits-jax-cpu-on-gpu1]"
    assert (jax["param"], jax["group"]) == ("digits-jax-cpu-on-gpu1", "step [digits-cpu-on-gpu1]")
    info = jax["extra_info"]
    assert (info["host"], info["arm"]) == ("gpu1", "digits-jax-cpu-on-gpu1")
    assert info["standing"]["first"] == info["standing"]["beside_first"]["arm"] == "digits-pytorch-cpu-on-gpu1"
    before = framework("jax")
    assert jax["stats"] == before["stats"]
    assert jax["params"] == before["params"] | {"host": "gpu1"}
    assert {key for key in before["extra_info"] if before["extra_info"][key] != info[key]} == {"arm", "standing"}


def test_the_facts_of_every_machine_are_kept(tmp_path: Path) -> None:
    """Those of the first at the top, as tools that know one machine expect; the moment is that of the latest run."""
    runs = on("gpu1", minute=5), on("laptop", minute=3)
    run = merged(tmp_path, *runs)
    facts, parts = [each["machine_info"]["cnn_dyno"] for each in runs], host_runs(run)
    assert run["machine_info"]["node"] == "gpu1"
    hosts = run["machine_info"]["cnn_dyno"].pop("hosts")
    assert run["machine_info"]["cnn_dyno"] == facts[0]
    assert hosts == dict(zip(("gpu1", "laptop"), facts, strict=True))
    assert run["datetime"] == "2026-03-01T10:05:00+00:00"
    assert run["commit_info"]["id"] == COMMIT
    assert read_run(tmp_path / "merged.json").hosts.keys() == {"gpu1", "laptop"}
    assert parts["laptop"]["datetime"] == "2026-03-01T10:03:00+00:00"
    assert parts["laptop"]["machine_info"]["cnn_dyno"] == facts[1]


def test_what_differs_is_said_in_a_line_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Commits, versions and data may; a commit that is not that of all is nobody's."""
    digits, other = saved_benchmark(), saved_benchmark(dataset_digest="0000")
    run = merged(
        tmp_path,
        on("a", digits, versions={"python": "3.11.7", "torch": "2.13.0"}),
        on("b", other, versions={"python": "3.11.7", "torch": "2.15.0"}, commit="f" * 40),
        on("c", digits, versions={"python": "3.11.7"}),
    )
    assert capsys.readouterr().out.splitlines() == [
        "commit differs: 0123456789ab (a, c), ffffffffffff (b)",
        "torch differs: 2.13.0 (a), 2.15.0 (b), absent (c)",
        "data of digits differs: fedcba9876543210 (a, c), 0000 (b)",
        f"merged 3 runs into {tmp_path / 'merged.json'}",
    ]
    assert run["commit_info"]["id"] is None
    assert host_runs(run)["b"]["commit_info"]["id"] == "f" * 40


def test_packages_are_those_of_all_or_of_each_host(tmp_path: Path) -> None:
    """One label, ``current``, is another environment on each machine."""
    runs = on("a"), on("b")
    for run, version in zip(runs, ("2.13.0", "2.15.0"), strict=True):
        run["cnn_dyno"]["environments"] = {"current": {"torch": version}, "pinned": {"x": "1"}}
    whole = merged(tmp_path, *runs)
    assert whole["cnn_dyno"]["environments"] == {"pinned": {"x": "1"}}
    assert whole["cnn_dyno"]["merged"]["b"]["environments"]["current"] == {"torch": "2.15.0"}


def test_a_run_that_holds_hosts_keeps_them(tmp_path: Path) -> None:
    """Merging in two goes is merging at once, and the machines are still told apart."""
    runs = [on(name) for name in ("a", "b", "c")]
    at_once = merged(tmp_path / "once", *runs)
    two = merged(tmp_path / "two", *runs[:2])
    assert merged(tmp_path / "then", two, runs[2]) == at_once


def test_runs_are_named_as_for_the_other_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By number and by the name of a baseline, of which the newest counts; merged.json is where it goes by itself."""
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / ".benchmarks" / "0007_run.json", on("a"))
    for minute in (1, 2):
        file = write_run(tmp_path / "b.json", on("b", saved_benchmark(threads=minute), minute=minute))
        assert main(["keep", "main", str(file)], tmp_path) == 0
    assert main(["merge", "0007", "gpu1=main"], tmp_path) == 0
    run = read_run(tmp_path / "merged.json")
    assert list(run.machines) == ["a", "gpu1"]
    assert run.benchmarks["test_training_step[digits-pytorch-cpu-on-gpu1]"].threads == 2


def test_one_run_gets_the_name_of_its_machine(tmp_path: Path) -> None:
    """So that it can be held against a file that has hosts."""
    assert list(host_runs(merged(tmp_path, on("x"), names=("gpu1",)))) == ["gpu1"]


def test_verdicts_are_merged_as_well(tmp_path: Path) -> None:
    """A comparison with an environment is one for each host."""
    benchmarks = json.loads((READINGS / "upgrade-keras.json").read_text(encoding="utf-8"))["benchmarks"]
    for each in benchmarks:
        each |= {"fullname": f"bench/test_upgrade.py::{each['name']}", "stats": saved_benchmark()["stats"]}
    run = merged(tmp_path, on("a", *benchmarks), on("b", *benchmarks))
    last = run["benchmarks"][-1]
    tag = "digits-keras-tensorflow-cpu-on-b@keras==3.12.0"
    assert last["name"].endswith(f"[{tag}]")
    assert last["extra_info"]["comparison"] == tag
    assert last["extra_info"]["raw"] == benchmarks[-1]["extra_info"]["raw"]


def edited(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """A run of ``b`` with a change."""
    run = on("b")
    change(run)
    return run


@pytest.mark.parametrize(
    ("second", "words"),
    [
        pytest.param(on("a", minute=7, cpu={"name": "Other"}), "claims the host name a, as {0} does", id="name"),
        pytest.param(
            on("a", minute=7), "was measured on the machine of {0} (the same host name and hardware)", id="machine"
        ),
        pytest.param(on("a"), "holds the run of {0} once more; leave one of them out", id="copy"),
        pytest.param(first_run(), "was saved before files had versions", id="old"),
        pytest.param(
            edited(lambda run: run["cnn_dyno"].update(schema=9)), "version 9 of the format is newer", id="new"
        ),
        pytest.param(on("b c"), "'b c' is no name of a host; write NAME=FILE", id="no-name"),
        pytest.param(on("ä"), "is no name of a host", id="not-ascii"),
        pytest.param(
            edited(lambda run: run["machine_info"].pop("node")), "on which machine it was saved", id="no-node"
        ),
        pytest.param(
            on("b", saved_benchmark(batch_size=128)),
            "digits is another training than in {0} (batch size: 64 there, 128 here)",
            id="recipe",
        ),
        pytest.param(
            edited(lambda run: run["benchmarks"][0]["extra_info"].update(comparison="x")),
            "is saved by --against, and {0} is a plain run; merge runs of one kind",
            id="kind",
        ),
        pytest.param(edited(lambda run: run.update(benchmarks=[])), "$.benchmarks: ", id="empty"),
        pytest.param(edited(lambda run: run.update(datetime="today")), "is not a date and time", id="no-date"),
        pytest.param([], "is not what it must be", id="no-run"),
    ],
)
def test_what_does_not_belong_together_is_refused(
    second: Any, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line that says what to do, and nothing is written."""
    files = [write_run(tmp_path / f"{name}.json", run) for name, run in (("0", on("a")), ("1", second))]
    said = refusal(["merge", *map(str, files), "-o", str(tmp_path / "merged.json")], tmp_path, capsys)
    assert said.startswith(f"{files[1]}: ")
    assert words.format(files[0]) in said


def test_one_machine_is_not_two_hosts_by_whatever_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names that a user gives do not make two of one, nor does a GPU move; two that call themselves alike are two."""
    gpus, other = [{"name": "GPU", "uuid": "GPU-1"}], on("a", minute=8, cpu={"name": "Other"})
    runs = on("a"), on("a", minute=7), on("pod-1", gpus=gpus), on("pod-2", gpus=gpus), other
    files = [write_run(tmp_path / f"{number}.json", run) for number, run in enumerate(runs)]
    output = ["-o", str(tmp_path / "merged.json")]
    assert "a machine is one host" in refusal(["merge", f"x={files[0]}", f"y={files[1]}", *output], tmp_path, capsys)
    assert "a machine is one host" in refusal(["merge", str(files[2]), str(files[3]), *output], tmp_path, capsys)
    assert main(["merge", str(files[0]), f"y={files[4]}", *output], tmp_path) == 0
    before = (tmp_path / "merged.json", files[1])
    assert "a machine is one host" in refusal(
        ["merge", str(before[0]), f"z={before[1]}", "-o", str(tmp_path / "again.json")], tmp_path, capsys
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.json"], "none.json: there is no such file"),
        (["a=none.json"], "none.json: there is no such file"),
        (["cut.json"], "cut.json: not JSON, or cut off"),
        (["binary.json"], "binary.json: not text in UTF-8"),
        (["0009"], "0009: neither a name in baselines/"),
        (["a="], ": neither a name in baselines/"),
        (["x=hosts.json"], "x=hosts.json: the run names its machines already (a, b); give the file without x="),
        (["a.json", "-o", "a.json"], "a.json: would replace a run that is merged; name another file with -o"),
        (["a.json", "-o", "merged"], "merged: name a file that ends with .json"),
        (["a.json", "-o", "a.json/merged.json"], "a.json/merged.json: cannot be written ("),
        (["a.json", "-o", "folder.json"], "folder.json: cannot be written ("),
    ],
)
def test_bad_input_is_one_line_and_2(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What, where, and how to mend it; nothing is written."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        write_run(tmp_path / f"{name}.json", on(name))
    (tmp_path / "cut.json").write_bytes((tmp_path / "a.json").read_bytes()[:400])
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe")
    (tmp_path / "folder.json").mkdir()
    assert main(["merge", "a.json", "b.json", "-o", "hosts.json"], tmp_path) == 0
    assert words in refusal(["merge", *arguments], tmp_path, capsys)


def test_a_host_without_facts_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By whoever reads the file: its times could not be held against any."""
    run = merged(tmp_path, on("a"), on("b"))
    del run["machine_info"]["cnn_dyno"]["hosts"]["b"]
    file = write_run(tmp_path / "less.json", run)
    for command in (["keep", "main"], ["merge"]):
        assert "$.machine_info.cnn_dyno.hosts: has no facts of b" in refusal([*command, str(file)], tmp_path, capsys)


def test_hosts_are_compared_each_with_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A table for each; a host that is another machine now is not comparable, whatever the first machine is."""
    memory = saved_benchmark("memory"), saved_benchmark()
    new: dict[str, Any] = {"cpu": {"name": "New"}, "versions": {"python": "3.11.7", "torch": "2.15.0"}}
    merged(tmp_path / "before", on("a", *memory), on("b", *memory))
    merged(tmp_path / "after", on("a", *memory, minute=50), on("b", *memory, minute=51, **new))
    capsys.readouterr()
    files = [str(tmp_path / name / "merged.json") for name in ("before", "after")]
    assert main(["compare", *files], tmp_path) == INCONCLUSIVE_STATUS
    said = capsys.readouterr().out
    first, second = said.split("### Host a")[1].split("### Host b")
    assert "digits on cpu of a" in first
    assert "of b" not in first
    assert "not comparable" not in first
    assert "| PyTorch, training step | digits on cpu of b | not comparable |" in second
    assert "cpu: Example of b there, New here" in second
    assert "numpy on b 2.4.6 → absent and torch on b absent → 2.15.0" in second


def test_other_machines_are_not_compared_by_accident(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither by another name nor by none, and it is said how a run gets its machine's name."""
    merged(tmp_path, on("a"), on("b"))
    merged(tmp_path / "other", on("c"))
    plain = write_run(tmp_path / "plain.json", on("a", minute=59))
    for later, named in ((plain, "a machine without a name"), (tmp_path / "other" / "merged.json", "c")):
        said = refusal(["compare", str(tmp_path / "merged.json"), str(later)], tmp_path, capsys)
        assert f"merged.json has figures of a, b, {later} of {named}: no machine is in both; python -m " in said
    merged(tmp_path / "same", on("a", minute=59))
    assert main(["compare", str(tmp_path / "merged.json"), str(tmp_path / "same" / "merged.json")], tmp_path) != 2


def test_a_merged_run_is_kept_listed_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the conditions of each host; a kept file is the same run, and no machine's own name is in it."""
    merged(tmp_path, on("x"), on("y", usable_cores=[0, 1, 2]), names=("gpu1", "gpu2"))
    assert main(["keep", "main", str(tmp_path / "merged.json")], tmp_path) == 0
    (kept,) = (tmp_path / "baselines" / "main").iterdir()
    assert read_run(kept) == read_run(tmp_path / "merged.json")
    assert not {'"x"', '"y"', '"memory_bytes"'} & set(kept.read_text(encoding="utf-8").replace(",", " ").split())
    capsys.readouterr()
    assert main(["list"], tmp_path) == 0
    assert "gpu1: Example of x, 2 cores; gpu2: Example of y, 3 cores" in capsys.readouterr().out
    assert main(["show", "main"], tmp_path) == 0
    said = capsys.readouterr().out
    assert "conditions on gpu2\n  cpu: Example of y\n  usable cores: 3\n" in said


def test_hosts_are_series_of_their_own(tmp_path: Path) -> None:
    """Over several merged runs, and beside the runs that they were made of, which are no edited copies."""
    runs = [on("a", minute=minute) for minute in (1, 2)]
    others = [on("b", minute=minute, cpu={"name": name}) for minute, name in ((3, "Old"), (4, "New"))]
    files = [tmp_path / "1" / "merged.json", tmp_path / "2" / "merged.json"]
    for file, run, other in zip(files, runs, others, strict=True):
        merged(file.parent, run, other)
    found = series_of([*map(read_run, files), *(read_run(file.parent / "1.json") for file in files)])
    lengths = {(each.name, run.recorded): len(each.values) for each in found for run in each.runs[:1]}
    step = "test_training_step[digits-pytorch-cpu{}]"
    assert lengths[step.format("-on-a"), "2026-03-01T10:03:00+00:00"] == 2
    assert lengths[step.format("-on-b"), "2026-03-01T10:03:00+00:00"] == 1
    assert lengths[step.format("-on-b"), "2026-03-01T10:04:00+00:00"] == 1
    assert lengths[step.format(""), "2026-03-01T10:03:00+00:00"] == 1
