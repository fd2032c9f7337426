/*
 * Sizes of the trusted application that the trusted OS is told (ta/kit/user_ta_header_defines.h)
 * and that the secure-memory analysis counts (analyze/). C-clean.
 */
#ifndef SMARTZONE_TA_FOOTPRINT_H
#define SMARTZONE_TA_FOOTPRINT_H

/* For operators' local tiles and the trusted OS's library. */
#define SMARTZONE_TA_STACK_BYTES (64 * 1024)

/* What the dev kit adds to the stack for its own entry code. */
#define SMARTZONE_TA_STACK_EXTRA_BYTES 2048

/* Holds the session object and the handles of the trusted OS's library: a few kilobytes. */
#define SMARTZONE_TA_HEAP_BYTES (32 * 1024)

#endif /* SMARTZONE_TA_FOOTPRINT_H */
