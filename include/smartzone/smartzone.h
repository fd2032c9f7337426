/*
 * SmartZone client library, C interface: what smartzone.hpp offers, for C and for other languages.
 *
 *   sz_package *package;
 *   sz_session *session;
 *   if (sz_package_open("digits.szp", &package) || sz_session_open(SZ_BACKEND_TEE, &session) ||
 *       sz_session_load(session, package, NULL, NULL))
 *     fprintf(stderr, "%s\n", sz_last_error());
 *
 * Every function but sz_last_error, sz_last_status and sz_version returns SZ_OK or an error code;
 * after an error, sz_last_error() is a whole sentence for the calling thread. Output arguments are
 * written on SZ_OK only. A null pointer where an object is wanted is an error, not a crash, except
 * that closing a null handle does nothing. Texts are UTF-8, end with a zero, and belong to the
 * handle that gave them. A session is used by one thread at a time; a package may be shared.
 */
#ifndef SMARTZONE_SMARTZONE_H
#define SMARTZONE_SMARTZONE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum sz_code {
  SZ_OK = 0,
  SZ_ERROR_INPUT = 1,         /* a file, an argument or a tensor is wrong */
  SZ_ERROR_DEVICE = 2,        /* no TEE, no trusted application, a call that did not arrive */
  SZ_ERROR_SECURE_MEMORY = 3, /* too little secure memory for this model */
  SZ_ERROR_INTERNAL = 4       /* a defect of ours, or no memory in the normal world */
};

enum sz_backend {
  SZ_BACKEND_TEE = 0, /* in the secure world, through OP-TEE */
  SZ_BACKEND_HOST = 1 /* in this process. NOT SECURE: for development and comparison */
};

enum sz_type { SZ_F32 = 0, SZ_I8 = 1, SZ_U8 = 2, SZ_I32 = 3, SZ_I64 = 4, SZ_BOOL = 5 };

#define SZ_MAX_RANK 6

/* A compiled model file, opened and its digests checked. */
typedef struct sz_package sz_package;

/* One instance of the trusted application and the model in it. */
typedef struct sz_session sz_session;

/* An input or output, as in the model file: dense, row-major. `name` belongs to the package. */
typedef struct sz_tensor_info {
  const char *name;
  int32_t type; /* enum sz_type */
  uint32_t rank;
  int64_t shape[SZ_MAX_RANK]; /* dimensions from `rank` on are 1 */
  uint64_t bytes;
} sz_tensor_info;

/* Secure memory as the trusted application accounts for it, in bytes. */
typedef struct sz_secure_memory {
  uint64_t control, weights, arena, scratch;
  uint64_t state, language; /* of a language model: caches; tokens and working memory */
  uint64_t board, stacks; /* of the other cores; 0 on one core */
  uint64_t now;           /* mapped at present */
  uint64_t peak;          /* most that was mapped since the session was opened */
} sz_secure_memory;

typedef struct sz_device_info {
  int32_t backend; /* enum sz_backend */
  int32_t secure;  /* 0 for SZ_BACKEND_HOST */
  uint32_t protocol_version;
  uint32_t plan_version;
  char tee[64];       /* e.g. "OP-TEE 4.5"; cut if longer */
  int32_t pool_known; /* whether the three sizes are */
  int32_t most_cores; /* on which a model can compute at most; 1: cores cannot be lent here */
  uint64_t pool_size, pool_allocated, pool_peak; /* secure memory of all trusted applications */
} sz_device_info;

/* How a session computes. Zero is the default of every field: clear the whole struct first. */
typedef struct sz_options {
  uint32_t cores;        /* most cores; 0: as many as the process may use and the model can */
  uint32_t plugin_lends; /* 1: the plugin of tee-supplicant lends cores, not this process */
  uint32_t reserved[6];  /* must be 0 */
} sz_options;

#define SZ_MAX_CORES 8

/* On which cores a session computes, and what came of it since its model was loaded. Worker 0 is
 * the core of the thread that calls sz_session_run; the others are lent. */
typedef struct sz_cores {
  uint32_t asked;   /* sz_options.cores */
  uint32_t used;    /* the most that a run can use; 1 without a model */
  uint32_t present; /* lent cores that are in the secure world just now */
  uint32_t reserved;
  uint64_t work[SZ_MAX_CORES]; /* operations of shared steps done by each worker */
  uint64_t runs;               /* that were open for lent cores */
  uint64_t shared_steps;       /* steps whose work was handed out */
  uint64_t evictions, redone;  /* lent cores thrown out; pieces of work done again after that */
  uint64_t visits;             /* of lending threads in the secure world */
  uint64_t lending_errors;     /* none of which made a run fail */
  const char *advice; /* a sentence if it could be more cores, else ""; until the next call */
} sz_cores;

/* What a package says of its language model. Texts belong to the package. */
typedef struct sz_language {
  uint32_t context;    /* tokens of a conversation */
  uint32_t vocabulary; /* tokens that there are */
  uint32_t batch;      /* tokens of a prompt that are computed at once */
  uint32_t reserved;
  const char *cache;         /* what the caches hold: "f32", "f16", "q8_0" */
  const char *chat_template; /* as the model file had it; "" if it had none */
} sz_language;

