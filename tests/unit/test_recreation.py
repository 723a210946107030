"""What can be made again of a saved run: its revision of ``models/`` in its packages, or a sentence on what lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fixtures.baselines.recreation import Recreation, not_as_saved, other_environment, recreation
from fixtures.baselines.runs import run_from_plain
from tests.saved_runs import saved_run

if TYPE_CHECKING:
    from fixtures.baselines.runs import SavedRun

PACKAGES = {"torch": "2.15.0", "numpy": "2.4.6"}
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def run(packages: dict[str, str] | None = None, **facts: Any) -> SavedRun:
    """A saved run with these packages; none in its file where they are empty."""
    plain = saved_run(**facts)
    found = PACKAGES if packages is None else packages
    plain["cnn_dyno"] |= {"environments": {"current": found}} if found else {}
    return run_from_plain(plain, "run")


def same(_: str) -> tuple[str, ...]:
    """Code that no commit changed."""
    return ()


def other(_: str) -> tuple[str, ...]:
    """Models that some commit changed."""
    return ("models",)


def test_other_code_in_the_same_packages() -> None:
    """Is made again from its commit alone."""
    found = recreation(run(), run(), other)
    assert found == Recreation(COMMIT, code_differs=True)
    assert found.worthwhile
    assert "models/ of commit 01234567, the packages of now" in found.sentence


def test_other_packages_are_pinned_as_they_were() -> None:
    """Also one that is gone; one that is new stays on both sides, and that is said."""
    now = {"torch": "2.16.0", "numpy": "2.4.6", "rich": "15"}
    found = recreation(run(PACKAGES | {"attrs": "1"}), run(now), same)
    assert found == Recreation(COMMIT, changes=("attrs==1", "torch==2.15.0"), added=("rich",))
    assert found.worthwhile
    assert "attrs==1, torch==2.15.0" in found.sentence
    assert found.sentence.endswith("New since then, and on both sides: rich.")


def test_nothing_changed() -> None:
    """Then there is nothing to measure."""
    found = recreation(run(), run(PACKAGES | {"rich": "15"}), same)
    assert (found.worthwhile, found.nothing_changed) == (False, True)
    assert found.sentence.startswith("Nothing changed that could be re-created:")


def test_what_changed_and_is_not_made_again_is_said() -> None:
    """How workers run and measure, and the last number of Python's version."""
    patched = run(versions={"python": "3.11.9"})
    found = recreation(run(), patched, lambda _: ("fixtures/workers",))
    assert found.nothing_changed
    assert found.passed_over == ("fixtures/workers is another", "Python 3.11.7 then, 3.11.9 now")
    assert "Different all the same: fixtures/workers is another; Python 3.11.7 then, 3.11.9 now." in found.sentence


def test_an_environment_of_its_own_is_looked_at() -> None:
    """Its packages differ, are the same, or are not in the file."""
    plain, later = saved_run(), saved_run()
    plain["cnn_dyno"]["environments"] = {"current": PACKAGES, "tf.txt": {"tensorflow": "2.15.0", "six": "1"}}
    later["cnn_dyno"]["environments"] = {"current": PACKAGES, "tf.txt": {"tensorflow": "2.15.1", "six": "1"}}
    before, now = run_from_plain(plain, "run"), run_from_plain(later, "run")
    assert other_environment(before, now, "tf.txt") == "in tf.txt tensorflow 2.15.0 → 2.15.1"
    assert other_environment(now, now, "tf.txt") == ""
    assert other_environment(run(), now, "tf.txt") == "the packages of tf.txt are not known of both runs"


@pytest.mark.parametrize(
    ("before", "lacking"),
    [
        (run({}), "the versions of all packages are not in its file, which an older"),
        (run(commit=""), "no commit is in its file"),
        (run(commit="unversioned"), r"its file names no commit \(unversioned\)"),
        (run(commit="--output=x"), "its file names no commit"),
        (run(cpu={"name": "Abacus"}), r"another machine \(cpu: Abacus there, Example 9000 here\)"),
        (run(versions={"python": "3.12.1"}), "it ran in Python 3.12, and this is 3.11"),
        (run({"torch @ https://example.org/x": "1"}), "a package that can be none"),
        (run({"torch": "1 --index-url x"}), "a package that can be none"),
    ],
    ids=["older", "no-commit", "unversioned", "option", "machine", "python", "address", "no-version"],
)
def test_what_lacks_is_said_in_one_line(before: SavedRun, lacking: str) -> None:
    """And git is not even asked."""
    found = recreation(before, run(), lambda _: pytest.fail("asked"))
    assert not found.worthwhile
    assert not found.nothing_changed
    with pytest.raises(ValueError, match=lacking):
        raise ValueError(found.sentence)
    assert len(found.sentence.splitlines()) == 1


def test_code_that_was_not_committed_is_not_known() -> None:
    """Its commit is not what was measured."""
    plain = saved_run()
    plain["commit_info"]["dirty"] = True
    plain["cnn_dyno"]["environments"] = {"current": PACKAGES}
    found = recreation(run_from_plain(plain, "run"), run(), other)
    assert found.lacking.startswith("files were changed since commit 01234567 when it was saved")


def test_a_commit_that_is_gone() -> None:
    """With git's own words."""

    def gone(_: str) -> tuple[str, ...]:
        raise ValueError("bad object")

    assert recreation(run(), run(), gone).lacking == "its commit 01234567 is not to be had here (bad object)"


def test_packages_that_came_out_otherwise_are_named() -> None:
    """What uv has resolved may be another than what was asked for."""
    assert not_as_saved(run(), PACKAGES | {"rich": "1"}) == ""
    assert not_as_saved(run(), {"torch": "2.14.0"}) == "numpy is absent and was 2.4.6, torch is 2.14.0 and was 2.15.0"
