/* The functions of the C interface for language models, on a small model: c_api_language_test
 * PACKAGE FILE, where FILE may be written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/smartzone/smartzone.h"

#define CHECK(condition)                                                                \
  do {                                                                                  \
    if (!(condition)) {                                                                 \
      fprintf(stderr, "%s:%d: %s (last error: %s)\n", __FILE__, __LINE__, #condition,   \
              sz_last_error());                                                         \
      exit(1);                                                                          \
    }                                                                                   \
  } while (0)

struct text {
  char bytes[4096];
  size_t size;
  int calls, most;
};

static int on_text(void *context, const char *bytes, size_t size) {
  struct text *text = context;
  CHECK(text->size + size <= sizeof(text->bytes));
  memcpy(text->bytes + text->size, bytes, size);
  text->size += size;
  return ++text->calls == text->most;
}

static void check_writing(sz_session *session, const char *file) {
  sz_generate_options options;
  sz_generation report;
  struct text whole = {.most = -1}, first = {.most = -1}, stopped = {.most = 1};
  memset(&options, 0, sizeof(options));
  options.tokens = 20;
  CHECK(sz_session_generate(session, "the", &options, on_text, &whole, &report) == SZ_OK);
  CHECK(report.ending == SZ_END_LIMIT && report.written == 20 && whole.size > 0);
  CHECK(report.prompt_tokens >= 2 && report.writing_seconds > 0 && report.cores >= 1);
  options.tokens = 8;
  CHECK(sz_session_generate(session, "the", &options, on_text, &first, &report) == SZ_OK);
  CHECK(sz_session_save(session, file) == SZ_OK);
  CHECK(sz_session_generate(session, "he", NULL, NULL, NULL, NULL) == SZ_OK);
  CHECK(sz_session_resume(session, file) == SZ_OK);
  options.tokens = 12;
  options.go_on = 1;
  CHECK(sz_session_generate(session, "", &options, on_text, &first, &report) == SZ_OK);
  CHECK(first.size == whole.size && memcmp(first.bytes, whole.bytes, whole.size) == 0);
  options.go_on = 0;
  options.tokens_at_once = 1;
  CHECK(sz_session_generate(session, "the", &options, on_text, &stopped, &report) == SZ_OK);
  CHECK(report.ending == SZ_END_STOPPED && stopped.calls == 1);
}

int main(int argc, char **argv) {
  sz_package *package = NULL;
  sz_session *session = NULL;
  sz_language language;
  sz_sampling sampling;
  sz_generate_options options;
  sz_score score;
  CHECK(argc == 3);
  CHECK(sz_package_open(argv[1], &package) == SZ_OK);
  CHECK(sz_package_language(package, &language) == SZ_OK);
  CHECK(language.context == 64 && language.vocabulary == 264 && language.batch == 8);
  CHECK(strcmp(language.cache, "f32") == 0 && strcmp(language.chat_template, "") == 0);
  CHECK(sz_session_open(SZ_BACKEND_HOST, &session) == SZ_OK);
  CHECK(sz_session_load(session, package, NULL, NULL) == SZ_OK);
  CHECK(sz_package_close(package) == SZ_OK);
  check_writing(session, argv[2]);
  CHECK(sz_session_score(session, "the he", &score) == SZ_OK);
  CHECK(score.judged + 1 == score.tokens && score.nll > 0);
  sz_sampling_greedy(&sampling);
  sampling.top_p = 0;
  memset(&options, 0, sizeof(options));
  options.sampling = &sampling;
  CHECK(sz_session_generate(session, "the", &options, NULL, NULL, NULL) == SZ_ERROR_INPUT);
  CHECK(strstr(sz_last_error(), "sampling") != NULL);
  CHECK(sz_session_resume(session, "/nowhere/x") == SZ_ERROR_INPUT);
  CHECK(sz_session_run(session, NULL, NULL, 0, NULL, NULL, 0) == SZ_ERROR_INPUT);
  CHECK(sz_session_close(session) == SZ_OK);
  return 0;
}
