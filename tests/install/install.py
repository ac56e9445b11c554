"""Checks the library as apps get it: installs the build into a directory of its own, looks at what is
there and what it exports, builds two apps against it, once with g++ and pkg-config and once with
Meson, runs them and the installed command, and uninstalls it. Nothing is rebuilt.

    install.py BUILD SOURCE
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77  # the exit code that Meson counts as "skipped"
failures = []


def expect(what, found, expected):
    if found != expected:
        failures.append(f"{what}: expected {expected!r}, found {found!r}")


def run(*command, cwd=None, env=None):
    """The command's output; a command that fails ends the test."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, env=env, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        print(done.stdout)
        sys.exit(f"exit code {done.returncode}: {' '.join(map(str, command))}")
    return done.stdout


def meson_of(build):
    """The Meson that made the build: another version cannot read it."""
    info = json.loads((build / "meson-info/meson-info.json").read_text())
    wanted = info["meson_version"]["full"]
    found = [path for path in ("/usr/bin/meson", shutil.which("meson")) if path
             and os.access(path, os.X_OK) and run(path, "--version").strip() == wanted]
    if not found:
        print(f"skipped: no meson {wanted}, which made {build}")
        sys.exit(SKIPPED)
    return found[0]


def option(build, name):
    options = json.loads((build / "meson-info/intro-buildoptions.json").read_text())
    return next(o["value"] for o in options if o["name"] == name)


def files_below(top):
    return sorted(str(p.relative_to(top)) for p in top.rglob("*") if p.is_symlink() or p.is_file())


def check_files(root, libdir, source, version):
    """Headers, the library with its two links, its pkg-config file, the command, and no more."""
    headers = files_below(source / "lib/include")
    names = [f"libcairn.so.{version}", "libcairn.so.0", "libcairn.so"]
    expected = [f"include/{header}" for header in headers]
    expected += [f"{libdir}/{name}" for name in names]
    expected += [f"{libdir}/pkgconfig/cairn.pc", "bin/cairn"]
    expect("installed files", files_below(root), sorted(expected))
    expect("libcairn.so.0", os.readlink(root / libdir / names[1]), names[0])
    expect("libcairn.so", os.readlink(root / libdir / names[2]), names[1])


def dynamic(binary, tag):
    """The values of a tag in the binary's dynamic section."""
    lines = run("readelf", "-dW", binary).splitlines()
    return [line.split("[", 1)[1].rstrip("]") for line in lines if f"({tag})" in line]


def check_binaries(root, libdir):
    library = root / libdir / "libcairn.so"
    expect("soname", dynamic(library, "SONAME"), ["libcairn.so.0"])
    for binary in (library, root / "bin/cairn"):
        expect(f"run path of {binary.name}", dynamic(binary, "RUNPATH") + dynamic(binary, "RPATH"),
               [])
    symbols = [line.split(" ", 2)[2] for line in
               run("nm", "-D", "-C", "--defined-only", library).splitlines()]
    expect("exported names that are not cairn's",
           [name for name in symbols if not name.startswith("cairn::")], [])
    expect("cairn::version is exported", "cairn::version()" in symbols, True)


def check_package(root, libdir, version, env):
    """What an app is told: its own directories and library, and no other package."""
    def pkg_config(*words):
        return run("pkg-config", *words, "cairn", env=env).split()
    expect("pkg-config --modversion", pkg_config("--modversion"), [version])
    expect("pkg-config --cflags", pkg_config("--cflags"), [f"-I{root}/include"])
    expect("pkg-config --libs", pkg_config("--libs"), [f"-L{root}/{libdir}", "-lcairn"])
    expect("pkg-config --static --libs", pkg_config("--static", "--libs"),
           [f"-L{root}/{libdir}", "-lcairn"])
    requires = pkg_config("--print-requires") + pkg_config("--print-requires-private")
    expect("packages that cairn.pc requires", requires, [])


def check_app(app, version, store, env):
    run(app, store, version, env=env)
    needed = [name for name in dynamic(app, "NEEDED") if "cairn" in name or "rocksdb" in name]
    expect(f"cairn's libraries that {app} needs", needed, ["libcairn.so.0"])


def build_and_run(work, root, libdir, source, version, meson, env):
    flags = run("pkg-config", "--cflags", "--libs", "cairn", env=env).split()
    # Without the environment that finds cairn in its directory: Eigen is the system's.
    eigen = run("pkg-config", "--cflags", "eigen3").split()
    run("g++", "-std=c++20", source / "tests/install/app/app.cc", "-o", work / "plain", *flags)
    run("g++", "-std=c++20", source / "tests/examples/first.cc", "-o", work / "first", *flags,
        *eigen)
    run(meson, "setup", work / "app", source / "tests/install/app", env=env)
    run(meson, "compile", "-C", work / "app", env=env)
    libraries = {**env, "LD_LIBRARY_PATH": str(root / libdir)}
    check_app(work / "plain", version, work / "store", libraries)
    check_app(work / "app/app", version, work / "store", env)  # Meson leaves a run path.
    run(work / "first", cwd=work, env=libraries)
    words = run(root / "bin/cairn", "version", env=libraries).split()
    expect("cairn version", words[:2], ["cairn", version + ","])
    keys = [line["key"] for line in json.loads(
        run(root / "bin/cairn", "-s", work / "store", "--json", "ls", env=libraries))]
    expect("keys that the installed command lists", keys,
           ["app/model:1.0.0@0", "app/model:2.0.0@0"])


def check_all(work, build, source):
    version = json.loads((build / "meson-info/intro-projectinfo.json").read_text())["version"]
    meson, libdir = meson_of(build), option(build, "libdir")
    place = work / "place"
    root = place / option(build, "prefix").lstrip("/")
    run(meson, "install", "-C", build, "--no-rebuild", "--destdir", place)
    env = {**os.environ, "PKG_CONFIG_SYSROOT_DIR": str(place),
           "PKG_CONFIG_PATH": str(root / libdir / "pkgconfig")}
    check_files(root, libdir, source, version)
    check_binaries(root, libdir)
    check_package(root, libdir, version, env)
    build_and_run(work, root, libdir, source, version, meson, env)
    run("ninja", "-C", build, "uninstall")
    expect("files left by uninstall", files_below(place), [])


def main():
    build, source = (pathlib.Path(path).resolve() for path in sys.argv[1:3])
    log = build / "meson-logs/install-log.txt"  # What `uninstall` goes by, perhaps the user's.
    before = log.read_bytes() if log.exists() else None
    try:
        with tempfile.TemporaryDirectory() as work:
            check_all(pathlib.Path(work).resolve(), build, source)
    finally:
        if before is not None:
            log.write_bytes(before)
        else:
            log.unlink(missing_ok=True)
    for failure in failures:
        print(failure)
    print(f"install: {len(failures)} failures")
    sys.exit(1 if failures else 0)


main()
