"""What a checkout changes since a commit: nothing that differs is passed over in silence."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from fixtures.arms.changes import Changes, changes, main, not_selected, pins
from models.registry import DEFAULT_FRAMEWORKS, FRAMEWORKS, Framework

if TYPE_CHECKING:
    from pathlib import Path

PINNED = "git:HEAD:requirements/requirements.txt"
FILES = {
    "models/spec.py": "",
    "models/registry.py": "",
    "models/adapters/pytorch.py": "",
    "models/adapters/pytorch_compile.py": "from models.adapters import pytorch\n",
    "models/adapters/jax.py": "",
    "models/adapters/tf_estimator.py": "",
    "requirements/requirements.txt": "jax==0.9 \\\n    --hash=sha256:0\nsix==1.0\n",
    "requirements/tf-estimator.txt": "tensorflow-cpu==2.15.1\n",
}


def git(root: Path, *arguments: str) -> None:
    """Run git, as somebody."""
    command = ["git", "-C", str(root), "-c", "user.name=A", "-c", "user.email=a@example.org", *arguments]
    subprocess.run(command, check=True, capture_output=True)


def write(root: Path, files: dict[str, str]) -> None:
    """Write files, their folders included."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one commit, of which nothing is changed yet, where every framework is installed."""
    monkeypatch.setattr(Framework, "missing", lambda _: ())
    monkeypatch.setattr(Framework, "missing_programs", lambda _: ())
    write(tmp_path, FILES)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "base")
    return tmp_path


def test_what_is_equal_needs_no_measurement(root: Path) -> None:
    """Hashes and comments are no difference of packages, and documents none of models."""
    write(
        root, {"requirements/requirements.txt": "# why\njax==0.9 \\\n    --hash=sha256:1\nsix==1.0\n", "README.md": "a"}
    )
    assert changes("HEAD", root) == Changes("", (), ())


@pytest.mark.parametrize(
    ("files", "against", "frameworks"),
    [
        ({"models/adapters/jax.py": "changed"}, "git:HEAD", ("jax",)),
        ({"models/adapters/pytorch.py": "changed"}, "git:HEAD", ("pytorch", "pytorch-compile")),
        ({"models/spec.py": "changed"}, "git:HEAD", DEFAULT_FRAMEWORKS),
        ({"models/untracked.py": "new"}, "git:HEAD", DEFAULT_FRAMEWORKS),
        ({"requirements/requirements.txt": "jax==0.10\nsix==1.0\n"}, PINNED, ("jax",)),
        ({"requirements/requirements.txt": FILES["requirements/requirements.txt"] + "tiny==1\n"}, PINNED, None),
        ({"requirements/requirements.txt": "jax==0.9\n"}, PINNED, None),
        (
            {"requirements/requirements.txt": "jax==0.10\nsix==1.0\n", "models/adapters/pytorch.py": "changed"},
            PINNED,
            ("pytorch", "pytorch-compile", "jax"),
        ),
    ],
    ids=["adapter", "built on", "shared", "untracked", "upgraded", "added", "removed", "packages and models"],
)
def test_every_change_is_measured_where_it_matters(
    root: Path, files: dict[str, str], against: str, frameworks: tuple[str, ...] | None
) -> None:
    """Against the whole of the commit: its models with its packages, not one of the two."""
    write(root, files)
    found = changes("HEAD", root)
    assert (found.against, found.unmeasured) == (against, ())
    assert set(found.frameworks) == set(frameworks or DEFAULT_FRAMEWORKS)


def test_a_removed_file_is_a_change(root: Path) -> None:
    """As much as a new one."""
    (root / "models" / "spec.py").unlink()
    assert changes("HEAD", root).against == "git:HEAD"


@pytest.mark.parametrize("name", ["requirements/tf-estimator.txt", "models/adapters/tf_estimator.py"])
def test_what_cannot_be_compared_is_named(root: Path, name: str) -> None:
    """A framework in an environment of its own."""
    write(root, {name: "tensorflow-cpu==2.15.2\n"})
    found = changes("HEAD", root)
    assert found.against == ""
    (sentence,) = found.unmeasured
    assert sentence.startswith(f"`{name}` differs and was not measured: TF Estimator")


@pytest.mark.parametrize("name", ["fixtures/measuring/block.py", "fixtures/workers/new.py", "bench/test_training.py"])
def test_a_change_of_the_harness_is_named(root: Path, name: str) -> None:
    """Both sides are run by the checkout's, so that no comparison can tell what it does."""
    write(root, {name: "changed"})
    found = changes("HEAD", root)
    assert found.against == ""
    (sentence,) = found.unmeasured
    folder = name.rpartition("/")[0]
    assert sentence.startswith(f"`{folder}` differs and was not measured: both sides of a comparison are run")


