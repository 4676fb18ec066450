# One libFuzzer executable for each tests/fuzz/<name>_fuzz.cc, on a core that is instrumented throughout.

list(FILTER CORE_SOURCES EXCLUDE REGEX "/kernels/(simd128|relaxed)[a-z0-9_]*\\.cc$")  # <wasm_simd128.h> exists for WASM only

# The core has no RTTI, which the vptr check would need.
set(SANITIZERS -fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=all -fno-omit-frame-pointer)
list(APPEND SANITIZERS -fsanitize-ignorelist=${CMAKE_SOURCE_DIR}/cmake/fuzz_ignorelist.txt)
add_core(thimble_core_fuzz -O1 -g -fsanitize=fuzzer-no-link ${SANITIZERS})

file(GLOB FUZZ_SOURCES CONFIGURE_DEPENDS tests/fuzz/*_fuzz.cc)
foreach(source IN LISTS FUZZ_SOURCES)
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE thimble_core_fuzz)
  target_include_directories(${name} PRIVATE tests)
  target_include_directories(${name} SYSTEM PRIVATE ${THIRD_PARTY_DIR})
  target_compile_options(${name} PRIVATE ${WARNINGS} -O1 -g -fsanitize=fuzzer ${SANITIZERS})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer ${SANITIZERS})
endforeach()
