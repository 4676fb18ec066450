# WASM build. One archive, libthimble_core.a, is linked into the module that ships and into the test binary: the
# tests run the very same object files, compiled once with the same flags, and the same relaxed kernel bytes.

include(cmake/RelaxedKernel.cmake)

add_core(thimble_core -O3 -msimd128)
# Text is read once a query and a mask a token, tensors all the time: only the latter are worth their size.
file(GLOB_RECURSE TEXT_SOURCES CONFIGURE_DEPENDS src/answer/*.cc src/grammar/*.cc src/prompt/*.cc src/tokenizer/*.cc src/weights/*.cc)
set_source_files_properties(${TEXT_SOURCES} src/engine.cc PROPERTIES COMPILE_OPTIONS -Oz)

# What touches the JavaScript side except the Embind surface (bindings.cc): also part of both binaries.
file(GLOB WEB_SOURCES CONFIGURE_DEPENDS web/*.cc)
list(FILTER WEB_SOURCES EXCLUDE REGEX "/bindings\\.cc$")
add_library(thimble_web OBJECT ${WEB_SOURCES})
add_dependencies(thimble_web relaxed_kernel)
target_include_directories(thimble_web PUBLIC web PRIVATE ${GENERATED_DIR})
target_compile_options(thimble_web PRIVATE ${CORE_FLAGS} -O3 -msimd128)
target_link_libraries(thimble_web PUBLIC thimble_core)

# web,worker also serves Node: the caller passes wasmBinary, and the glue needs no require or fetch there.
# Memory: what is allocated and no more (growth by need, a stack of 1 MiB instead of 5).
set(LINK_FLAGS -O3 -sMODULARIZE -sEXPORT_ES6 -sENVIRONMENT=web,worker -sALLOW_MEMORY_GROWTH
               -sMEMORY_GROWTH_GEOMETRIC_STEP=0 -sTOTAL_STACK=1MB -sALLOW_TABLE_GROWTH -sMALLOC=emmalloc
               -sDYNAMIC_EXECUTION=0)

# add_module(<name> <sources>...): an ES6 module with the Embind surface.
function(add_module name)
  add_executable(${name} web/bindings.cc ${ARGN})
  set_target_properties(${name} PROPERTIES SUFFIX .mjs)
  target_compile_options(${name} PRIVATE ${WARNINGS} -ffp-contract=off -Os -msimd128)
  target_link_libraries(${name} PRIVATE thimble_web)
  # Every byte of the glue is in the worker's script: no decoder of UTF-8 of its own, no hooks that nobody uses.
  target_link_options(${name} PRIVATE ${LINK_FLAGS} --bind -sFILESYSTEM=0 -sTEXTDECODER=2
                      -sINCOMING_MODULE_JS_API=wasmBinary,locateFile)
endfunction()
add_module(thimble)
# What `npm run bench` loads: the module that ships, and the benchmarks of single kernels.
add_module(thimble_bench tests/bench/bench_bindings.cc tests/bench/call_bench.cc tests/bench/grammar_bench.cc tests/bench/kernels_bench.cc)
target_include_directories(thimble_bench PRIVATE tests)

# The harness (tests/run) writes the test data into the in-memory file system and calls main.
add_core_tests(core_tests thimble_web -O1 -msimd128 -fexceptions -DTHIMBLE_TEST_DATA_DIR="/test-data")
set_target_properties(core_tests PROPERTIES SUFFIX .mjs)
target_link_options(core_tests PRIVATE ${LINK_FLAGS} -fexceptions -sFORCE_FILESYSTEM -sINVOKE_RUN=0 -sEXIT_RUNTIME=1
                    -sEXPORTED_RUNTIME_METHODS=FS,ENV,callMain)

# Random walks through random grammars, for tests/property/main.ts to judge.
add_executable(property_walks tests/property/walks.cc)
set_target_properties(property_walks PROPERTIES SUFFIX .mjs)
target_link_libraries(property_walks PRIVATE thimble_core)
target_include_directories(property_walks PRIVATE tests)
target_include_directories(property_walks SYSTEM PRIVATE ${THIRD_PARTY_DIR})
target_compile_options(property_walks PRIVATE ${WARNINGS} -O2 -msimd128)
target_link_options(property_walks PRIVATE ${LINK_FLAGS} -sFORCE_FILESYSTEM -sINVOKE_RUN=0 -sEXIT_RUNTIME=1
                    -sEXPORTED_RUNTIME_METHODS=FS,callMain)
