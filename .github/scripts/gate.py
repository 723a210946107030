"""Measure this checkout against another version of it, or of its packages, and say the verdict where GitHub shows it.

It runs ``pytest bench --against``. What it needs to know comes from its options or, for a workflow, from environment
variables (``GATE_BUDGET`` for ``--budget`` and so on). It leaves five files in the folder of ``--reports``, if that is
``gate``: ``run.json`` (pytest-benchmark's), ``report.md``, ``outcome.txt``, and as far as there is anything to draw
``gate.html`` (the page of the run) and ``gate.png`` (its verdicts). An artefact of one file has the file's name, so
these two have the folder's.

Exit status: 0 no regression or nothing to measure, 1 no verdict at all, 2 usage error, 10 inconclusive (0 with a
warning unless ``--inconclusive fail``), 11 regression, otherwise pytest's own.
"""
# ruff: noqa: INP001 - a program, no part of a package

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_BASE = "origin/main"
FAILED = 1
USAGE_ERROR = 2
INCONCLUSIVE = 10
REGRESSION = 11
OUTCOMES = {0: "no regression", INCONCLUSIVE: "inconclusive", REGRESSION: "regression"}
NOTHING = "nothing to measure"


def parse(arguments: list[str]) -> argparse.Namespace:
    """The settings; an empty one counts as not given, since a workflow's unset input is an empty string."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])

    def add(name: str, help_text: str, default: str = "") -> None:
        variable = f"GATE_{name.upper()}"
        given = os.environ.get(variable, "") or default
        now = given.replace("%", "%%") or "none"  # argparse formats help texts
        parser.add_argument(f"--{name}", default=given, help=f"{help_text} (or {variable}; now: {now})")

    add("base", "git revision: models/ and the pinned packages are held against it, where they differ")
    add("days", "the same with the revision of so many days ago")
    add("against", "what pytest bench --against takes; several, one a line")
    add("framework", "frameworks to measure, separated by commas")
    add("workload", "workloads to train, separated by commas")
    add("program", "your own training, in the place of frameworks and workloads; it needs --against")
    add("device", "cpu or cuda", "cpu")
    add("markers", 'measures, for example "step or memory"')
    add("budget", "time for measuring, for example 20m")
    add("margins", 'for example "step=3%% memory=5%%"')
    add("inconclusive", "warn or fail", "warn")
    add("python", "interpreter of the candidate's environment", sys.executable)
    add("reports", "folder for the results", "reports/gate")
    settings = parser.parse_args(arguments)
    if settings.inconclusive not in ("warn", "fail"):
        parser.error(f"--inconclusive {settings.inconclusive}: write warn or fail")
    # git takes a time that it cannot read for now, so that nothing would seem to have changed.
    if settings.days and not re.fullmatch(r"[1-9]\d{0,3}", settings.days):
        parser.error(f"--days {settings.days}: write a whole number from 1 to 9999")
    given = [bool(value.strip()) for value in (settings.base, settings.days, settings.against)]
    if sum(given) > 1:
        parser.error("--base, --days and --against exclude each other: give one of them")
    if settings.program and not settings.against.strip():
        parser.error("--program needs --against: packages, an environment, or git:REF of the program's own repository")
    if not any(given):
        settings.base = DEFAULT_BASE
    return settings


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git on the checkout, whichever repository's hook this is."""
    command = ["git", "-C", str(ROOT), "-c", "safe.directory=*", *arguments]
    listed = subprocess.run(["git", "rev-parse", "--local-env-vars"], capture_output=True, text=True, check=False)  # noqa: S607 - from the PATH
    clean = {name: value for name, value in os.environ.items() if name not in listed.stdout.split()}
    return subprocess.run(command, env=clean, capture_output=True, text=True, check=False)  # noqa: S603 - a list, no shell


def revision(settings: argparse.Namespace) -> str:
    """The commit to compare with, abbreviated.

    Raises:
        SystemExit: with the usage error's status if git does not know it.
    """
    # A clone of one branch, as a workflow's checkout, knows the others only as origin's.
    named = [settings.base, f"origin/{settings.base}"]
    if settings.days:
        named = [git("rev-list", "--max-count=1", f"--before={settings.days} days ago", "HEAD").stdout.strip()]
    for name in named:
        found = git("rev-parse", "--verify", "--short", "--end-of-options", f"{name}^{{commit}}")
        if found.returncode == 0:
            return found.stdout.strip()
    asked = f"--days {settings.days}" if settings.days else f"--base {settings.base}"
    sys.stderr.write(f"{asked}: git has no such revision here; fetch it, for example with git fetch origin main\n")
    raise SystemExit(USAGE_ERROR)


def changes_since(commit: str) -> dict[str, Any]:
    """What this checkout changes since a commit, as ``fixtures.arms.changes`` says it."""
    command = [sys.executable, "-m", "fixtures.arms.changes", commit]
    finished = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 - a list
    if finished.returncode:
        raise SystemExit(USAGE_ERROR)
    found: dict[str, Any] = json.loads(finished.stdout)
    return found


