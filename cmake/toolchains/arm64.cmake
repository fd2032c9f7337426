# AArch64 Linux: the normal world of the device. Debian's cross compiler brings the C and C++
# libraries; libteec comes from the emulated device's packages:
#   cmake --preset arm64 -DSMARTZONE_TEEC_INCLUDE_DIR=$(device/tzdev paths libteec_include) \
#     -DSMARTZONE_TEEC_LIBRARY=$(device/tzdev paths libteec_lib)/libteec.so.2
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

# The device's own libraries where libteec is among them (its C library is newer than the cross
# compiler's), else the cross compiler's. Programs must not remember where these lay.
set(_sysroot "${SMARTZONE_CROSS_ROOT}")
if(SMARTZONE_TEEC_LIBRARY MATCHES "^(.*)/usr/lib/aarch64-linux-gnu/[^/]+$")
  set(_sysroot "${CMAKE_MATCH_1}")
endif()
set(CMAKE_CROSSCOMPILING_EMULATOR "qemu-aarch64;-L;${_sysroot}")
set(CMAKE_SKIP_RPATH ON)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,--allow-shlib-undefined")
