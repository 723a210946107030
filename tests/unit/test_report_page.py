"""fixtures.reports.page: one page of a saved run, whole, inert, and readable without seeing it."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest

from fixtures.reports.page.document import page
from tests.shown_runs import Reader, figures, run

pytest.importorskip("matplotlib")

READINGS = Path(__file__).resolve().parents[2] / "docs" / "readings"
HOSTILE = "<script>alert(1)</script>\"'&$x_1$\x1b[31m" + "w" * 200
LARGEST_BYTES = 2_000_000


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


def test_a_run_without_what_is_drawn_has_a_page_all_the_same() -> None:
    """Older files have neither bursts nor samples nor a place."""
    drawn = ("bursts_seconds", "standing", "parity", "share_of_peak", "batch_size", "void_blocks")
    info = {name: value for name, value in figures("A")[0]["extra_info"].items() if name not in drawn}
    text = page({"benchmarks": [{"name": "test", "extra_info": info}]}, "old")
    assert "Figures of A 1.0 alone" in text