def test_a_hooks_repository_is_not_asked(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a hook, git sets variables that count more than the folder it is asked about."""
    write(root, {"models/spec.py": "changed"})
    expected = changes("HEAD", root)
    (tmp_path / "hook").mkdir()
    for variable in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.setenv(variable, str(tmp_path / "hook"))
    assert changes("HEAD", root) == expected
    assert expected.against == "git:HEAD"


def test_a_new_framework_has_no_base(root: Path) -> None:
    """It is named; measured is what else the change concerns."""
    name = "models/adapters/tensorflow_xla.py"
    write(root, {name: "new", "models/registry.py": "changed"})
    found = changes("HEAD", root)
    assert (found.against, set(found.frameworks)) == ("git:HEAD", set(DEFAULT_FRAMEWORKS))
    (sentence,) = found.unmeasured
    assert sentence.startswith(f"`{name}` differs and was not measured: it is new")


@pytest.mark.parametrize("name", ["models/a b.py", "models/line\nbreak.py", 'models/"quoted".py', "models/ümlaut.py"])
def test_any_name_of_a_file_counts(root: Path, name: str) -> None:
    """Git writes some of them with quotes and escapes unless it is told not to."""
    write(root, {name: "new"})
    assert changes("HEAD", root).against == "git:HEAD"
    git(root, "add", ".")
    assert changes("HEAD", root).frameworks == DEFAULT_FRAMEWORKS


def test_a_checkout_may_be_a_folder_of_another_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vendored: git then tells paths from that repository's root, unless it is told not to."""
    monkeypatch.setattr(Framework, "missing", lambda _: ())
    monkeypatch.setattr(Framework, "missing_programs", lambda _: ())
    checkout = tmp_path / "third_party" / "dyno"
    write(checkout, FILES)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "base")
    write(checkout, {"models/adapters/jax.py": "changed", "requirements/requirements.txt": "jax==0.9\nsix==2.0\n"})
    write(tmp_path, {"models/elsewhere.py": "another project's"})
    found = changes("HEAD", checkout)
    assert (found.against, found.own) == (PINNED, ("jax",))


def test_git_that_warns_says_no_more_than_git_that_does_not(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it prints on standard error is for people."""
    monkeypatch.setenv("GIT_TRACE", "1")
    assert changes("HEAD", root) == Changes("", (), ())


@pytest.mark.parametrize(
    ("own", "common", "selected", "chosen", "missing"),
    [
        (("jax",), (), {"jax"}, False, ()),
        (("jax",), (), {"pytorch"}, True, ("jax",)),
        (("jax",), (), {"pytorch"}, False, ("jax",)),
        ((), ("pytorch", "tensorflow"), {"pytorch"}, True, ()),
        ((), ("pytorch", "tensorflow"), {"pytorch"}, False, ("tensorflow",)),
        ((), ("pytorch", "tensorflow"), {"jax"}, True, ("pytorch", "tensorflow")),
        (("jax",), ("pytorch", "tensorflow"), {"pytorch"}, True, ("jax",)),
        (("jax",), ("pytorch", "tensorflow"), {"jax"}, True, ()),
    ],
)
def test_what_is_not_selected_is_not_passed_over(
    own: tuple[str, ...], common: tuple[str, ...], selected: set[str], missing: tuple[str, ...], *, chosen: bool
) -> None:
    """An adapter that differs is measured or named; of what a common file concerns, those that the user names do."""
    found = Changes("git:HEAD", (*own, *common), (), own)
    sentences = not_selected(found, selected, chosen=chosen)
    assert sentences == tuple(
        f"{FRAMEWORKS[name].title} is concerned by the change and was not selected." for name in missing
    )


def test_only_pins_are_read_from_a_requirements_file() -> None:
    """Of each its version and marker."""
    text = '# pins\nsix==1.0 \\\n    --hash=sha256:0 \\\n    # via a==1\ntiny[x]==2 ; python_version < "4" \\\n--pre\n'
    assert pins(text) == {"six==1.0", 'tiny[x]==2 ; python_version < "4"'}


def test_the_command_prints_json_or_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """With git's own reason."""
    assert main(["HEAD"]) == 0
    assert json.loads(capsys.readouterr().out).keys() == {"against", "frameworks", "unmeasured", "own"}
    assert main(["no-such-commit"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
