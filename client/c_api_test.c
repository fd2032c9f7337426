/* The C interface used from C, over the host back end. Prints what failed and returns 1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/smartzone/smartzone.h"

#define CHECK(condition)                                                                  \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      fprintf(stderr, "%s:%d: not true: %s (last error: %s)\n", __FILE__, __LINE__,       \
              #condition, sz_last_error());                                               \
      exit(1);                                                                            \
    }                                                                                     \
  } while (0)

static int progress_calls;

static void on_progress(void *context, uint64_t done, uint64_t total) {
  CHECK(context == &progress_calls);
  CHECK(done <= total);
  ++progress_calls;
}

static void check_package(const sz_package *package) {
  const char *text = NULL;
  size_t count = 0;
  sz_tensor_info info;
  CHECK(sz_package_name(package, &text) == SZ_OK && strcmp(text, "test") == 0);
  CHECK(sz_package_input_count(package, &count) == SZ_OK && count == 1);
  CHECK(sz_package_output_count(package, &count) == SZ_OK && count == 1);
  CHECK(sz_package_label_count(package, &count) == SZ_OK && count == 0);
  CHECK(sz_package_input(package, 0, &info) == SZ_OK);
  CHECK(strcmp(info.name, "x") == 0 && info.type == SZ_F32 && info.rank == 2);
  CHECK(info.shape[0] == 1 && info.shape[1] == 5000 && info.shape[2] == 1 && info.bytes == 20000);
  CHECK(sz_package_output(package, 1, &info) == SZ_ERROR_INPUT);
  CHECK(strstr(sz_last_error(), "no output 1") != NULL);
  CHECK(sz_package_label(package, 0, &text) == SZ_ERROR_INPUT);
}

static void check_run(sz_session *session) {
  static float x[5000], y[5000];
  const void *inputs[1] = {x};
  void *outputs[1] = {y};
  size_t bytes[1] = {sizeof(x)};
  size_t wrong[1] = {sizeof(x) - 4};
  x[7] = 0.5f;
  CHECK(sz_session_run(session, inputs, bytes, 1, outputs, bytes, 1) == SZ_OK);
  CHECK(y[7] == 7.5f && y[4999] == 4999.0f);
  CHECK(sz_session_run(session, inputs, wrong, 1, outputs, bytes, 1) == SZ_ERROR_INPUT);
  CHECK(strstr(sz_last_error(), "input 'x' has 20000 bytes, not 19996") != NULL);
  CHECK(sz_session_run(session, inputs, bytes, 1, outputs, wrong, 1) == SZ_ERROR_INPUT);
  CHECK(sz_session_run(session, inputs, bytes, 2, outputs, bytes, 1) == SZ_ERROR_INPUT);
  CHECK(sz_session_run(session, NULL, bytes, 1, outputs, bytes, 1) == SZ_ERROR_INPUT);
  outputs[0] = NULL;
  CHECK(sz_session_run(session, inputs, bytes, 1, outputs, bytes, 1) == SZ_ERROR_INPUT);
}

static void check_session(const sz_package *package) {
  sz_session *session = NULL;
  sz_secure_memory memory;
  sz_device_info device;
  CHECK(sz_session_open(17, &session) == SZ_ERROR_INPUT && session == NULL);
  CHECK(sz_session_open(SZ_BACKEND_HOST, &session) == SZ_OK && session != NULL);
  CHECK(sz_session_load(session, package, on_progress, &progress_calls) == SZ_OK);
  CHECK(progress_calls == 1);
  CHECK(sz_session_memory(session, &memory) == SZ_OK && memory.now > 20000);
  CHECK(sz_session_device(session, &device) == SZ_OK);
  CHECK(device.secure == 0 && device.backend == SZ_BACKEND_HOST && device.pool_known == 1);
  CHECK(device.most_cores >= 1 && device.most_cores <= SZ_MAX_CORES);
  check_run(session);
  CHECK(sz_session_unload(session) == SZ_OK);
  CHECK(sz_session_memory(session, &memory) == SZ_OK && memory.now == 0);
  CHECK(sz_session_close(session) == SZ_OK);
}

static void check_cores(const sz_package *package) {
  sz_session *session = NULL;
  sz_options options;
  sz_cores cores;
  memset(&options, 0, sizeof(options));
  options.reserved[5] = 1;
  CHECK(sz_session_open_with(SZ_BACKEND_HOST, &options, &session) == SZ_ERROR_INPUT);
  CHECK(strstr(sz_last_error(), "reserved") != NULL && session == NULL);
  options.reserved[5] = 0;
  options.plugin_lends = 2;
  CHECK(sz_session_open_with(SZ_BACKEND_HOST, &options, &session) == SZ_ERROR_INPUT);
  options.plugin_lends = 0;
  options.cores = 1;
  CHECK(sz_session_open_with(SZ_BACKEND_HOST, &options, &session) == SZ_OK);
  CHECK(sz_session_cores(session, NULL) == SZ_ERROR_INPUT);
  CHECK(sz_session_cores(session, &cores) == SZ_OK);
  CHECK(cores.asked == 1 && cores.used == 1 && cores.runs == 0);
  CHECK(sz_session_load(session, package, NULL, NULL) == SZ_OK);
  check_run(session);
  CHECK(sz_session_cores(session, &cores) == SZ_OK);
  CHECK(cores.used == 1 && cores.present == 0 && cores.work[1] == 0);
  CHECK(strcmp(cores.advice, "") == 0);
  CHECK(sz_session_close(session) == SZ_OK);
}

/* A network is refused by the functions for language models, in a sentence. */
static void check_no_language(const sz_package *package) {
  sz_session *session = NULL;
  sz_language language;
  sz_sampling sampling;
  sz_score score;
  sz_generate_options options;
  CHECK(sz_package_language(package, &language) == SZ_ERROR_INPUT);
  CHECK(strstr(sz_last_error(), "not a language model") != NULL);
  sz_sampling_greedy(&sampling);
  sz_sampling_greedy(NULL);
  CHECK(sampling.temperature == 0 && sampling.top_p == 1 && sampling.repeat_window == 64);
  CHECK(sz_session_open(SZ_BACKEND_HOST, &session) == SZ_OK);
  CHECK(sz_session_generate(session, "x", NULL, NULL, NULL, NULL) == SZ_ERROR_INPUT);
  CHECK(strstr(sz_last_error(), "no model is loaded") != NULL);
  CHECK(sz_session_load(session, package, NULL, NULL) == SZ_OK);
  CHECK(sz_session_generate(session, "x", NULL, NULL, NULL, NULL) == SZ_ERROR_INPUT);
  CHECK(strstr(sz_last_error(), "use run") != NULL);
  CHECK(sz_session_generate(session, NULL, NULL, NULL, NULL, NULL) == SZ_ERROR_INPUT);
  memset(&options, 0, sizeof(options));
  options.reserved[4] = 1;
  CHECK(sz_session_generate(session, "x", &options, NULL, NULL, NULL) == SZ_ERROR_INPUT);
  CHECK(strstr(sz_last_error(), "reserved") != NULL);
  options.reserved[4] = 0;
  options.go_on = 2;
  CHECK(sz_session_generate(session, "x", &options, NULL, NULL, NULL) == SZ_ERROR_INPUT);
  CHECK(strstr(sz_last_error(), "go_on") != NULL);
  CHECK(sz_session_score(session, "x", &score) == SZ_ERROR_INPUT);
  CHECK(sz_session_save(session, "/nowhere/x") == SZ_ERROR_INPUT);
  CHECK(sz_session_resume(session, NULL) == SZ_ERROR_INPUT);
  check_run(session);
  CHECK(sz_session_close(session) == SZ_OK);
}

int main(int argc, char **argv) {
  sz_package *package = NULL;
  CHECK(argc == 2);
  CHECK(strlen(sz_version()) >= 5);
  CHECK(sz_package_open(NULL, &package) == SZ_ERROR_INPUT);
  CHECK(sz_package_open("/nowhere", &package) == SZ_ERROR_INPUT && package == NULL);
  CHECK(strstr(sz_last_error(), "/nowhere") != NULL);
  CHECK(sz_package_from_bytes("x", 1, "bytes", &package) == SZ_ERROR_INPUT);
  CHECK(sz_package_open(argv[1], &package) == SZ_OK);
  CHECK(strlen(sz_last_error()) == 0);
  check_package(package);
  check_session(package);
  check_cores(package);
  check_no_language(package);
  CHECK(sz_package_close(package) == SZ_OK && sz_package_close(NULL) == SZ_OK);
  CHECK(sz_session_close(NULL) == SZ_OK);
  return 0;
}
