# Functions with which the rooms declare themselves. A room is a folder with one library target
# smartzone::<room>; it links to the rooms that it may include, and to no others.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

# Flags for every target: warnings, and no fused multiply-add but where it is written.
add_library(smartzone_options INTERFACE)
target_compile_options(smartzone_options INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>  # false positives of GCC 12 in std::string (GCC bug 105651)
  $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow>  # and, at -O3, in std::vector (GCC bug 107852)
  -ffp-contract=off
  $<$<BOOL:${SMARTZONE_WERROR}>:-Werror>)
target_include_directories(smartzone_options INTERFACE "${PROJECT_SOURCE_DIR}")

# Google Highway: headers only, found beside the compiler's own on the host. A folder with nothing
# but Highway in it lets cross builds use the same headers.
find_path(SMARTZONE_HIGHWAY_DIR hwy/highway.h PATHS /usr/include NO_CMAKE_FIND_ROOT_PATH REQUIRED)
file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/highway")
file(CREATE_LINK "${SMARTZONE_HIGHWAY_DIR}/hwy" "${CMAKE_BINARY_DIR}/highway/hwy" SYMBOLIC)
add_library(smartzone_highway INTERFACE)
target_include_directories(smartzone_highway SYSTEM INTERFACE "${CMAKE_BINARY_DIR}/highway")

if(SMARTZONE_TESTS AND NOT SMARTZONE_TRUSTED_ONLY)
  enable_testing()
  if(CMAKE_CROSSCOMPILING)
    # No GoogleTest for the target in Debian: build it from the sources of package googletest.
    set(SMARTZONE_GTEST_SOURCE "/usr/src/googletest" CACHE PATH "GoogleTest's sources")
    set(INSTALL_GTEST OFF)
    add_subdirectory("${SMARTZONE_GTEST_SOURCE}" "${CMAKE_BINARY_DIR}/googletest" EXCLUDE_FROM_ALL
      SYSTEM)
    target_compile_options(gtest PRIVATE -w)  # not our code
    if(NOT TARGET GTest::gtest_main)
      add_library(GTest::gtest_main ALIAS gtest_main)
      add_library(GTest::gmock ALIAS gmock)
    endif()
  else()
    find_package(GTest REQUIRED)
  endif()
  include(GoogleTest)
endif()

# smartzone_room(NAME [TRUSTED] [SOURCES ...] [DEPS room ...])
# Declares a room. TRUSTED rooms are built without exceptions and RTTI everywhere.
function(smartzone_room name)
  cmake_parse_arguments(ARG "TRUSTED" "" "SOURCES;DEPS" ${ARGN})
  if(ARG_SOURCES)
    add_library(smartzone_${name} STATIC ${ARG_SOURCES})
    set(scope PUBLIC)
  else()
    add_library(smartzone_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(smartzone::${name} ALIAS smartzone_${name})
  target_link_libraries(smartzone_${name} ${scope} smartzone_options)
  foreach(dep IN LISTS ARG_DEPS)
    target_link_libraries(smartzone_${name} ${scope} smartzone::${dep})
  endforeach()
  if(ARG_TRUSTED AND ARG_SOURCES)
    target_compile_options(smartzone_${name} PRIVATE
      $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions;-fno-rtti;-fno-threadsafe-statics>)
  endif()
endfunction()

# smartzone_test(NAME SOURCES ... [DEPS room ...] [LIBS target ...])
# A GoogleTest program; every TEST in it becomes a CTest test.
function(smartzone_test name)
  if(NOT SMARTZONE_TESTS OR SMARTZONE_TRUSTED_ONLY)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE smartzone_options GTest::gtest_main ${ARG_LIBS})
  target_compile_definitions(${name} PRIVATE SMARTZONE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  foreach(dep IN LISTS ARG_DEPS)
    target_link_libraries(${name} PRIVATE smartzone::${dep})
  endforeach()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60)
endfunction()

# smartzone_fuzz(NAME SOURCES ... [DEPS room ...] [LIBS target ...])
# A libFuzzer target; built by the `fuzz` preset only. Where it has seeds (corpus/NAME), the other builds
# have a test Seeds.NAME that runs it on them.
function(smartzone_fuzz name)
  set(seeds "${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name}")
  if(NOT SMARTZONE_FUZZ AND (NOT SMARTZONE_TESTS OR SMARTZONE_TRUSTED_ONLY OR NOT EXISTS "${seeds}"))
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE smartzone_options ${ARG_LIBS})
  foreach(dep IN LISTS ARG_DEPS)
    target_link_libraries(${name} PRIVATE smartzone::${dep})
  endforeach()
  if(SMARTZONE_FUZZ)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(${name} PRIVATE "${PROJECT_SOURCE_DIR}/tools/replay_seeds.cc")
    add_test(NAME Seeds.${name} COMMAND ${name} "${seeds}")
  endif()
endfunction()
