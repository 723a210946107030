"""Tables of the design of a block, from blocks that ``tests.figures.block_design`` or ``--calibrate`` has saved.

``python -m tests.figures.design_table FILE ...`` prints, as Markdown, the spread of equal arms for each design, for
each way to make one value of a block's bursts, and for shorter blocks. Files that end in ``.jsonl`` hold designs;
others are saved runs of ``pytest bench --calibrate``, whose blocks of equal arms count as measured "as built".
"""

from __future__ import annotations

import json
import math
import sys
from collections import defaultdict
from pathlib import Path
from statistics import fmean, median, stdev
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import chi2

from fixtures.judging.verdicts import log_ratios
from fixtures.reports.markdown import NOTHING, table
from tests.figures.estimators import ESTIMATORS, joined

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.figures.estimators import Estimator

AS_BUILT = "as built"
SHORTER = (10, 20, 40, 80)


def load(paths: Sequence[str]) -> list[dict[str, Any]]:
    """Blocks that count, each with ``design``, ``framework``, ``seconds`` and both arms' seconds a step."""
    blocks: list[dict[str, Any]] = []
    for path in map(Path, paths):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".jsonl":
            blocks += [json.loads(line) for line in text.splitlines()]
            continue
        for benchmark in json.loads(text)["benchmarks"]:
            info = benchmark["extra_info"]
            known = {"design": AS_BUILT, "framework": info["framework"]}
            blocks += [known | block for block in info["blocks"]["0"]]
    return [block for block in blocks if not block["disturbed"] and block["candidate"]]


def designs_table(blocks: Sequence[Mapping[str, Any]]) -> str:
    """A row for each framework and design, the built one first."""
    groups: defaultdict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for block in blocks:
        groups[block["framework"], block["design"]].append(block)
    rows = []
    for (framework, design), members in groups.items():
        values = [joined(0.2)(block["candidate"], block["baseline"]) for block in members]
        step = median(reading for block in members for reading in (*block["candidate"], *block["baseline"]))
        rows.append([framework, design, f"{1e3 * step:.1f}", *_spread(values, [block["seconds"] for block in members])])
    headings = ("framework", "design", "step, ms", "blocks", "s a block", "SD (95 %)", "SE of 1 s", "mean, %")
    return table(headings, rows, texts=2)


def estimators_table(blocks: Sequence[Mapping[str, Any]]) -> str:
    """SD of block values for each estimator and framework, from the same readings."""
    frameworks = list(dict.fromkeys(block["framework"] for block in blocks))
    rows = [
        [name, *(_deviation(_values(blocks, framework, estimator)) for framework in frameworks)]
        for name, estimator in ESTIMATORS.items()
    ]
    timed = [block for block in blocks if "candidate_cpu" in block]
    by_cpu = [{**block, **{arm: block[f"{arm}_cpu"] for arm in ("candidate", "baseline")}} for block in timed]
    for name, some in (("as built, blocks with CPU time", timed), ("CPU time instead of wall time", by_cpu)):
        rows.append([name, *(_deviation(_values(some, framework, joined(0.2))) for framework in frameworks)])
    return table(("one value of a block", *frameworks), rows)


def shorter_table(blocks: Sequence[Mapping[str, Any]]) -> str:
    """SD if each block had ended after fewer bursts; the time that this saves is in proportion to the bursts."""
    rows = []
    for framework in dict.fromkeys(block["framework"] for block in blocks):
        members = [block for block in blocks if block["framework"] == framework]
        for bursts in SHORTER:
            cut = [{**block, **{arm: block[arm][:bursts] for arm in ("candidate", "baseline")}} for block in members]
            saved = [_bursts_seconds(block) - _bursts_seconds(short) for block, short in zip(members, cut, strict=True)]
            seconds = [block["seconds"] - less for block, less in zip(members, saved, strict=True)]
            rows.append([framework, str(bursts), *_spread(_values(cut, framework, joined(0.2)), seconds)])
    return table(("framework", "bursts", "blocks", "s a block", "SD (95 %)", "SE of 1 s", "mean, %"), rows)


def control_variate(blocks: Sequence[Mapping[str, Any]]) -> str:
    """What a fixed kernel, timed after every burst in the same process, would explain of the bursts' log ratios."""
    known = [block for block in blocks if "candidate_kernel" in block]
    if len(known) < 3:
        return "No blocks with a kernel between bursts."
    steps = np.array([joined(0.2)(block["candidate"], block["baseline"]) for block in known])
    kernels = np.array([joined(0.2)(block["candidate_kernel"], block["baseline_kernel"]) for block in known])
    slope = float(np.cov(steps, kernels)[0, 1] / kernels.var(ddof=1))
    correlation = float(np.corrcoef(steps, kernels)[0, 1])
    within = [
        float(np.corrcoef(log_ratios(block["candidate"], block["baseline"]), _kernel_ratios(block))[0, 1])
        for block in known
    ]
    return (
        f"{len(known)} blocks with a kernel after every burst: its log ratio has an SD of {kernels.std(ddof=1):.4f}; "
        f"correlation with the step's, between blocks {correlation:+.2f}, between the bursts of a block "
        f"{fmean(within):+.2f}. SD of the step's block value {steps.std(ddof=1):.4f}, less the kernel's "
        f"{(steps - kernels).std(ddof=1):.4f}, less {slope:.2f} of it, fitted on the same blocks, "
        f"{(steps - slope * kernels).std(ddof=2):.4f}."
    )


def _kernel_ratios(block: Mapping[str, Any]) -> list[float]:
    return log_ratios(block["candidate_kernel"], block["baseline_kernel"])


def _values(blocks: Sequence[Mapping[str, Any]], framework: str, estimator: Estimator) -> list[float]:
    members = (block for block in blocks if block["framework"] == framework)
    return [estimator(block["candidate"], block["baseline"]) for block in members]


def _bursts_seconds(block: Mapping[str, Any]) -> float:
    """Of the timed part, as long as the arms take together in a duet: one lead-in step for five timed ones."""
    return 1.2 * 5 * fmean((sum(block["candidate"]), sum(block["baseline"])))


def _spread(values: Sequence[float], seconds: Sequence[float]) -> list[str]:
    each = median(seconds)
    error = f"{stdev(values) * math.sqrt(each):.3f}" if len(values) > 1 else NOTHING
    return [str(len(values)), f"{each:.1f}", _deviation(values), error, f"{100 * fmean(values):+.2f}"]


def _deviation(values: Sequence[float]) -> str:
    """SD, and its interval from the chi-squared distribution."""
    freedom = len(values) - 1
    if freedom < 1:
        return NOTHING
    deviation = stdev(values)
    low, high = (deviation * math.sqrt(freedom / chi2.ppf(share, freedom)) for share in (0.975, 0.025))
    return f"{deviation:.4f} ({low:.4f} to {high:.4f})"


def main(arguments: Sequence[str]) -> int:
    """Print the tables of all files together."""
    if not arguments:
        print("usage: python -m tests.figures.design_table FILE ...", file=sys.stderr)
        return 2
    blocks = load(arguments)
    built = [block for block in blocks if block["design"] == AS_BUILT]
    print(f"### Designs\n\n{designs_table(blocks)}\n")
    print(f"### One value of a block\n\n{estimators_table(built)}\n")
    print(f"### Shorter blocks\n\n{shorter_table(built)}\n")
    print(f"### A control variate\n\n{control_variate(blocks)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
