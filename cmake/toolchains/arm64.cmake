# AArch64 Linux: the normal world of the device. Debian's cross compiler brings the C and C++
# libraries; libteec and libcrypto come from the emulated device's packages:
#   cmake --preset arm64 -DSMARTZONE_TARGET_SYSROOT=$(device/tzdev paths sysroot)
# Unit tests run under qemu-aarch64 (user mode).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)

set(SMARTZONE_CROSS "aarch64-linux-gnu-" CACHE STRING "Prefix of the cross compiler's programs")
set(SMARTZONE_CROSS_ROOT "/usr/aarch64-linux-gnu" CACHE PATH "Where its libraries are")
set(CMAKE_C_COMPILER "${SMARTZONE_CROSS}gcc")
set(CMAKE_CXX_COMPILER "${SMARTZONE_CROSS}g++")

# The baseline of the trusted rooms (cmake/toolchains/ta.cmake), so that both worlds compare alike.
set(CMAKE_C_FLAGS_INIT "-march=armv8-a -mno-outline-atomics")
set(CMAKE_CXX_FLAGS_INIT "-march=armv8-a -mno-outline-atomics")

# Libraries and headers of the target only, programs of this machine only. Header-only packages
# are named one by one (see cmake/SmartZone.cmake).
set(CMAKE_FIND_ROOT_PATH "${SMARTZONE_CROSS_ROOT}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# Tests run with the device's own libraries where there are any (libteec and libcrypto are linked
# to its C library, which is newer than the cross compiler's), else with the cross compiler's.
# Programs must not remember where these lay.
if(SMARTZONE_TARGET_SYSROOT)
  set(CMAKE_CROSSCOMPILING_EMULATOR "qemu-aarch64;-L;${SMARTZONE_TARGET_SYSROOT}")
else()
  set(CMAKE_CROSSCOMPILING_EMULATOR "qemu-aarch64;-L;${SMARTZONE_CROSS_ROOT}")
endif()
set(CMAKE_SKIP_RPATH ON)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,--allow-shlib-undefined")
