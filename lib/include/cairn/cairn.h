// Everything of cairn but the opt-in headers: eigen.h (Eigen matrices) and json.h (nlohmann).
#pragma once

#include "cairn/annotation.h"  // IWYU pragma: export
#include "cairn/artifact.h"    // IWYU pragma: export
#include "cairn/buffer.h"      // IWYU pragma: export
#include "cairn/draft.h"       // IWYU pragma: export
#include "cairn/error.h"       // IWYU pragma: export
#include "cairn/key.h"         // IWYU pragma: export
#include "cairn/options.h"     // IWYU pragma: export
#include "cairn/query.h"       // IWYU pragma: export
#include "cairn/segments.h"    // IWYU pragma: export
#include "cairn/source.h"      // IWYU pragma: export
#include "cairn/store.h"       // IWYU pragma: export
#include "cairn/tensor.h"      // IWYU pragma: export
#include "cairn/value.h"       // IWYU pragma: export
#include "cairn/version.h"     // IWYU pragma: export
