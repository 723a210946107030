"""fixtures.reports.page: one page of a saved run, whole, inert, and readable without seeing it."""

from __future__ import annotations

import errno
import html
import json
import math
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.reports.page.__main__ import main
from fixtures.reports.page.document import PageError, page, small_picture, write_page
from fixtures.reports.regression import regression_report
from fixtures.reports.search import search_report

if TYPE_CHECKING:
    from collections.abc import Callable

pytest.importorskip("matplotlib")

READINGS = Path(__file__).resolve().parents[2] / "docs" / "readings"
HOSTILE = "<script>alert(1)</script>\"'&$x_1$\x1b[31m" + "w" * 200
LARGEST_BYTES = 2_000_000


class Reader(HTMLParser):
    """What a browser makes of a page: elements with their attributes, and the text between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        """Text."""
        self.text += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


def figures(framework: str, workload: str = "digits", **changes: Any) -> list[dict[str, Any]]:
    """Of one framework, with everything that a run can save of it."""
    common = {
        "arm": f"{workload}-{framework}-cpu",
        "framework": framework,
        "framework_title": framework,
        "framework_version": "1.0",
        "workload": workload,
        "device": "cpu",
        "precision": "float32",
        "threads": 2,
        "parity": {"errors": {"logits": 1e-7, "losses": None}, "tolerances": {"logits": 1e-5, "losses": 1e-5}},
        "void_blocks": [],
    } | changes
    first = {"first": "digits-A-cpu"}
    beside = {"arm": "digits-A-cpu", "times": 1.5, "at_least": 1.4, "at_most": 1.6, "equal": False, "certain": True}
    place = first if framework == "A" else first | {"beside_first": beside, "beside_before": beside}
    step: dict[str, Any] = {
        "seconds": 0.011,
        "relative_half_width": 0.02,
        "images_per_second": 5800.0,
        "batch_size": 64,
        "settled": True,
        "bursts_seconds": [[0.01, 0.011, 0.012], [0.0105, 0.013, 0.01]],
        "process_medians_seconds": [0.011, 0.0105],
        "standing": place,
        "steal_seconds": 0.0,
        "foreign_cpu_seconds": 0.0,
        "measured_seconds": 2.0,
        "share_of_peak": 0.3,
    }
    memory: dict[str, Any] = {
        "peak_memory_bytes": 7e8,
        "memory_samples": [[0.1 * at, 1e6 * at] for at in range(900)],
        "memory_phases_bytes": {"after_import": 4e8, "training": 7e8},
    }
    accuracy: dict[str, Any] = {
        "accuracy": 0.97,
        "accuracies": [0.97],
        "accuracy_threshold": 0.95,
        "seeds": [42],
        "epochs": 2,
        "epoch_accuracies": [[0.9, 0.97]],
        "epoch_seconds": [[1.0, 1.1]],
        "class_names": ["0", "1"],
        "confusion_matrix": [[9, 1], [0, 10]],
    }
    measures = {"step": step, "memory": memory, "accuracy": accuracy}
    return [
        {"name": f"test_{measure}[{framework}]", "extra_info": common | {"measure": measure} | more}
        for measure, more in measures.items()
    ]


def run(*benchmarks: dict[str, Any]) -> dict[str, Any]:
    """As it is saved."""
    cpu = {"name": "A processor", "vector_flags": ["avx2"]}
    facts = {"cpu": cpu, "versions": {"torch": "1.0"}, "usable_cores": [0, 1]}
    return {"benchmarks": list(benchmarks), "machine_info": {"cnn_dyno": facts}, "datetime": "2026-11-27T10:00:00"}


def test_a_plain_run_has_its_answer_its_pictures_and_its_machine() -> None:
    """The answer comes first, then the parts in their order."""
    found = Reader(page(run(*figures("A"), *figures("B")), "run"))
    assert "By step time: A 1.0 is fastest; B 1.0 takes 1.50 times as long (1.40 to 1.60)." in found.text
    titles = ["Contrasts", "Table", "Over time", "Distributions", "Memory", "Accuracy", "Is it the same network?"]
    places = [found.text.index(f"\n{title}\n") for title in [*titles, "Machine, versions, and how to make it again"]]
    assert places == sorted(places)
    assert "A processor" in found.text
    assert "pytest bench --framework A,B --workload digits --device cpu" in found.text
    assert "1e-07 of 1e-05" in found.text
    assert "not finite of 1e-05" in found.text


def test_behind_every_picture_there_is_a_table_and_before_it_its_words() -> None:
    """Who does not see it loses nothing; identifiers are nobody else's."""
    found = Reader(page(run(*figures("A"), *figures("B")), "run"))
    pictures = [one for one in found.named("div") if one.get("role") == "img"]
    assert len(pictures) == len(found.named("svg")) == len(found.named("details")) > 5
    assert all(one["aria-label"] for one in pictures)
    identifiers = [one["id"] for _, one in found.elements if one.get("id")]
    assert len(identifiers) == len(set(identifiers))


