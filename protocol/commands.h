/*
 * What the client and the TA say to each other. C-clean: included by the C ABI, the C++ rooms and,
 * later, the OP-TEE core.
 *
 * Every command uses all four GlobalPlatform parameters as given here, and no other types. The
 * TEE_Result says whether the call arrived; what happened is in parameter 3 of every command:
 *   [out] value[3].a = sz::Status, value[3].b = its detail
 * A TEE_Result other than TEE_SUCCESS means that nothing was done (TEE_ERROR_BAD_PARAMETERS:
 * wrong parameter types).
 *
 * One session has one instance of the TA and at most one model. A language model has one
 * conversation in a session: the tokens of its context, with what the caches hold of them. They
 * never leave the TA but as text that it wrote (NEXT), or sealed (SAVE).
 * States: empty -> (LOAD_BEGIN) -> loading -> (LOAD_WEIGHTS ...)-> (LOAD_END) -> ready -> (RUN
 * ...). UNLOAD leads back to empty from any state. A failed LOAD_* leads back to empty as well,
 * and so does a RUN that ends in kHelperFault.
 */
#ifndef SMARTZONE_PROTOCOL_COMMANDS_H
#define SMARTZONE_PROTOCOL_COMMANDS_H

#include <stdint.h>

/* cfab678a-de83-4ce9-b3a6-fcefe711ccc9 */
#define SMARTZONE_TA_UUID \
	{ 0xcfab678a, 0xde83, 0x4ce9, \
	  { 0xb3, 0xa6, 0xfc, 0xef, 0xe7, 0x11, 0xcc, 0xc9 } }
#define SMARTZONE_TA_UUID_TEXT "cfab678a-de83-4ce9-b3a6-fcefe711ccc9"

#define SMARTZONE_PROTOCOL_VERSION 3

/* Largest LOAD_WEIGHTS chunk that the TA takes. */
#define SMARTZONE_MAX_CHUNK_BYTES (4u << 20)

/*
 * What the TA is and holds.
 * [out] memref[0]: struct smartzone_info
 *       value[1], value[2]: none
 */
#define SMARTZONE_CMD_INFO 0

/*
 * Takes a plan: copies it, checks it, takes the model's secure memory.
 * [in]  memref[0]: the plan
 * [in]  value[1].a: cores to reserve scratch and stacks for (1 .. SMARTZONE_MAX_CORES)
 *       value[1].b: 0, or SMARTZONE_LOAD_ASKS
 *       value[2]: none
 * More than one core without the trusted OS's extension (secure_cores.h) is no error: see CORES.
 */
#define SMARTZONE_CMD_LOAD_BEGIN 1

/*
 * One piece of the weights region, in order, without gaps.
 * [in]  memref[0]: the bytes, 1 .. SMARTZONE_MAX_CHUNK_BYTES
 * [in]  value[1].a, .b: offset in the region, low and high word
 *       value[2]: none
 */
#define SMARTZONE_CMD_LOAD_WEIGHTS 2

/*
 * All weights are there: checks their digest, and a language model's tokenizer; the model is ready.
 *       memref[0], value[1], value[2]: none
 */
#define SMARTZONE_CMD_LOAD_END 3

/*
 * Runs an entry point of a network. kBadEntryPoint with a language model.
 * [in]  memref[0]: the inputs, dense, each at a multiple of 64 bytes
 * [out] memref[1]: the outputs, likewise
 * [in]  value[2].a: index of the entry point; .b: most cores to use, 1 .. the number reserved
 * Computes on the caller's core and on those that lenders bring meanwhile (see CORES).
 */
#define SMARTZONE_CMD_RUN 4

/*
 * Drops the model; its secure memory is wiped and given back.
 *       memref[0], value[1], value[2]: none
 */
#define SMARTZONE_CMD_UNLOAD 5

/*
 * What a client must know to lend cores, and what came of it.
 * [out] memref[0]: struct smartzone_cores
 *       value[1], value[2]: none
 */
