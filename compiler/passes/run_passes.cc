#include "compiler/passes/passes.h"

namespace sz::compiler {

void run_passes(Graph& graph, const std::function<void(std::string_view)>& progress,
                const Evaluator& evaluator) {
  struct Pass {
    const char* name;
    void (*run)(Graph&);
  };
  static constexpr Pass kPasses[] = {
      {"remove dead code", remove_dead_code},
      {"remove identities", remove_identities},
      {"expand", expand},
      {"remove identities", remove_identities},
      {"fuse padding", fuse_padding},
      {"remove dead code", remove_dead_code},
      {"lower Gemm", lower_gemm},
      {"canonicalize", canonicalize},
      {"remove identities", remove_identities},
      {"make signed", make_signed},
      {"fuse transposes", fuse_transposes},
      {"remove dead code", remove_dead_code},
      {"fuse moves", fuse_moves},
      {"fuse functions", fuse_functions},
      {"fold batch normalisation", fold_batch_norm},
      {"fold scale and bias", fold_scale_and_bias},
      {"fuse residuals", fuse_residuals},
      {"fuse activations", fuse_activations},
      {"remove dead code", remove_dead_code},
  };
  verify(graph, "import", false);
  if (progress) progress("fold constants");
  fold_constants(graph, evaluator);
  verify(graph, "fold constants", true);
  remove_dead_code(graph);
  remove_identities(graph);
  if (progress) progress("fuse quantisation");
  fuse_quantization(graph, evaluator);
  verify(graph, "fuse quantisation", true);
  for (const Pass& pass : kPasses) {
    if (progress) progress(pass.name);
    pass.run(graph);
    verify(graph, pass.name, true);
  }
}

}  // namespace sz::compiler
