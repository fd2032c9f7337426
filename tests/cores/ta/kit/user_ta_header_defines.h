/* What the trusted OS has to know about the test TA; read by the dev kit. */
#ifndef USER_TA_HEADER_DEFINES_H
#define USER_TA_HEADER_DEFINES_H

/* CORES_TEST_TA_UUID of test_commands.h, which is C++. */
#define TA_UUID \
	{ 0x98196f13, 0xcb7b, 0x4978, \
	  { 0x80, 0xf8, 0x09, 0x96, 0x9b, 0xac, 0xc4, 0x9d } }

/* An instance for each session, as the real one. */
#define TA_FLAGS 0

#define TA_STACK_SIZE (64 * 1024)
#define TA_DATA_SIZE (32 * 1024)

#define TA_VERSION "0.1.0"
#define TA_DESCRIPTION "SmartZone: tests of secure cores, not for use"

#endif /* USER_TA_HEADER_DEFINES_H */