#define SMARTZONE_CMD_CORES 6

/*
 * Language models: adds text to the conversation. Nothing is computed yet; on an error nothing has
 * changed. The token that begins a text, if the model has one, is put in front where the context
 * is empty, also of no text (not with flag TOKENS: RESTART | TOKENS and no bytes leave the
 * conversation empty). kBadState from this and the commands below unless a language model is ready.
 * [in]  memref[0]: the text, UTF-8 (flag TOKENS: tokens, u32 each); may have no bytes
 * [in]  memref[1]: struct smartzone_prompt
 * [out] value[2].a: tokens that wait to be computed; .b: tokens of the context that have been
 */
#define SMARTZONE_CMD_PROMPT 7

/*
 * Does the next piece of work: computes some of the waiting tokens (at most the model's batch),
 * or, when none of a prompt waits, writes up to value[2].a tokens: fewer where the room for text
 * comes to less than 1024 bytes, the answer ends or the context is full. Between two calls the
 * client can stop at any token.
 * [out] memref[0]: the text that was written, which may end within a character; room for 1024
 *                  bytes or more
 * [out] memref[1]: struct smartzone_next
 * [in]  value[2].a: most tokens, 1 .. SMARTZONE_MAX_NEXT; .b: most cores, as RUN's
 */
#define SMARTZONE_CMD_NEXT 8

/*
 * For measuring a model: computes waiting tokens one by one, up to value[2].a of them, and says
 * how likely each was after those before it (the first of the context is not judged).
 * [out] memref[0]: logits after each, f32 x vocabulary, or no bytes. kBadState if the plan does
 *                  not let them leave (package::kLogitsMayLeave)
 * [out] memref[1]: struct smartzone_score
 * [in]  value[2].a: most tokens, 1 .. SMARTZONE_MAX_NEXT; .b: most cores, as RUN's
 */
#define SMARTZONE_CMD_SCORE 9

/*
 * A piece of the conversation, encrypted and authenticated with a key that only this TA on this
 * device has (ta/saving.h). Piece 0 begins a new saving; PROMPT, NEXT, SCORE, RESUME or a wrong
 * piece (kBadParameters) ends it. The conversation stays as it is.
 * [out] memref[0]: the piece; room for SMARTZONE_SAVED_PIECE_BYTES or more
 * [in]  value[1].a: number of the piece, from 0 in order
 * [out] value[2].a: number of pieces
 */
#define SMARTZONE_CMD_SAVE 10

/*
 * Takes a saved conversation back, piece by piece in order. The conversation that was there is
 * forgotten with piece 0; after an error, and if PROMPT, NEXT, SCORE or SAVE comes before the last
 * piece, it is empty. kSavedForeign: of another model or version. kSavedDamaged: changed, out of
 * order, or of another device.
 * [in]  memref[0]: the piece
 * [in]  value[1].a: its number
 * [out] value[2].a: pieces that are still to come
 */
#define SMARTZONE_CMD_RESUME 11

/* Tokens of one NEXT or SCORE. */
#define SMARTZONE_MAX_NEXT 64u

/* Largest piece of a saved conversation. */
#define SMARTZONE_SAVED_PIECE_BYTES (256u << 10)

/*
 * LOAD_BEGIN: nobody lends on the client's side; the TA asks the plugin of tee-supplicant for cores
 * (ask_for_cores.h) when a run begins without helpers.
 */
#define SMARTZONE_LOAD_ASKS 1u

/* The core of the caller, and one for each slot of secure_cores.h. */
#define SMARTZONE_MAX_CORES 8

enum smartzone_state {
	SMARTZONE_STATE_EMPTY = 0,
	SMARTZONE_STATE_LOADING = 1,
	SMARTZONE_STATE_READY = 2,
};

