"""Which frameworks ``--against git:REF`` compares, and what of the change it says that it does not measure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.arms.arm import Arm
from fixtures.arms.environments import Revision
from fixtures.judging.verdicts import Verdict
from fixtures.plugin.choices import Choice
from fixtures.plugin.concerned import frameworks_for, unmeasured
from fixtures.plugin.exit_status import EXIT_INCONCLUSIVE, EXIT_REGRESSION, comparisons_status
from fixtures.reports.verdicts import conclusion
from fixtures.sessions.comparisons import Comparison
from models.registry import DEFAULT_FRAMEWORKS, FRAMEWORKS, Framework
from models.workloads import WORKLOADS
from tests.unit.test_changes import FILES, git, write

if TYPE_CHECKING:
    from pathlib import Path

CHOICE = Choice(WORKLOADS["digits"], tuple(FRAMEWORKS[name] for name in DEFAULT_FRAMEWORKS), 1)


@pytest.fixture
def revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Revision:
    """The last commit of a checkout whose adapter of JAX is broken in the working tree."""
    monkeypatch.setattr(Framework, "missing", lambda _: ())
    monkeypatch.setattr(Framework, "missing_programs", lambda _: ())
    write(tmp_path, FILES)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "base")
    write(tmp_path, {"models/adapters/jax.py": "broken"})
    return Revision(tmp_path, "HEAD")


def compared(revision: Revision, *names: str) -> list[Comparison]:
    """These frameworks against the revision."""
    arms = [Arm(CHOICE.workload, FRAMEWORKS[name], "cpu") for name in names]
    return [Comparison(arm, Arm(arm.workload, arm.framework, "cpu", source=revision, tag="HEAD")) for arm in arms]


def test_what_the_change_concerns_is_compared(revision: Revision) -> None:
    """Though it is no default framework; the default ones, which it does not concern, are not."""
    assert [one.identifier for one in frameworks_for(CHOICE, revision, chosen=False)] == ["jax"]
    assert unmeasured(compared(revision, "jax"), chosen=False) == []


def test_who_names_other_frameworks_is_told_what_that_leaves_out(revision: Revision) -> None:
    """They are compared as asked."""
    assert frameworks_for(CHOICE, revision, chosen=True) == CHOICE.frameworks
    assert unmeasured(compared(revision, *DEFAULT_FRAMEWORKS), chosen=True) == [
        "git:HEAD: JAX (Flax NNX) is concerned by the change and was not selected."
    ]


def test_packages_that_are_pinned_otherwise_are_not_measured_by_models_alone(revision: Revision) -> None:
    """Both sides have the current ones; the option that compares them is named."""
    write(revision.repository, {"requirements/requirements.txt": "jax==0.10\nsix==1.0\n"})
    (sentence,) = unmeasured(compared(revision, "jax"), chosen=False)
    assert "`requirements/requirements.txt` differs and was not measured" in sentence
    assert "--against git:HEAD:requirements/requirements.txt" in sentence
    whole = Revision(revision.repository, "HEAD", "requirements/requirements.txt")
    assert unmeasured(compared(whole, "jax"), chosen=False) == []


def test_where_nothing_differs_the_usual_frameworks_are_compared(revision: Revision) -> None:
    """Equal code with equal code, as asked."""
    write(revision.repository, {"models/adapters/jax.py": ""})
    assert frameworks_for(CHOICE, revision, chosen=False) == CHOICE.frameworks
    assert unmeasured(compared(revision, *DEFAULT_FRAMEWORKS), chosen=False) == []


def test_an_unknown_revision_is_refused_in_one_line(revision: Revision) -> None:
    """With git's reason."""
    with pytest.raises(pytest.UsageError, match="--against git:nowhere: not a revision of this checkout"):
        frameworks_for(CHOICE, Revision(revision.repository, "nowhere"), chosen=False)


@pytest.mark.parametrize(
    ("verdict", "status"), [(Verdict.NO_REGRESSION, EXIT_INCONCLUSIVE), (Verdict.REGRESSION, EXIT_REGRESSION)]
)
def test_what_was_passed_over_is_never_green(revision: Revision, verdict: Verdict, status: int) -> None:
    """However good the verdicts on the rest are; a regression stays one."""
    (asked,) = compared(revision, "pytorch")
    assert comparisons_status(0, {"test": asked}, {"test": verdict}, passed_over=True) == status
    assert comparisons_status(0, {"test": asked}, {"test": Verdict.NO_REGRESSION}) == 0


def test_the_report_begins_with_what_was_passed_over() -> None:
    """Of this pair alone; another ``--against`` of the run has its own."""
    sentence = "git:HEAD: JAX is concerned by the change and was not selected."
    info = {"verdict": "no regression", "against": "git:HEAD", "unmeasured": [sentence, "git:old: something else."]}
    assert conclusion([info], []) == f"**INCONCLUSIVE**: {sentence}"
