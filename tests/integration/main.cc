// The integration tests' main: what a user of the public headers sees, from save to damage.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