/* How a language model chooses tokens. sz_sampling_greedy fills it with the defaults. */
typedef struct sz_sampling {
  float temperature; /* 0: greedy; at most 100 */
  uint32_t top_k;    /* 0: off */
  float top_p;       /* above 0, at most 1; 1: off */
  float min_p;       /* 0 to 1; 0: off */
  float repeat_penalty; /* above 0, at most 100; 1: off */
  uint32_t repeat_window;
  uint64_t seed; /* the same seed, model and text: the same answer */
} sz_sampling;

/* How to write. Zero is the default of every field: clear the whole struct first. */
typedef struct sz_generate_options {
  uint64_t tokens;             /* most to write; 0: until the model ends or the context is full */
  const sz_sampling *sampling; /* null: as before; greedy in a new session */
  uint32_t go_on;              /* 1: the conversation goes on; 0: it is forgotten first */
  uint32_t specials;           /* 1: text like "<|im_end|>" in the prompt names control tokens */
  uint32_t tokens_at_once;     /* 1 to 64, see sz_on_text; 0: one where a token takes long */
  uint32_t reserved[5];        /* must be 0 */
} sz_generate_options;

enum sz_ending {
  SZ_END_OF_TEXT = 0,     /* the model ended its answer */
  SZ_END_LIMIT = 1,       /* sz_generate_options.tokens were written */
  SZ_END_CONTEXT_FULL = 2, /* the conversation fills the context */
  SZ_END_STOPPED = 3      /* sz_on_text said so */
};

/* What came of it. */
typedef struct sz_generation {
  int32_t ending; /* enum sz_ending */
  uint32_t prompt_tokens, written;
  uint32_t position; /* tokens of the conversation */
  uint32_t cores;    /* most that it could compute on */
  uint32_t reserved;
  double prompt_seconds, writing_seconds, first_token_seconds;
} sz_generation;

/* How likely a language model finds a text. */
typedef struct sz_score {
  double nll; /* sum of the negative log-likelihoods, natural logarithm */
  uint32_t judged, tokens; /* in that sum; computed */
  double seconds;
} sz_score;

/* Takes text as it is written: whole characters, valid UTF-8, not ended by a zero. Returns 0 to go
 * on, anything else to stop. */
typedef int (*sz_on_text)(void *context, const char *text, size_t bytes);

/* Called with bytes done and bytes in all while a package is sent. */
typedef void (*sz_progress)(void *context, uint64_t done, uint64_t total);

/* The last error of the calling thread, as a sentence; "" if there was none. Valid until the
 * thread's next call. */
const char *sz_last_error(void);

/* The trusted application's status behind that error (base/status.h); 0 if it was not concerned. */
uint32_t sz_last_status(void);

/* The library's version, e.g. "0.1.0". */
const char *sz_version(void);

/* Opens a .szp file; from_bytes copies the bytes, and `name` is what errors call them. */
int sz_package_open(const char *path, sz_package **package);
int sz_package_from_bytes(const void *bytes, size_t size, const char *name, sz_package **package);
int sz_package_close(sz_package *package);

int sz_package_name(const sz_package *package, const char **name);
int sz_package_input_count(const sz_package *package, size_t *count);
int sz_package_input(const sz_package *package, size_t index, sz_tensor_info *info);
int sz_package_output_count(const sz_package *package, size_t *count);
int sz_package_output(const sz_package *package, size_t index, sz_tensor_info *info);
int sz_package_label_count(const sz_package *package, size_t *count);
int sz_package_label(const sz_package *package, size_t index, const char **label);

/* SZ_ERROR_INPUT if it is no language model. */
int sz_package_language(const sz_package *package, sz_language *language);

/* Opens a session with an instance of the trusted application of its own. */
int sz_session_open(int backend, sz_session **session);

/* The same with options; null options are the defaults. */
int sz_session_open_with(int backend, const sz_options *options, sz_session **session);

/* Ends the session; its secure memory is wiped and given back. */
int sz_session_close(sz_session *session);

/* Loads a model; the package may be closed afterwards. `progress` may be null. Refused with
 * SZ_ERROR_SECURE_MEMORY before anything is sent if the secure memory cannot hold the model. */
int sz_session_load(sz_session *session, const sz_package *package, sz_progress progress,
                    void *context);

/* Runs the network once. inputs[i] has input_bytes[i] bytes, which must be sz_tensor_info.bytes of
 * input i; outputs likewise, written on success only. */
int sz_session_run(sz_session *session, const void *const *inputs, const size_t *input_bytes,
                   size_t input_count, void *const *outputs, const size_t *output_bytes,
                   size_t output_count);

/* Language models: adds a text to the conversation and has the model write on. `options` null: the
 * defaults. `on_text` and `report` may be null. */
void sz_sampling_greedy(sz_sampling *sampling);
int sz_session_generate(sz_session *session, const char *prompt, const sz_generate_options *options,
                        sz_on_text on_text, void *context, sz_generation *report);

/* Scores a text from its beginning; the conversation becomes that text. */
int sz_session_score(sz_session *session, const char *text, sz_score *score);

/* The conversation, sealed by the trusted application, to a file and back into a session with the
 * same model. After an error of `resume` the conversation is empty. */
int sz_session_save(sz_session *session, const char *path);
int sz_session_resume(sz_session *session, const char *path);

/* Drops the model; its secure memory is wiped and given back. */
int sz_session_unload(sz_session *session);

int sz_session_memory(sz_session *session, sz_secure_memory *memory);
int sz_session_device(sz_session *session, sz_device_info *info);
int sz_session_cores(sz_session *session, sz_cores *cores);

#ifdef __cplusplus
}
#endif

#endif /* SMARTZONE_SMARTZONE_H */
