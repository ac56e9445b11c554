// Tests of refs: the whole grammar, what is refused, and the constructors.
#include <doctest/doctest.h>

#include <random>
#include <string>

#include "base/seed.h"
#include "cairn/key.h"

namespace cairn {
namespace {

using Versions = RefParts::Versions;
using Epochs = RefParts::Epochs;

RefParts parts_of(const Ref& ref) {
  CAPTURE(ref.text());
  if (!ref.parts()) {
    FAIL(ref.parts().error().to_string());
  }
  return *ref.parts();
}

std::string error_of(const Ref& ref) {
  CAPTURE(ref.text());
  REQUIRE_FALSE(ref.parts());
  CHECK(ref.parts().error().code == Code::InvalidArgument);
  return ref.parts().error().message;
}

// The parts as text in the grammar, to compare and to parse again.
std::string print(const RefParts& parts) {
  std::string out = parts.name;
  switch (parts.versions) {
    case Versions::Unsaid:
      break;
    case Versions::Exact:
      out += ":" + parts.version.to_string();
      break;
    case Versions::Alias:
      out += ":" + parts.alias;
      break;
    case Versions::Latest:
      out += ":latest";
      break;
    case Versions::All:
      out += ":all";
      break;
    case Versions::Digest:
      out += "xxh3:" + parts.digest;
      break;
  }
  switch (parts.epochs) {
    case Epochs::Unsaid:
      break;
    case Epochs::Exact:
      out += "@" + std::to_string(parts.epoch);
      break;
    case Epochs::Last:
      out += "@last";
      break;
    case Epochs::Min:
      out += "@min=" + parts.metric;
      break;
    case Epochs::Max:
      out += "@max=" + parts.metric;
      break;
    case Epochs::All:
      out += "@all";
      break;
    case Epochs::Range:
      out += "@" + std::to_string(parts.epoch) + ".." + std::to_string(parts.last);
      break;
  }
  return out;
}

TEST_CASE("ref: every form of the grammar is understood") {
  const std::pair<const char*, const char*> cases[] = {
      {"mnist", "mnist"},
      {"mnist/lr-0.1", "mnist/lr-0.1"},
      {"mnist:2", "mnist:2.0.0"},
      {"mnist:v2.1", "mnist:2.1.0"},
      {"mnist:latest", "mnist:latest"},
      {"mnist:all", "mnist:all"},
      {"mnist:best", "mnist:best"},
      {"mnist:v1.0-rc1", "mnist:v1.0-rc1"},
      {"mnist@7", "mnist@7"},
      {"mnist@0", "mnist@0"},
      {"mnist:2@18446744073709551615", "mnist:2.0.0@18446744073709551615"},
      {"mnist:2@last", "mnist:2.0.0@last"},
      {"mnist:2@all", "mnist:2.0.0@all"},
      {"mnist:2@10..20", "mnist:2.0.0@10..20"},
      {"mnist:2@5..5", "mnist:2.0.0@5..5"},
      {"mnist@min=loss", "mnist@min=loss"},
      {"mnist:all@min=val/loss", "mnist:all@min=val/loss"},
      {"mnist:prod@max=acc@5", "mnist:prod@max=acc@5"},
      {"mnist@max=a:b=c d", "mnist@max=a:b=c d"},
      {"all", "all"},
      {"latest:all@all", "latest:all@all"},
      {"xxh3:abcd", "xxh3:abcd"},
      {"xxh3:00112233445566778899AABBCCDDEEFF", "xxh3:00112233445566778899aabbccddeeff"},
      {"xxh3/a:1", "xxh3/a:1.0.0"},
  };
  for (const auto& [text, meaning] : cases) {
    CHECK(print(parts_of(text)) == meaning);
    CHECK(Ref(text).text() == text);
  }
}

TEST_CASE("ref: parts hold what was said and nothing else") {
  const auto exact = parts_of("mnist:2@7");
  CHECK(exact.name == "mnist");
  CHECK(exact.versions == Versions::Exact);
  CHECK(exact.version == Version{2, 0, 0});
  CHECK(exact.epochs == Epochs::Exact);
  CHECK(exact.epoch == 7);
  const auto digest = parts_of("xxh3:ABCD1");
  CHECK(digest.name.empty());
  CHECK(digest.versions == Versions::Digest);
  CHECK(digest.digest == "abcd1");
  const auto metric = parts_of("a@min=@x");
  CHECK(metric.epochs == Epochs::Min);
  CHECK(metric.metric == "@x");
  CHECK(metric.versions == Versions::Unsaid);
}

TEST_CASE("ref: what breaks the grammar is refused") {
  for (const char* text : {"",
                           ":",
                           "@",
                           ":1",
                           "@1",
                           "a:",
                           "a@",
                           "a:@1",
                           "a:1:2",
                           "a:1.2.3.4",
                           "a:v01",
                           "a:1x",
                           "a:-x",
                           "a@-1",
                           "a@+1",
                           "a@1.5",
                           "a@01",
                           "a@18446744073709551616",
                           "a@first",
                           "a@Last",
                           "a@min",
                           "a@min=",
                           "a@max=",
                           "a@1..",
                           "a@..1",
                           "a@..",
                           "a@1..2..3",
                           "a@2..1",
                           "a@1...2",
                           "a@min=\xFF",
                           "xxh3",
                           "xxh3@1",
                           "xxh3:",
                           "xxh3:abc",
                           "xxh3:abcg",
                           "xxh3:00112233445566778899aabbccddeeff0",
                           "xxh3:abcd@1",
                           "a b",
                           "a/",
                           "a:4294967296"}) {
    error_of(text);
  }
  error_of(std::string(256, 'a'));
  error_of("a@min=" + std::string(256, 'm'));
}

TEST_CASE("ref: an error quotes the ref and says the offending part") {
  CHECK(error_of("mnist:2024.11.05") ==
        "ref \"mnist:2024.11.05\": version \"2024.11.05\": expected no leading zeros; did you mean "
        "2024.11.5?");
  CHECK(error_of("mnist@20..10").find("epochs 20..10: expected the lower one first") !=
        std::string::npos);
  CHECK(error_of("mnist@07").find("did you mean \"7\"?") != std::string::npos);
  CHECK(error_of("mnist@best") ==
        "ref \"mnist@best\": epoch \"best\": expected a number, A..B, last, all, min=METRIC or "
        "max=METRIC");
}

TEST_CASE("ref: name, version and epoch make the ref of one key, of any integer type") {
  for (const Ref& ref : {Ref("mnist-mlp", "1.0.0", 7), Ref("mnist-mlp", "v1", std::uint8_t{7}),
                         Ref("mnist-mlp", "1.0", 7LL), Ref(Key{"mnist-mlp", {1, 0, 0}, 7})}) {
    CHECK(ref.text() == "mnist-mlp:1.0.0@7");
    CHECK(print(parts_of(ref)) == "mnist-mlp:1.0.0@7");
  }
  CHECK(Ref("a", "2").text() == "a:2.0.0@0");
  const Ref braces = {"a", "1", 3};
  CHECK(braces.text() == "a:1.0.0@3");
  CHECK(Ref("a", "1", ~std::uint64_t{0}).text() == "a:1.0.0@18446744073709551615");
}

TEST_CASE("ref: what is wrong with name, version or epoch is kept") {
  CHECK(error_of(Ref("a", "1", -3)) == "ref \"a:1@-3\": epoch -3: expected 0 or more");
  CHECK(error_of(Ref("a", "1", INT64_MIN)).find("-9223372036854775808") != std::string::npos);
  CHECK(error_of(Ref("a", "latest", 1)).find("version \"latest\"") != std::string::npos);
  CHECK(error_of(Ref("a", "", 1)).find("version \"\"") != std::string::npos);
  CHECK(error_of(Ref("a:1", "1", 1)).find("name \"a:1\"") != std::string::npos);
  CHECK(error_of(Ref(Key{"xxh3", {1, 0, 0}, 0})).find("kept for digests") != std::string::npos);
}

TEST_CASE("ref: random text never crashes, and what parses prints to what parses the same") {
  const auto seed = test::seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const std::string words[] = {"a",   "b/c", ":",   "@",    "v",    "1",    "20", ".",    "..",
                               "all", "min", "max", "last", "loss", "xxh3", "=",  "abcd", "latest"};
  int parsed = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string text = i % 4 == 0 ? test::random_text(random, 20) : "";
    for (std::size_t k = test::below(random, 8); i % 4 != 0 && k > 0; --k) {
      text += words[test::below(random, std::size(words))];
    }
    const Ref ref(text);
    REQUIRE(ref.text() == text);
    if (!ref.parts()) {
      REQUIRE(ref.parts().error().code == Code::InvalidArgument);
      continue;
    }
    ++parsed;
    const auto again = print(*ref.parts());
    const Ref second(again);
    REQUIRE_MESSAGE(second.parts(), again);
    REQUIRE(print(*second.parts()) == again);
  }
  CHECK(parsed > 1000);
}

}  // namespace
}  // namespace cairn
