"""What the checks share: listing the files of the source tree, and reporting violations.

A check is a script `check.py [ROOT]`. It prints each violation as `path:line: what, expected,
found` and exits 1; where there is none it says what it looked at and exits 0.
"""
import os
import pathlib
import subprocess
import sys

SKIPPED = 77  # the exit code that Meson counts as "skipped"
CPP = (".cc", ".h")


def root():
    """The source tree: the first argument, by default the one that holds this file."""
    if len(sys.argv) > 1:
        return pathlib.Path(sys.argv[1]).resolve()
    return pathlib.Path(__file__).resolve().parents[2]


def _listed_by_git(top):
    """Paths that git tracks or would track; empty outside a checkout of this tree."""
    if not (top / ".git").exists():
        return []
    command = ["git", "ls-files", "-z", "-co", "--exclude-standard"]
    try:
        done = subprocess.run(command, cwd=top, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):  # no git, or not its owner's checkout
        return []
    return [path for path in os.fsdecode(done.stdout).split("\0") if path]


def _ignored(directory, at_top):
    if directory in (".git", "__pycache__"):
        return True
    return at_top and (directory.startswith("build") or directory.endswith(".cairn"))


def _walked(top):
    paths = []
    for where, directories, names in os.walk(top):
        at_top = pathlib.Path(where) == top
        directories[:] = [d for d in directories if not _ignored(d, at_top)]
        paths += [os.path.relpath(os.path.join(where, name), top) for name in names]
    return paths


def files(top, under=(), suffixes=()):
    """Sorted relative paths of the tree's files, perhaps only some directories and suffixes."""
    found = set()
    for path in _listed_by_git(top) or _walked(top):
        if under and not path.startswith(tuple(d.rstrip("/") + "/" for d in under)):
            continue
        if suffixes and not path.endswith(tuple(suffixes)):
            continue
        if (top / path).is_file():
            found.add(path)
    return sorted(found)


def read(top, path):
    return (top / path).read_text(encoding="utf-8", errors="replace")


def is_script(top, path):
    """A shell script, or any file that starts with #!."""
    if path.endswith(".sh"):
        return True
    with open(top / path, "rb") as file:
        return file.read(2) == b"#!"


def finish(violations, looked_at):
    """Prints the violations, a list of (path, line, text), and exits."""
    for path, line, text in sorted(set(violations)):
        print(f"{path}:{line}: {text}")
    print(f"{looked_at}: {len(set(violations))} violations")
    sys.exit(1 if violations else 0)