/* Reply to INFO. All sizes in bytes; "mapped" means taken from secure memory, page-rounded. */
struct smartzone_info {
	uint32_t protocol_version;
	uint32_t plan_version;
	uint32_t state;			/* enum smartzone_state */
	uint32_t cores;			/* cores that scratch is reserved for; 0 when empty */
	uint64_t control_mapped;
	uint64_t weights_mapped;
	uint64_t arena_mapped;
	uint64_t scratch_mapped;
	uint64_t board_mapped;
	uint64_t stacks_mapped;
	uint64_t state_mapped;		/* a language model's key-value caches */
	uint64_t language_mapped;	/* its tokens and the working memory of a conversation */
	uint64_t mapped_now;		/* sum of the eight */
	uint64_t mapped_peak;		/* largest sum since the session was opened */
	uint64_t inputs_bytes;		/* entry point 0: size of a request; 0 when empty */
	uint64_t outputs_bytes;		/* entry point 0: size of a reply */
};

/*
 * Reply to CORES. The counters count since the model was loaded. Worker 0 is the caller's core,
 * worker n the helper in slot n - 1.
 */
struct smartzone_cores {
	uint32_t usable;		/* most cores that a run can use; 1: nobody needs to lend */
	uint32_t present;		/* helpers inside just now */
	uint64_t group;			/* group id for SECURE_CORES_CMD_LEND; 0: none */
	uint64_t work[SMARTZONE_MAX_CORES];	/* cost of the chunks that each worker has done */
	uint64_t runs;			/* RUN, NEXT and SCORE commands that were ready for helpers */
	uint64_t shared_steps;		/* steps whose chunks were handed out */
	uint64_t evictions;		/* times that a group was stopped to get at a withheld chunk */
	uint64_t redone;		/* chunks done again after that */
};

/* Flags of struct smartzone_prompt. */
#define SMARTZONE_PROMPT_RESTART 1u	/* forget the conversation first */
#define SMARTZONE_PROMPT_SPECIALS 2u	/* text like "<|im_end|>" names control tokens */
#define SMARTZONE_PROMPT_TOKENS 4u	/* memref[0] has tokens, not text */
#define SMARTZONE_PROMPT_SAMPLING 8u	/* take the settings below; else those from before go on */

/* How to go on, and how to choose tokens (language/sampler.h). */
struct smartzone_prompt {
	uint32_t flags;
	float temperature;		/* 0: greedy */
	uint32_t top_k;			/* 0: off */
	float top_p;			/* 1: off */
	float min_p;			/* 0: off */
	float repeat_penalty;		/* 1: off */
	uint32_t repeat_window;
	uint32_t reserved;		/* 0 */
	uint64_t seed;
};

enum smartzone_progress {
	SMARTZONE_PROGRESS_PROMPT = 0,		/* there is more of the prompt to compute */
	SMARTZONE_PROGRESS_TOKEN = 1,		/* tokens were written, and more can be */
	SMARTZONE_PROGRESS_END_OF_TEXT = 2,	/* the model ended its answer */
	SMARTZONE_PROGRESS_CONTEXT_FULL = 3,	/* there is no room for another token */
	SMARTZONE_PROGRESS_IDLE = 4,		/* nothing waits and nothing was begun */
};

/* Reply to NEXT. */
struct smartzone_next {
	uint32_t progress;		/* enum smartzone_progress */
	uint32_t position;		/* tokens of the context that have been computed */
	uint32_t waiting;		/* tokens that have not */
	uint32_t text_bytes;		/* in memref[0] */
	uint32_t tokens;		/* that were written */
	uint32_t token[SMARTZONE_MAX_NEXT];
	uint32_t reserved;		/* 0 */
};

/* Reply to SCORE. */
struct smartzone_score {
	double nll;			/* sum of the negative log-likelihoods */
	uint32_t judged;		/* tokens in that sum */
	uint32_t computed;		/* tokens that this call computed */
	uint32_t position;
	uint32_t waiting;
};

#endif /* SMARTZONE_PROTOCOL_COMMANDS_H */
