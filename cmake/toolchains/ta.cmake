# Freestanding AArch64 for the trusted rooms: the compiler's own headers and the header-only part
# of libstdc++, no C library. See docs/decisions/0001-cpp-in-the-ta.md for the reason of each flag.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

set(SMARTZONE_CROSS "aarch64-linux-gnu-" CACHE STRING "Prefix of the cross compiler's programs")
set(CMAKE_C_COMPILER "${SMARTZONE_CROSS}gcc")
set(CMAKE_CXX_COMPILER "${SMARTZONE_CROSS}g++")
set(CMAKE_AR "${SMARTZONE_CROSS}gcc-ar")
set(CMAKE_RANLIB "${SMARTZONE_CROSS}gcc-ranlib")

# The compiler's own headers, and libstdc++'s: found by asking it for its search path.
execute_process(
  COMMAND "${CMAKE_CXX_COMPILER}" -E -x c++ -v /dev/null
  OUTPUT_QUIET ERROR_VARIABLE _search COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "\n (/[^\n]+)" _lines "${_search}")
set(_includes "")
foreach(_line IN LISTS _lines)
  string(STRIP "${_line}" _dir)
  get_filename_component(_dir "${_dir}" REALPATH)
  if(_dir MATCHES "/c\\+\\+/[0-9.]+(/[a-z0-9_]+-[a-z0-9-]+)?$" OR _dir MATCHES "/lib/gcc[^/]*/.*/include$")
    string(APPEND _includes " -isystem ${_dir}")
  endif()
endforeach()
get_filename_component(_shims "${CMAKE_CURRENT_LIST_DIR}/../../ta/freestanding" REALPATH)

set(_common "-ffreestanding -nostdinc -isystem ${_shims}")
string(APPEND _common " -DHWY_NO_LIBCXX")  # Highway without <atomic>, <vector> and <math.h>
string(APPEND _common " -march=armv8-a -mno-outline-atomics -fstack-protector-strong")
string(APPEND _common " -Wframe-larger-than=4096")  # of 64 KiB of stack; today's largest is 704 bytes
string(APPEND _common " -ffunction-sections -fdata-sections")
string(APPEND _common " -fno-asynchronous-unwind-tables -fno-unwind-tables")
set(CMAKE_C_FLAGS_INIT "${_common}")
set(CMAKE_CXX_FLAGS_INIT
  "${_common} -nostdinc++${_includes} -fno-exceptions -fno-rtti -fno-threadsafe-statics")
# OP-TEE's loader refuses an ELF file with GNU_UNIQUE symbols (inline constants would be some).
string(APPEND CMAKE_CXX_FLAGS_INIT " -fno-gnu-unique -fvisibility=hidden")
