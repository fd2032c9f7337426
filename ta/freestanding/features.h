/*
 * libstdc++ asks the C library for its features here. The trusted application has no C library, so
 * the answer to "is it glibc of at least this version" is no.
 */
#pragma once

#define __GLIBC_PREREQ(major, minor) 0