def test_nothing_is_fetched_and_nothing_is_run() -> None:
    """No script, no address but the names of SVG's own languages, and a policy that forbids both."""
    text = page(run(*figures("A"), *figures("B")), "run")
    found = Reader(text)
    assert not found.named("script")
    assert not found.named("link")
    assert set(re.findall(r"https?://[^\"'<> ]+", text)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert "default-src 'none'" in text


def test_names_from_outside_are_text() -> None:
    """Markup, quotes, formulas, escape sequences, two hundred characters: in text, attributes and pictures."""
    text = page(run(*figures(HOSTILE), *figures("B", HOSTILE)), HOSTILE)
    found = Reader(text)
    assert not found.named("script")
    assert "<script>alert(1)</script>" in found.text
    assert "\x1b" not in text


def test_nine_frameworks_stay_below_two_megabytes() -> None:
    """With all measures."""
    text = page(run(*(each for name in "ABCDEFGHI" for each in figures(name))), "run")
    assert len(text.encode()) < LARGEST_BYTES


@pytest.mark.parametrize("name", ["upgrade-torch", "upgrade-tf", "upgrade-keras", "upgrade-copy"])
def test_an_upgrade_check_begins_with_its_verdict(name: str) -> None:
    """Real runs of earlier versions of the suite, the figures and the machine's part of which are all there is."""
    saved = json.loads((READINGS / f"{name}.json").read_text(encoding="utf-8"))
    verdicts = {benchmark["extra_info"]["verdict"] for benchmark in saved["benchmarks"]}
    (answer, *_) = re.findall(r'<p class="answer">(.*?)</p>', page(saved, name), flags=re.DOTALL)
    expected = "REGRESSION" if "regression" in verdicts else "NO REGRESSION"
    assert expected in answer or "INCONCLUSIVE" in answer
    assert "**" not in answer


def test_a_search_names_what_it_found_and_shows_its_ladder() -> None:
    """A real one: which release of JAX made a step longer."""
    text = page(json.loads((READINGS / "search-jax.json").read_text(encoding="utf-8")), "search-jax")
    found = Reader(text)
    (answer, *_) = re.findall(r'<p class="answer">(.*?)</p>', text, flags=re.DOTALL)
    assert "FOUND" in answer
    assert "0.4.33" in answer
    assert "0.4.31 → 0.4.33" in found.text
    assert "pytest bench --framework jax --workload digits --device cpu --bisect jax==0.4.30..0.5.0" in found.text
    assert found.named("svg")


def test_a_blocks_change_is_a_share_and_a_batch_size_an_option() -> None:
    """What is saved are logarithms and names that nobody can type."""
    saved = json.loads((READINGS / "upgrade-tf.json").read_text(encoding="utf-8"))
    block = next(one for one in saved["benchmarks"][1]["extra_info"]["raw"] if one["value"] is not None)
    assert f"<td>{100 * math.expm1(block['value']):.4g}</td>" in page(saved, "upgrade-tf")
    text = page(run(*figures("A", "digits-batch16"), *figures("A", "digits-batch64")), "sizes")
    assert "pytest bench --framework A --workload digits --device cpu --batch-size 16,64" in text


def comparison(**changes: Any) -> dict[str, Any]:
    """One measure of an upgrade check, as it is saved."""
    info: dict[str, Any] = {
        "comparison": "digits-A-cpu",
        "measure": "step",
        "framework": "A",
        "framework_title": "A",
        "workload": "digits",
        "device": "cpu",
        "precision": "float32",
        "threads": 2,
        "verdict": "inconclusive",
        "estimate": 0.01,
        "lower": -0.01,
        "upper": 0.03,
        "margins": {"margin": 0.0198, "floor": 0.0025, "minimum_effect": 0.005},
        "family": 1,
        "blocks": 4,
        "blocks_needed": None,
        "budget_needed_seconds": None,
        "schedule": "duet",
        "versions": ["2.0", "1.0"],
        "against": "A==1.0",
        "changed_packages": {"A": ["2.0", "1.0"]},
        "measured_seconds": 60.0,
        "interrupted": False,
        "unanswered": [],
        "raw": [],
    }
    return {"name": f"test_{info | changes}", "extra_info": info | changes}


def contrast_rows(text: str) -> list[list[str]]:
    """Cells of the table behind the picture of contrasts."""
    table = text[text.index("<caption>Changes of times and memory") :]
    rows = re.findall(r"<tr>(.*?)</tr>", table[: table.index("</table>")], flags=re.DOTALL)
    return [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in rows]


def test_a_range_without_a_bound_ends_in_an_arrow_and_not_at_its_estimate() -> None:
    """Two blocks bound nothing; that is no certainty."""
    text = page(run(comparison(lower=None), comparison(measure="memory", upper=None)), "run")
    _, step, memory = contrast_rows(text)
    assert (step[3], memory[4]) == ("unbounded", "unbounded")
    assert re.findall(r'id="p\d+-(unbounded-\w+-\d)"', text) == ["unbounded-below-0", "unbounded-above-1"]
    assert "unbounded-" not in page(run(comparison()), "run")


def test_a_comparison_without_an_estimate_is_no_point() -> None:
    """It would stand at no change."""
    nothing = {"estimate": None, "lower": None, "upper": None}
    text = page(run(comparison(), comparison(measure="memory", **nothing)), "run")
    assert [row[0] for row in contrast_rows(text)] == ["contrast", "A, training step"]
    assert '<h2 id="title-1">Table' in page(run(comparison(**nothing)), "run")


def test_the_floor_of_a_verdict_is_drawn_and_said() -> None:
    """A range that touches no change's neighbourhood alone is why a clear change may be undecided."""
    text = page(run(comparison()), "run")
    headings, step = contrast_rows(text)
    assert (headings[6], step[6]) == ("floor", "0.2503")
    assert re.findall(r'id="p\d+-floor-0-(-?[0-9.]+)"', text) == ["-0.249688", "0.250313"]
    assert "are the floor" in text
    older = page(run(comparison(margins={"margin": 0.0198})), "run")
    assert "floor-0" not in older
    assert "are the floor" not in older


def points(text: str) -> list[str]:
    """Of the page's list of doubts."""
    section = text[text.index("What makes a figure doubtful</h2>") :]
    return [html.unescape(point) for point in re.findall(r"<li>(.*?)</li>", section[: section.index("</section>")])]


def bullets(report: str) -> list[str]:
    """Of a report in the terminal."""
    return [line.removeprefix("- ") for line in report.splitlines() if line.startswith("- ")]


def test_a_page_of_a_search_has_what_the_terminal_says_of_it_and_every_ladder() -> None:
    """What was skipped, what was not checked, what cannot be parted, whether less would do."""
    bounds = {"estimate": 0.05, "lower": 0.04, "upper": 0.06, "blocks": 7, "verdict": "regression"}
    check = {"before": "old", "after": "torch", "change": "worse", "kept": False, "seconds": 61.0, **bounds}
    search = {
        "kind": "blame",
        "asked": "old.txt",
        "outcome": "found",
        "states": ["old", "torch"],
        "skipped": {"numpy": "it does not install"},
        "ends": ["old", "torch"],
        "between_ends": "worse",
        "changes": [{"before": "old", "after": "torch", "change": "worse", "among": [], "packages": ["torch"]}],
        "left": [],
        "unchecked": [["old", "numpy"]],
        "stopped": "",
        "share": 0.001,
        "alpha": 0.01,
        "checks": [check],
        "culprits": ["torch"],
        "versions": {"torch": ["1", "2"]},
        "smallest": True,
        "sentences": ["triton cannot be moved without torch"],
        "further": [{"states": ["old", "only torch"], "checks": [{**check, "after": "only torch"}]}],
    }
    info = comparison()["extra_info"] | {"search": search}
    benchmark = {"name": "test", "extra_info": {name: info[name] for name in info if name != "comparison"}}
    text = page(run(benchmark), "run")
    said = bullets(search_report([benchmark]))
    assert points(text) == said
    assert "triton cannot be moved without torch" in said
    assert "Skipped: numpy (it does not install)." in said
    assert text.count("old → only torch") >= 2
    assert '<td class="word">only torch</td>' in text


def test_a_page_of_a_run_against_saved_ones_has_what_the_terminal_says_of_it() -> None:
    """Why the baseline was not made again, whose versions differ, what was not selected."""
    finding = {name: comparison()["extra_info"][name] for name in ("estimate", "lower", "upper", "margins", "verdict")}
    finding |= {"benchmark": "test", "measure": "step", "framework_title": "A", "where": "digits on cpu"}
    finding |= {"versions": ["1.0", "2.0"], "baseline": 0.01, "now": 0.01, "normalised": False, "forced": False}
    finding |= {"to_decide": "", "remark": "few processes"}
    about: dict[str, Any] = {
        "name": "baselines/main",
        "baselines": [{"label": "main", "recorded": "2026-11-27T10:00:00", "commit": "0123"}],
        "versions": {"A": ["1.0", "2.0"]},
        "family": 1,
        "unasked": 2,
        "missing": [],
        "recreation": ["The baseline cannot be re-created, so saved figures alone judge times: no commit."],
    }
    (benchmark, *_) = figures("A")
    benchmark["extra_info"]["regression"] = finding | {"run": about}
    found = points(page(run(benchmark), "run"))
    said = bullets(regression_report([benchmark]))
    assert set(said) <= set(found)
    assert about["recreation"][0] in said
    assert "Packages that differ from the newest of the baseline: A 1.0 → 2.0." in said


def test_each_pair_of_versions_has_its_own_remarks() -> None:
    """With whom they are about."""
    other = comparison(against="A==0.9", changed_packages={"A": ["2.0", "0.9"]}, same_program="SAME PROGRAM: yes.")
    found = points(page(run(comparison(), other), "run"))
    assert "digits on cpu, against A==1.0: Packages that differ: A 1.0 → 2.0." in found
    assert "digits on cpu, against A==0.9: Packages that differ: A 0.9 → 2.0." in found
    assert "digits on cpu, against A==0.9: SAME PROGRAM: yes." in found


def test_a_run_without_what_is_drawn_has_a_page_all_the_same() -> None:
    """Older files have neither bursts nor samples nor a place."""
    drawn = ("bursts_seconds", "standing", "parity", "share_of_peak", "batch_size", "void_blocks")
    info = {name: value for name, value in figures("A")[0]["extra_info"].items() if name not in drawn}
    text = page({"benchmarks": [{"name": "test", "extra_info": info}]}, "old")
    assert "Figures of A 1.0 alone" in text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is not a saved run"),
        ('{"benchmarks": [{"extra_', "is not a saved run"),
        ("[]", "is not a saved run"),
        ('{"benchmarks": 3}', "is not a saved run"),
        ('{"benchmarks": []}', "holds no figure of this suite"),
        ('{"benchmarks": [{"extra_info": {"measure": "step"}}]}', "holds what no run of this suite does"),
    ],
)
def test_what_is_no_run_is_one_line_and_no_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, message: str
) -> None:
    """What was there before stays."""
    (tmp_path / "run.json").write_text(content, encoding="utf-8")
    (tmp_path / "run.html").write_text("before", encoding="utf-8")
    assert main([str(tmp_path / "run.json")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert (tmp_path / "run.html").read_text(encoding="utf-8") == "before"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_page_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """Nothing half-written is left."""
    with pytest.raises(PageError, match="cannot be written"):
        write_page("text", tmp_path / "nowhere" / "page.html")
    (tmp_path / "folder").mkdir()
    with pytest.raises(PageError, match="cannot be written"):
        write_page("text", tmp_path / "folder")
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]


def full(*_: object) -> None:
    """As the kernel says it."""
    raise OSError(errno.ENOSPC, "No space left on device")


def interrupted(*_: object) -> None:
    """Ctrl-C."""
    raise KeyboardInterrupt


@pytest.mark.parametrize(("ends", "expected"), [(full, PageError), (interrupted, KeyboardInterrupt)])
def test_a_page_that_is_cut_short_leaves_nothing_behind(
    tmp_path: Path, ends: Callable[..., None], expected: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was there before stays, and no part of the new one."""
    (tmp_path / "page.html").write_text("before", encoding="utf-8")
    monkeypatch.setattr(os, "fsync", ends)
    with pytest.raises(expected):
        write_page("text", tmp_path / "page.html")
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == "before"


PNG, SVG = b"\x89PNG\r\n\x1a\n", b"<?xml"


@pytest.mark.parametrize("name", ["upgrade-torch", "upgrade-copy"])
def test_the_verdicts_are_drawn_alone_too(name: str, tmp_path: Path) -> None:
    """As a picture that any program shows, with the answer, the names and the numbers in it."""
    file = str(READINGS / f"{name}.json")
    for form, first in (("png", PNG), ("svg", SVG)):
        picture = tmp_path / f"verdicts.{form}"
        assert main([file, "-o", str(tmp_path / "page.html"), "--picture", str(picture)]) == 0
        assert picture.read_bytes().startswith(first)
    saved = json.loads(Path(file).read_text(encoding="utf-8"))["benchmarks"]
    texts = re.findall(r"<text[^>]*>(.*?)</text>", picture.read_text(encoding="utf-8"), flags=re.DOTALL)
    for info in (one["extra_info"] for one in saved):
        assert any(text.startswith(f"{info['verdict']}: ") for text in texts)
    assert any(text.startswith("digits on cpu, against") for text in texts)
    assert any("dotted: margin" in text for text in texts)


def test_a_plain_runs_picture_has_its_ratios() -> None:
    """And names from outside are text in it, too."""
    drawn = small_picture(run(*figures("A"), *figures(HOSTILE)), "run", "svg").decode()
    assert "1.50 (1.40 to 1.60)" in drawn
    assert "<script" not in drawn
    assert "dotted" not in drawn


def test_without_a_range_there_is_a_page_and_no_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line says so."""
    (tmp_path / "one.json").write_text(json.dumps(run(*figures("A"))), encoding="utf-8")
    assert main([str(tmp_path / "one.json"), "--picture", str(tmp_path / "one.png")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no contrast in it has a range" in line
    assert sorted(each.name for each in tmp_path.iterdir()) == ["one.html", "one.json"]


@pytest.mark.parametrize("picture", ["verdicts", "verdicts.jpg", "png", ""])
def test_a_picture_has_one_of_two_forms(picture: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Told by the name's ending; before anything is read."""
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path / "none.json"), "--picture", picture])
    assert ended.value.code == 2
    assert "name a file that ends in .png or .svg" in capsys.readouterr().err


def test_each_run_gets_a_page_of_its_own_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unless another is given."""
    (tmp_path / "one.json").write_text(json.dumps(run(*figures("A"))), encoding="utf-8")
    assert main([str(tmp_path / "one.json")]) == 0
    assert (tmp_path / "one.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert main([str(tmp_path / "one.json"), "-o", str(tmp_path / "other.html")]) == 0
    assert (tmp_path / "other.html").exists()
    assert "other.html" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["."], ". cannot be read: Is a directory"),
        (["one.json", "one.txt"], "one.json and one.txt would both become one.html"),
        (["one.json", "folder/../one.json"], "one.json and folder/../one.json would both become"),
        (["one.json", "-o", "one.json"], "the page of one.json would replace the run one.json"),
        (["run.html"], "the page of run.html would replace the run run.html"),
        (["run.svg", "-o", "a.html", "--picture", "run.svg"], "--picture run.svg is the run or its page"),
    ],
)
def test_what_would_be_lost_or_is_no_file_is_refused_in_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing is written."""
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    for name in ("one.json", "one.txt", "run.html", "run.svg"):
        Path(name).write_text(json.dumps(run(*figures("A"))), encoding="utf-8")
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before
