# stb_image 2.27 (Debian 12) trusts some numbers of damaged pictures; 2.28 checks them. The copy
# that we compile, in the build folder, gets the checks that our fuzz target asked for.

# smartzone_mend_stb_image(SOURCE COPY): writes COPY from SOURCE (stb_image.h). Versions from 2.28
# on are copied as they are; a 2.27 that does not look as expected is an error, not a guess.
function(smartzone_mend_stb_image source copy)
  file(READ "${source}" text)
  if(NOT text MATCHES "stb_image - v2\\.([0-9]+) ")
    message(FATAL_ERROR "${source}: no version of stb_image found in it")
  endif()
  if(CMAKE_MATCH_1 LESS 28)
    # More than 256 codes in a Huffman table overrun it.
    _insert_behind("               n += sizes[i];\n            }\n"
      "            if (n > 256) return stbi__err(\"bad DHT header\",\"Corrupt JPEG\");\n")
    # A code that no table has.
    _insert_behind("+ h->delta[k];\n" "   if (c < 0 || c >= 256) return -1;\n")
    # More bits than the file has.
    _insert_behind("   if (j->code_bits < n) stbi__grow_buffer_unsafe(j);\n"
      "   if (j->code_bits < n) return 0;\n")
    _insert_behind("   if (j->code_bits < 1) stbi__grow_buffer_unsafe(j);\n"
      "   if (j->code_bits < 1) return 0;\n")
    _insert_behind("s = r & 15; // combined length\n"
      "if (s > j->code_bits) return stbi__err(\"bad huffman code\",\"Corrupt JPEG\");\n")
    # Length and distance codes that deflate does not have: a loop without end.
    _insert_behind("            a->zout = zout;\n            return 1;\n         }\n"
      "         if (z >= 286) return stbi__err(\"bad huffman code\",\"Corrupt PNG\");\n")
    _insert_behind("         z = stbi__zhuffman_decode(a, &a->z_distance);\n"
      "         if (z >= 30) return stbi__err(\"bad huffman code\",\"Corrupt PNG\");\n")
  endif()
  file(CONFIGURE OUTPUT "${copy}" CONTENT "@text@" @ONLY)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${source}")
endfunction()

# Puts `addition` behind every `place` in the caller's `text`.
macro(_insert_behind place addition)
  string(FIND "${text}" "${place}" _at)
  if(_at EQUAL -1)
    message(FATAL_ERROR "${source}: this stb_image 2.${CMAKE_MATCH_1} is not the one that "
                        "cli/image/mend_stb_image.cmake knows; '${place}' is missing")
  endif()
  string(REPLACE "${place}" "${place}${addition}" text "${text}")
endmacro()
