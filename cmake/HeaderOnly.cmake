# Header-only libraries that lie beside other headers in /usr/include. Cross compilers must not
# see the rest of that folder, so each gets a folder of its own with links to its headers.

# smartzone_header_only(TARGET FOLDER ENTRY...): an interface target whose include folder holds
# links to FOLDER/ENTRY and nothing else.
function(smartzone_header_only target folder)
  set(own "${CMAKE_BINARY_DIR}/headers/${target}")
  file(MAKE_DIRECTORY "${own}")
  foreach(entry IN LISTS ARGN)
    file(CREATE_LINK "${folder}/${entry}" "${own}/${entry}" SYMBOLIC)
  endforeach()
  add_library(${target} INTERFACE)
  target_include_directories(${target} SYSTEM INTERFACE "${own}")
endfunction()
