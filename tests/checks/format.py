"""Checks that every C++ source is laid out as .clang-format says; mend with clang-format-16 -i."""
import re
import shutil
import subprocess
import sys

import tree

TOOL = "clang-format-16"
ERROR = re.compile(r"^(.+?):(\d+):\d+: error: .*\n(.*)", re.M)


def main():
    if not shutil.which(TOOL):
        print(f"format: skipped: {TOOL} is not installed")
        sys.exit(tree.SKIPPED)
    top = tree.root()
    paths = [p for p in tree.files(top, suffixes=tree.CPP) if not p.startswith("tests/data/")]
    violations = []
    for first in range(0, len(paths), 50):
        command = [TOOL, "--dry-run", "-Werror", *paths[first:first + 50]]
        done = subprocess.run(command, cwd=top, capture_output=True, text=True, check=False)
        found = ERROR.findall(done.stderr)
        violations += [(path, int(line), f"layout, expected {TOOL}'s, found {text.strip()}")
                       for path, line, text in found]
        if done.returncode != 0 and not found:
            violations.append((".clang-format", 1, f"{TOOL}, expected to run, found {done.stderr}"))
    tree.finish(violations, f"format: {len(paths)} files")


main()
