# Reads emsdk.env into PIN_<KEY> and refuses compilers of any other version.

file(STRINGS ${CMAKE_SOURCE_DIR}/emsdk.env pin_lines REGEX "^[A-Z_]+=")
foreach(line IN LISTS pin_lines)
  string(REGEX MATCH "^([A-Z_]+)=\"?([^\"]*)\"?$" matched "${line}")
  set(PIN_${CMAKE_MATCH_1} "${CMAKE_MATCH_2}")
endforeach()
# A new pin must be checked again, so editing the file reruns CMake.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/emsdk.env)

# refuse_other(<what> <found> <wanted>): stops unless `found` is `wanted` or starts with `wanted.`
function(refuse_other what found wanted)
  string(FIND "${found}." "${wanted}." at)
  if(NOT at EQUAL 0)
    message(FATAL_ERROR "Thimble is pinned to ${what} ${wanted} (emsdk.env), found '${found}'. "
                        "Run scripts/setup.sh to install the pinned versions.")
  endif()
endfunction()

# find_pinned_clang(): sets CLANG_19 style variables CLANGXX and WASM_LD to the pinned clang and its linker.
function(find_pinned_clang)
  find_program(CLANGXX clang++-${PIN_CLANG_MAJOR})
  find_program(WASM_LD wasm-ld-${PIN_CLANG_MAJOR})
  if(NOT CLANGXX OR NOT WASM_LD)
    message(FATAL_ERROR "clang++-${PIN_CLANG_MAJOR} and wasm-ld-${PIN_CLANG_MAJOR} are needed for the relaxed-SIMD "
                        "kernel (emsdk.env). Run scripts/setup.sh to install them.")
  endif()
endfunction()

if(EMSCRIPTEN)
  refuse_other("Emscripten" "${EMSCRIPTEN_VERSION}" "${PIN_EMSCRIPTEN_VERSION}")
  find_pinned_clang()
elseif(THIMBLE_FUZZ)
  refuse_other("clang" "${CMAKE_CXX_COMPILER_VERSION}" "${PIN_CLANG_MAJOR}")
else()
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    message(FATAL_ERROR "The native build uses g++ ${PIN_GCC_MAJOR} (emsdk.env), found ${CMAKE_CXX_COMPILER_ID}. "
                        "Configure with -DCMAKE_CXX_COMPILER=g++-${PIN_GCC_MAJOR}.")
  endif()
  refuse_other("g++" "${CMAKE_CXX_COMPILER_VERSION}" "${PIN_GCC_MAJOR}")
endif()