def measure(settings: argparse.Namespace, against: list[str], run: Path) -> int:
    """Run the benchmarks, and return pytest's exit status."""
    # Each in one word: before pytest knows the suite's options, it looks for a conftest.py beside every other word.
    options = [f"--benchmark-json={run}", f"--device={settings.device}"]
    options += [f"--against={one}" for one in against]
    options += [f"--margin={one}" for one in re.split(r"[\s,]+", settings.margins) if one]
    for name in ("framework", "workload", "program", "budget"):
        value = getattr(settings, name)
        options += [f"--{name}={value}"] if value else []
    options += ["-m", settings.markers] if settings.markers else []
    # -P: the current folder may be another project's, with packages of the same names.
    command = [settings.python, "-P", "-m", "pytest", str(ROOT / "bench"), *options]
    try:
        return subprocess.run(command, check=False).returncode  # noqa: S603 - a list, no shell
    except OSError as error:
        sys.stderr.write(f"--python {settings.python} does not run: {error.strerror}\n")
        return USAGE_ERROR


def report_of(run: Path) -> str:
    """The report on a saved run; empty where there is no verdict to report on."""
    command = [sys.executable, "-m", "fixtures.reports.comment", str(run.resolve())]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - the same
    return finished.stdout if finished.returncode == 0 else ""


def pages(reports: Path) -> list[Path]:
    """Where the page and the picture of the run go."""
    return [reports / f"{reports.resolve().name}{suffix}" for suffix in (".html", ".png")]


def write_pages(run: Path) -> None:
    """Leave a page and a picture beside a saved run; the verdict does not depend on them."""
    if run.is_file():
        page, picture = (str(path.resolve()) for path in pages(run.parent))
        command = [sys.executable, "-m", "fixtures.reports.page", str(run.resolve()), "-o", page, "--picture", picture]
        subprocess.run(command, cwd=ROOT, check=False)  # noqa: S603 - the same


def publish(reports: Path, outcome: str, report: str, *, passed: bool, unmeasured: list[str]) -> None:
    """Leave the files, and tell GitHub if it listens."""
    report = "\n\n".join([report.rstrip(), *unmeasured]) + "\n"
    (reports / "report.md").write_text(report, encoding="utf-8")
    (reports / "outcome.txt").write_text(f"{outcome}\n", encoding="utf-8")
    for variable, text in (("GITHUB_STEP_SUMMARY", f"{report}\n"), ("GITHUB_OUTPUT", f"outcome={outcome}\n")):
        if file := os.environ.get(variable):
            with Path(file).open("a", encoding="utf-8") as stream:
                stream.write(text)
    if os.environ.get("GITHUB_ACTIONS"):
        level = "notice" if outcome == NOTHING else "warning" if passed else "error"
        said = [(level, outcome)] if outcome != OUTCOMES[0] else []
        for kind, text in [*said, *(("notice", one) for one in unmeasured)]:
            sys.stdout.write(f"::{kind} title=cnn-dyno gate::{text}\n")
    sys.stdout.write(f"cnn-dyno gate: {outcome}; see {reports / 'report.md'}\n")


def main(arguments: list[str]) -> int:
    """Measure, report, and return the exit status."""
    settings = parse(arguments)
    reports = Path(settings.reports)
    reports.mkdir(parents=True, exist_ok=True)
    run = reports / "run.json"
    for earlier in (run, *pages(reports), reports / "report.md", reports / "outcome.txt"):
        earlier.unlink(missing_ok=True)
    against = [line.strip() for line in settings.against.splitlines() if line.strip()]
    unmeasured: list[str] = []
    if not against:
        commit = revision(settings)
        changes = changes_since(commit)
        unmeasured = changes["unmeasured"]
        if not changes["against"]:
            text = f"**NOTHING TO MEASURE**: no pinned package and nothing in `models/` differs from `{commit}`"
            text += ", except:" if unmeasured else "."
            # What differs and was not looked at is no success.
            doubtful = bool(unmeasured) and settings.inconclusive != "warn"
            outcome = OUTCOMES[INCONCLUSIVE] if unmeasured else NOTHING
            publish(reports, outcome, text, passed=not doubtful, unmeasured=unmeasured)
            return INCONCLUSIVE if doubtful else 0
        against = [changes["against"]]
        named = settings.framework.split(",")
        if not settings.framework:
            settings.framework = ",".join(changes["frameworks"])
        elif left_out := [name for name in changes["frameworks"] if not {name, "all"} & set(named)]:
            unmeasured.append(f"Not measured, though the change concerns it: {', '.join(left_out)}.")
    status = measure(settings, against, run)
    report = report_of(run)
    write_pages(run)
    if not report:
        report = f"**NOT MEASURED**: `pytest bench` ended with status {status} and no verdict; its log says why."
        # Nor is doubt: so ends a run in which everything was skipped. One whose time was up has a verdict, of doubt.
        status = FAILED if status in OUTCOMES else status
    passed = status == 0 or (status == INCONCLUSIVE and settings.inconclusive == "warn")
    publish(reports, OUTCOMES.get(status, "failed"), report, passed=passed, unmeasured=unmeasured)
    return 0 if passed else status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
