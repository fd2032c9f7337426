/* What the trusted OS has to know about the baseline's TA; read by the dev kit. */
#ifndef USER_TA_HEADER_DEFINES_H
#define USER_TA_HEADER_DEFINES_H

#include "bench/original/protocol.h"

#define TA_UUID ORIGINAL_TA_UUID
#define TA_FLAGS 0
#define TA_STACK_SIZE (64 * 1024)

/* The heap of the papers' TA has a fixed size too; OP-TEE takes it when a session is opened. */
#define TA_DATA_SIZE (ORIGINAL_HEAP_MIB * 1024 * 1024)

#define TA_VERSION "0.1.0"
#define TA_DESCRIPTION "Original trusted inference, rebuilt plainly: for benchmarks only"

#endif /* USER_TA_HEADER_DEFINES_H */
