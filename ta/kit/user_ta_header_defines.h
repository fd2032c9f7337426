/* What the trusted OS has to know about the trusted application; read by the dev kit. */
#ifndef USER_TA_HEADER_DEFINES_H
#define USER_TA_HEADER_DEFINES_H

#include "protocol/commands.h"

#define TA_UUID SMARTZONE_TA_UUID

/*
 * An instance for each session: see docs/decisions/0003-one-instance-per-session.md.
 */
#define TA_FLAGS 0

/* For operators' local tiles and the trusted OS's library; a test watches the depth. */
#define TA_STACK_SIZE (64 * 1024)

/* Holds the session object and the handles of the trusted OS's library: a few kilobytes. */
#define TA_DATA_SIZE (32 * 1024)

#define TA_VERSION "0.1.0"
#define TA_DESCRIPTION "SmartZone: whole neural networks in the secure world"

#endif /* USER_TA_HEADER_DEFINES_H */
