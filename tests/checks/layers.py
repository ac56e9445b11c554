"""Checks that includes go downward only, layer by layer, and that third parties stay where they
belong: <rocksdb/...> in lib/engine, FlatBuffers in lib/record, <xxhash.h> in lib/content, and
nothing but the standard library and tl/expected.hpp in the public headers.
"""
import re

import cpp
import tree

# A layer, and the layers below that it may include.
BELOW = {
    "base": (),
    "content": ("base",),
    "record": ("content", "base"),
    "engine": ("record", "content", "base"),
    "catalog": ("engine", "record", "base"),
    "store": ("catalog", "engine", "record", "content", "base"),
    "interop": ("base",),
}
# Public headers that stand above the layers: the facade, and the headers that an app opts into.
FACADE = ("cairn/cairn.h", "cairn/store.h")
OPT_IN = ("cairn/eigen.h", "cairn/json.h", "cairn/interop.h")
# Places outside lib/ that see of the project its public headers only, as apps do.
OUTSIDE = ("tools/", "tests/integration/", "tests/install/", "tests/examples/")
# Third parties with a home: an include's pattern, its layer.
HOMES = (
    (re.compile(r"rocksdb/"), "engine"),
    (re.compile(r"flatbuffers/|(.*/)?\w+_generated\.h$"), "record"),
    (re.compile(r"xxh(ash|3)\.h$"), "content"),
)
STANDARD = set("""
algorithm any array atomic barrier bit bitset charconv chrono codecvt compare complex concepts
condition_variable coroutine deque exception execution expected filesystem format forward_list
fstream functional future initializer_list iomanip ios iosfwd iostream istream iterator latch limits
list locale map memory memory_resource mutex new numbers numeric optional ostream queue random
ranges ratio regex scoped_allocator semaphore set shared_mutex source_location span
sstream stack stdexcept stop_token streambuf string string_view syncstream system_error thread tuple
type_traits typeindex typeinfo unordered_map unordered_set utility valarray variant vector version
cassert cctype cerrno cfenv cfloat cinttypes climits clocale cmath csetjmp csignal cstdarg cstddef
cstdint cstdio cstdlib cstring ctime cuchar cwchar cwctype
""".split())

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"\n]+)[>"]', re.M)


def home_of(target):
    return next((layer for pattern, layer in HOMES if pattern.match(target)), None)


def public_header(path, target):
    """What is wrong with this include in lib/include/cairn, or None."""
    name = path.rsplit("/", 1)[-1]
    extra = {"eigen.h": ("Eigen/", "unsupported/Eigen/"), "json.h": ("nlohmann/",)}.get(name, ())
    if target in STANDARD or target == "tl/expected.hpp" or target.startswith(extra or "\0"):
        return None
    if target.startswith("cairn/"):
        if target in OPT_IN and f"cairn/{name}" not in OPT_IN:
            return "opt-in header in a public header, expected in apps only"
        return None
    return "public header, expected the standard library, <tl/expected.hpp> or cairn/..."


def layer_file(layer, target):
    """What is wrong with this include in lib/<layer>, or None."""
    home = home_of(target)
    if home:
        return None if home == layer else f"lib/{layer}, expected only in lib/{home}"
    if target in FACADE and layer not in ("store", "interop"):
        return f"lib/{layer}, expected the facade's headers only in lib/store and lib/interop"
    if target in OPT_IN and layer != "interop":
        return f"lib/{layer}, expected opt-in headers only in lib/interop"
    first = target.split("/")[0]
    if first in BELOW and first != layer and first not in BELOW[layer]:
        allowed = " ".join(BELOW[layer]) or "no other layer"
        return f"lib/{layer}, expected {allowed}"
    if "/" in target and first in (".", "..", "lib", "include"):
        return f"lib/{layer}, expected a path from lib/"
    return None


def outside_file(target):
    """What is wrong with this include in a place that sees public headers only, or None."""
    home, first = home_of(target), target.replace("../", "").split("/")[0]
    if home:
        return f"expected only in lib/{home}"
    if first in BELOW or first == "lib":
        return "expected of the project only <cairn/...>"
    return None


def check(top, path, target, quoted):
    if path.startswith("lib/include/"):
        return public_header(path, target)
    if path.startswith("lib/"):
        layer = path.split("/")[1]
        if layer not in BELOW:
            return "a file outside of the layers, expected in lib/<layer>/"
        if quoted and "/" not in target and not home_of(target):
            return f"lib/{layer}, expected a path from lib/"
        return layer_file(layer, target)
    if path.startswith(OUTSIDE):
        return outside_file(target)
    return None


def main():
    top = tree.root()
    paths = tree.files(top, suffixes=tree.CPP)
    violations = []
    for path in paths:
        text = cpp.without_comments(tree.read(top, path), keep_literals=True)
        lines = cpp.Lines(text)
        for match in INCLUDE.finditer(text):
            wrong = check(top, path, match[1], match[0].endswith('"'))
            if wrong:
                line = lines.at(match.start(1))
                violations.append((path, line, f"include in {wrong}, found {match[1]}"))
    tree.finish(violations, f"layers: {len(paths)} files")


main()
