/* What the trusted OS has to know about the trusted application; read by the dev kit. */
#ifndef USER_TA_HEADER_DEFINES_H
#define USER_TA_HEADER_DEFINES_H

#include "protocol/commands.h"
#include "ta/footprint.h"

#define TA_UUID SMARTZONE_TA_UUID

/*
 * An instance for each session: see docs/decisions/0003-one-instance-per-session.md.
 */
#define TA_FLAGS 0

#define TA_STACK_SIZE SMARTZONE_TA_STACK_BYTES
#define TA_DATA_SIZE SMARTZONE_TA_HEAP_BYTES

#define TA_VERSION "0.1.0"
#define TA_DESCRIPTION "SmartZone: whole neural networks in the secure world"

#endif /* USER_TA_HEADER_DEFINES_H */
