#include "ops/matmul/matmul.h"
#include "ops/rules.h"

namespace sz::ops {

void matmul_reference(const MatMul& product) {
  for (std::size_t batch = 0; batch < product.batches(); ++batch) {
    const MatMulOffsets at = offsets_of_batch(product, batch);
    for (std::size_t m = 0; m < product.rows; ++m) {
      const float* a = product.a + at.a + m * product.a_row;
      float* y = product.y + at.y + m * product.y_row;
      for (std::size_t n = 0; n < product.columns; ++n) {
        const float* b = product.b + at.b + n * product.b_column;
        float sum = 0.0f;
        for (std::size_t k = 0; k < product.inner; ++k) {
          const float scaled = product.alpha * b[k * product.b_inner];
          sum = fused_multiply_add(a[k * product.a_inner], scaled, sum);
        }
        y[n] = finish(sum, product.clamp);
      }
    }
  }
}

}  // namespace sz::ops
