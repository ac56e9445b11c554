"""Checks the checks: each must pass a small sound tree, and go red where one thing is wrong."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent

HEADER = "// A purpose.\n#pragma once\n\n"
SOUND = {
    "README.md": "# A tree\n",
    "meson.build": "project('x')\n",
    "LICENSE": "words\n",
    ".clang-format": (HERE.parents[1] / ".clang-format").read_text(),
    "tools/run": "#!/bin/sh\n# A purpose.\ntrue\n",
    "schemas/x.fbs": "// A purpose.\ntable X {}\n",
    "lib/include/cairn/error.h": HEADER + "#include <string>\n\n#include <tl/expected.hpp>\n",
    "lib/include/cairn/eigen.h": HEADER + '#include <vector>\n\n#include "cairn/error.h"\n',
    "lib/base/bytes.h": HEADER + '#include "cairn/error.h"\n',
    "lib/content/digest.h": HEADER + """\
#include <xxhash.h>

#include <functional>

#include "base/bytes.h"

namespace cairn {
using Parse = std::function<Result<int>(const char*)>;
template <class T, class U = Result<T>>
[[nodiscard]] Result<std::pair<T, U>> both(T t);
class Digest {
 public:
  [[nodiscard]] static Result<Digest> parse(std::string_view s, int base = 16);
  [[nodiscard("lost (otherwise)")]] virtual Result<void> check() const = 0;
  [[nodiscard]] auto size() const -> Result<int>;
  friend Result<int> other(const Digest&);
  void on_done(std::function<Result<void>(int)> call, Result<int> last = {});
  // Result<int> commented();
  Result<int> last_ = Result<int>(0);

