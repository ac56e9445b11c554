"""Checks that each public header compiles alone, and twice in one file, without a warning.

usage: headers.py ROOT [--compiler CXX]... [--include DIR]... [--system DIR]... [--package NAME]...
DIRs are relative to ROOT; headers of --system and of a pkg-config --package may have warnings.
"""
import argparse
import concurrent.futures
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import tree

FLAGS = ["-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror"]
PLACE = re.compile(r"^(?:In file included from )?(lib/include/\S+?):(\d+)", re.M)
MESSAGE = re.compile(r"\b(?:fatal error|error): (.*)")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=pathlib.Path)
    for option in ("--compiler", "--include", "--system", "--package"):
        parser.add_argument(option, action="append", default=[])
    return parser.parse_args()


def include_flags(options):
    flags = [f"-I{directory}" for directory in options.include]
    for directory in options.system:
        flags += ["-isystem", directory]
    for package in options.package:
        command = ["pkg-config", "--cflags-only-I", package]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        for flag in done.stdout.split():
            flags += ["-isystem", flag[2:]]
    return flags


def compile_alone(compiler, flags, top, header):
    """The violation of this header, or None; prints what the compiler said."""
    name = header[len("lib/include/"):]
    with tempfile.TemporaryDirectory() as scratch:
        source = pathlib.Path(scratch) / "alone.cc"
        source.write_text(f"#include <{name}>\n#include <{name}>\n")
        command = [compiler, *FLAGS, *flags, str(source)]
        done = subprocess.run(command, cwd=top, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    print(done.stderr, end="")
    place, message = PLACE.search(done.stderr), MESSAGE.search(done.stderr)
    path, line = (place[1], int(place[2])) if place else (header, 1)
    found = message[1] if message else f"exit code {done.returncode}"
    return path, line, f"<{name}> with {compiler}, expected that it compiles alone, found {found}"


def main():
    options = arguments()
    top = options.root.resolve()
    flags = include_flags(options)
    compilers = [name for name in options.compiler if shutil.which(name)]
    for name in set(options.compiler) - set(compilers):
        print(f"headers: skipping {name}: not installed")
    if not compilers:
        sys.exit(tree.SKIPPED)
    headers = tree.files(top, under=["lib/include/cairn"], suffixes=[".h"])
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        jobs = [pool.submit(compile_alone, compiler, flags, top, header)
                for header in headers for compiler in compilers]
        violations = [job.result() for job in jobs if job.result()]
    tree.finish(violations, f"headers: {len(headers)} headers, {' '.join(compilers)}")


main()
