# Libraries of the machine that the host rooms run on: OpenSSL's libcrypto (smartzone_crypto) and
# libteec (smartzone_teec). This machine's own, or for the device those in its sysroot. Nothing of
# the sysroot is kept in the cache: its path changes with the device's packages.
set(SMARTZONE_TARGET_SYSROOT "" CACHE PATH
  "Cross builds: root with the target's libraries and headers (device/tzdev paths sysroot)")
set(SMARTZONE_TEEC_INCLUDE_DIR "" CACHE PATH
  "Folder with libteec's tee_client_api.h; empty: the sysroot's")
set(SMARTZONE_TEEC_LIBRARY "" CACHE FILEPATH
  "libteec.so (or .a) for the target; empty: the sysroot's")

set(_multiarch "aarch64-linux-gnu")
set(_advice "A build for the device needs its libraries: cmake --preset arm64 \
-DSMARTZONE_TARGET_SYSROOT=$(device/tzdev paths sysroot)")

# smartzone_require_file(PATH NAME): stops with advice if a library or header is not there.
function(smartzone_require_file path name)
  if(NOT EXISTS "${path}")
    message(FATAL_ERROR "${name} for the target is not at '${path}'. ${_advice}")
  endif()
endfunction()

add_library(smartzone_crypto INTERFACE)
if(SMARTZONE_TARGET_SYSROOT)
  set(_library "${SMARTZONE_TARGET_SYSROOT}/usr/lib/${_multiarch}/libcrypto.so")
  set(_headers "${SMARTZONE_TARGET_SYSROOT}/usr/include")
  smartzone_require_file("${_library}" "OpenSSL")
  smartzone_require_file("${_headers}/openssl/evp.h" "OpenSSL's header")
  target_link_libraries(smartzone_crypto INTERFACE "${_library}")
  target_include_directories(smartzone_crypto SYSTEM INTERFACE
    "${_headers}" "${_headers}/${_multiarch}")
else()
  find_package(OpenSSL 3.0 COMPONENTS Crypto)
  if(NOT OpenSSL_FOUND)
    message(FATAL_ERROR "OpenSSL 3 (libcrypto and its headers) is missing: install Debian's "
      "libssl-dev. ${_advice}")
  endif()
  target_link_libraries(smartzone_crypto INTERFACE OpenSSL::Crypto)
endif()

if(SMARTZONE_TEEC)
  set(_headers "${SMARTZONE_TEEC_INCLUDE_DIR}")
  set(_library "${SMARTZONE_TEEC_LIBRARY}")
  if(NOT _headers)
    set(_headers "${SMARTZONE_TARGET_SYSROOT}/usr/include")
  endif()
  if(NOT _library)
    set(_library "${SMARTZONE_TARGET_SYSROOT}/usr/lib/${_multiarch}/libteec.so.2")
  endif()
  smartzone_require_file("${_headers}/tee_client_api.h" "libteec's header")
  smartzone_require_file("${_library}" "libteec")
  add_library(smartzone_teec INTERFACE)
  target_include_directories(smartzone_teec SYSTEM INTERFACE "${_headers}")
  target_link_libraries(smartzone_teec INTERFACE "${_library}")
endif()