 private:
  int sizes_[2] = {1'000, 2};
};
inline Result<int> Digest::other_name() {
  Result<int> local(3);
  return local;
}
}  // namespace cairn
""",
    "lib/engine/db.cc": '// A purpose.\n#include <rocksdb/db.h>\n\n#include "record/keys.h"\n',
    "lib/record/keys.cc": '// A purpose.\n#include "record/keys.h"\n\n#include "x_generated.h"\n',
    "tools/ls.cc": '// A purpose.\n#include <cairn/error.h>\n\n#include "command.h"\n',
    "tests/unit/engine/db_test.cc": "// A purpose.\n#include <rocksdb/db.h>\n",
    "tests/examples/run.h": HEADER + "inline int run() {\n  step();\n\n  return 2;\n}\n",
    "tests/data/any.log": "\tblank at the end \n",
}
BODY = "  step();\n"
LONG = "// A purpose.\nnamespace a {\n%s\n" + BODY * 81 + "}\n}  // namespace a\n"
TABLE = "// A purpose.\nconstexpr Row kRows[] = {\n" + "    {f(1), 2},\n" * 200 + "};\n"
CLASS = "// A purpose.\nclass A {\n" + "  void f() { g(); }\n" * 100 + "};\n"
IN_CLASS = "// A purpose.\n#pragma once\n\nclass A {\n %s\n};\n"

# (check, path, text that replaces the sound one, what the check must say: "" for nothing)
CASES = [
    ("layers", "lib/base/a.h", '#include "content/digest.h"\n', "a.h:1: include in lib/base"),
    ("layers", "lib/content/a.h", "\n#include <rocksdb/db.h>\n", "a.h:2: include in lib/content"),
    ("layers", "lib/catalog/a.cc", '#include "content/digest.h"\n', "expected engine record base"),
    ("layers", "lib/catalog/a.cc", '#include "cairn/store.h"\n', "facade"),
    ("layers", "lib/store/a.cc", '#include "record/x_generated.h"\n', "only in lib/record"),
    ("layers", "lib/store/a.cc", "#include <flatbuffers/idl.h>\n", "only in lib/record"),
    ("layers", "lib/store/a.cc", "#include <xxhash.h>\n", "only in lib/content"),
    ("layers", "lib/store/a.cc", '#include "cairn/eigen.h"\n', "opt-in"),
    ("layers", "lib/store/a.cc", '#include "save.h"\n', "expected a path from lib/"),
    ("layers", "lib/store/a.cc", '#include "../base/bytes.h"\n', "expected a path from lib/"),
    ("layers", "lib/store/a.cc", '// #include "interop/npy.h"\n', ""),
    ("layers", "lib/interop/a.cc", '#include "store/save.h"\n', "lib/interop, expected base"),
    ("layers", "lib/other/a.cc", "#include <string>\n", "outside of the layers"),
    ("layers", "lib/include/cairn/a.h", "#include <rocksdb/db.h>\n", "public header"),
    ("layers", "lib/include/cairn/a.h", '#include "base/bytes.h"\n', "public header"),
    ("layers", "lib/include/cairn/a.h", "#include <Eigen/Core>\n", "public header"),
    ("layers", "lib/include/cairn/eigen.h", "#include <Eigen/Core>\n", ""),
    ("layers", "lib/include/cairn/json.h", "#include <nlohmann/json.hpp>\n", ""),
    ("layers", "tools/a.cc", '#include "base/bytes.h"\n', "only <cairn/...>"),
    ("layers", "tools/a.cc", "#include <rocksdb/db.h>\n", "only in lib/engine"),
    ("layers", "tests/integration/a.cc", '#include "../../lib/base/bytes.h"\n', "only <cairn/...>"),
    ("layers", "tests/examples/a.cc", '#include "engine/db.h"\n', "only <cairn/...>"),
    ("sizes", "lib/base/a.cc", "// A\n" + "int a;\n" * 400, "a.cc:401: long file"),
    ("sizes", "tests/unit/a.cc", "// A\n" + "int a;\n" * 599, ""),
    ("sizes", "tests/unit/a.cc", "// A\n" + "int a;\n" * 600, "expected at most 600 lines"),
    ("sizes", "tests/checks/a.py", "# A\n" + "a = 1\n" * 400, "expected at most 400 lines"),
    ("sizes", "tools/run", "#!/bin/sh\ntrue\n", "tools/run:1: no purpose"),
    ("sizes", "lib/base/a.cc", "#include <string>\n", "a.cc:1: no purpose"),
    ("sizes", "lib/base/a.h", "// A purpose.\nint a;\n", "expected #pragma once"),
    ("sizes", "lib/base/a.cc", "// A\nusing namespace std;\n", "a.cc:2: using-directive"),
    ("sizes", "lib/base/a.cc", LONG % "void f(S s = {}) {", "a.cc:3: long function"),
    ("sizes", "lib/base/a.cc", LONG % "A::A(int a)\n    : a_{a}, b_(a) {", "found 84"),
    ("sizes", "lib/base/a.cc", LONG % "struct stat f() const noexcept {", "long function"),
    ("sizes", "lib/base/a.cc", LONG % 'TEST_CASE("{a: b") {', "long function"),
    ("sizes", "lib/base/a.cc", LONG % "template <class T>\nrequires(T::x)\nauto f() -> T {", "a.cc:3"),
    ("sizes", "lib/base/a.cc", LONG % "#if A\nvoid f() {\n#else\nvoid g() {\n#endif", "a.cc:4"),
    ("sizes", "lib/base/a.cc", TABLE, ""),
    ("sizes", "lib/base/a.cc", CLASS, ""),
    ("ascii", "lib/base/a.cc", "// caf\u00e9\n", "a.cc:1: character, expected ASCII"),
    ("ascii", "README.md", "a \n", "README.md:1: line end"),
    ("ascii", "README.md", "a\r\n", "README.md:1: "),
    ("ascii", "schemas/x.fbs", "// A", "expected a newline"),
    ("ascii", "lib/base/a.cc", "\tint a;\n", "found a tab"),
    ("nodiscard", "lib/base/a.h", IN_CLASS % "Result<int> f();", "a.h:5: function f returns"),
    ("nodiscard", "lib/base/a.h", IN_CLASS % "[[nodiscard]] A g();\n CAIRN_API static\n"
     "cairn::Result<std::map<int, int>>\n f(\nint a);", "a.h:7: function f"),
    ("nodiscard", "lib/base/a.h", IN_CLASS % "template <class T>\n requires(sizeof(T) > 1)\n"
     " Result<T> f(T t = {}) { return t; }", "a.h:7: function f"),
    ("nodiscard", "lib/base/a.h", IN_CLASS % "auto f(int a = {}) -> Result<int>;", "function f"),
    ("nodiscard", "lib/base/a.h", IN_CLASS % "Result<void> operator()(int) = 0;", "operator"),
    ("nodiscard", "lib/base/a.h", IN_CLASS % "public: const Result<int>& last() const;", "last"),
    ("nodiscard", "lib/base/a.cc", "Result<int> f();\n", ""),
    ("toplevel", "NOTES.md", "words\n", "NOTES.md:1: top level"),
    ("toplevel", "src/a.cc", "int a;\n", "src:1: top level"),
    ("toplevel", ".ci/run", "words\n", ""),
    ("toplevel", "build-x/a", "words\n", ""),
    ("readme", "README.md", "# A\n\n```cpp\nstep();\n\nreturn 2;\n```\n", ""),
    ("readme", "README.md", "# A\n\n```cpp\nint a;\n```\n", "README.md:4: quoted code"),
    ("readme", "README.md", "```cpp\nstep();\n\n  return 2;\n```\n", "README.md:2: quoted code"),
    ("readme", "README.md", "```cpp\nstep();\nreturn 2;\n```\n", "README.md:2: quoted code"),
    ("readme", "README.md", "```cpp\n```\n", "README.md:2: quoted code"),
    ("readme", "tests/examples/a.cc", "// A purpose.\n", "a.cc:1: an example"),
    ("format", "lib/base/a.cc", "// A purpose.\nint  a ;\n", "lib/base/a.cc:2: layout"),
    ("headers", "lib/include/cairn/a.h", HEADER + "std::string a();\n", "cairn/a.h:4: "),
    ("headers", "lib/include/cairn/a.h", "// A purpose.\ninline int a = 1;\n", "cairn/a.h:2: "),
]
OPTIONS = {"headers": ["--compiler", "g++", "--include", "lib/include"]}


def run(check, changes):
    """The check's exit code and output on the sound tree with these changes."""
    with tempfile.TemporaryDirectory() as top:
        for path, text in {**SOUND, **changes}.items():
            file = pathlib.Path(top) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())
        command = [sys.executable, "-B", HERE / f"{check}.py", top, *OPTIONS.get(check, [])]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


def main():
    failures = 0
    cases = [(check, "README.md", "# Sound\n", "") for check in sorted({c[0] for c in CASES})]
    cases += CASES
    if not shutil.which("clang-format-16"):
        cases = [case for case in cases if case[0] != "format"]
    for check, path, text, expected in cases:
        code, output = run(check, {path: text})
        if code != (1 if expected else 0) or expected not in output:
            failures += 1
            print(f"{check}.py: {path} = {text[:80]!r}, expected {expected!r}, "
                  f"found exit code {code} and:\n{output}")
    print(f"selftest: {len(cases)} cases, {failures} failures")
    sys.exit(1 if failures else 0)


main()
