"""Does each importable folder of this Python's packages come from one distribution?

Where a nightly was installed beside the release, the two write into one folder, and what is then measured is neither.
Exit status: 0 if so, 1 with a line for each folder that several distributions wrote.
"""
# ruff: noqa: INP001 - a program, no part of a package

from __future__ import annotations

import sys
from collections import defaultdict
from importlib.metadata import distributions


def main() -> int:
    """Look, say what is wrong, and return the exit status."""
    owners: dict[str, set[str]] = defaultdict(set)
    for distribution in distributions():
        for file in distribution.files or ():
            # Several may share a namespace's folder, which has no such file.
            if len(file.parts) == 2 and file.name == "__init__.py":  # noqa: PLR2004 - a folder and a file
                owners[file.parts[0]].add(distribution.metadata["Name"])
    mixed = {folder: sorted(names) for folder, names in owners.items() if len(names) > 1}
    for folder, names in sorted(mixed.items()):
        sys.stderr.write(f"{folder} was written by {' and '.join(names)}: name what has to go in REPLACES\n")
    return 1 if mixed else 0


if __name__ == "__main__":
    sys.exit(main())
