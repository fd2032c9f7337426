// Random steps of the matrix operators (host only), as in ops/testing/random_cases.h.
#pragma once

#include "ops/testing/test_support.h"

namespace sz::ops::testing {

Case random_matmul(Random& random);
Case random_normalize(Random& random);
Case random_lrn(Random& random);

}  // namespace sz::ops::testing
