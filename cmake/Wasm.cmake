# WASM build. One archive, libthimble_core.a, is linked into the module that ships and into the test binary: the
# tests run the very same object files, compiled once with the same flags, and the same relaxed kernel bytes.

include(cmake/RelaxedKernel.cmake)

# Every engine that has SIMD has the others.
set(FEATURES -msimd128 -mbulk-memory -mnontrapping-fptoint -msign-ext)
# Only kernels are worth their size: they are where the time goes. What runs once a query, a token or a layer is
# optimised as one, for size.
set(SMALL -Oz -flto)
add_core(thimble_core -O3 ${FEATURES} -DNDEBUG)
set(SMALL_SOURCES ${CORE_SOURCES})
list(FILTER SMALL_SOURCES EXCLUDE REGEX "/src/kernels/")
set_source_files_properties(${SMALL_SOURCES} PROPERTIES COMPILE_OPTIONS "${SMALL}")
set_source_files_properties(${CMAKE_SOURCE_DIR}/src/kernels/reference.cc PROPERTIES COMPILE_OPTIONS -Oz)

# What touches the JavaScript side except the Embind surface (bindings.cc): also part of both binaries.
file(GLOB WEB_SOURCES CONFIGURE_DEPENDS web/*.cc)
list(FILTER WEB_SOURCES EXCLUDE REGEX "/bindings\\.cc$")
add_library(thimble_web OBJECT ${WEB_SOURCES})
add_dependencies(thimble_web relaxed_kernel)
target_include_directories(thimble_web PUBLIC web PRIVATE ${GENERATED_DIR})
target_compile_options(thimble_web PRIVATE ${CORE_FLAGS} -O3 ${FEATURES})
target_link_libraries(thimble_web PUBLIC thimble_core)

# web,worker also serves Node: the caller passes wasmBinary, and the glue needs no require or fetch there.
# Memory: what is allocated and no more (growth by need, a stack of 1 MiB instead of 5).
set(LINK_FLAGS -sMODULARIZE -sEXPORT_ES6 -sENVIRONMENT=web,worker -sALLOW_MEMORY_GROWTH
               -sMEMORY_GROWTH_GEOMETRIC_STEP=0 -sTOTAL_STACK=1MB -sALLOW_TABLE_GROWTH -sMALLOC=emmalloc
               -sDYNAMIC_EXECUTION=0)

# Every byte of the glue is in the worker's script: no decoder of UTF-8 of its own, no hooks that nobody uses, nothing for
# engines without SIMD.
set(SMALL_GLUE -sTEXTDECODER=2 -sINCOMING_MODULE_JS_API=wasmBinary,locateFile -sPOLYFILL=0 -sSUPPORT_ERRNO=0
               -sMIN_CHROME_VERSION=91 -sMIN_FIREFOX_VERSION=89 -sMIN_SAFARI_VERSION=160400)

# add_module(<name> <sources>...): an ES6 module with the Embind surface.
function(add_module name)
  add_executable(${name} web/bindings.cc ${ARGN})
  set_target_properties(${name} PROPERTIES SUFFIX .mjs)
  target_compile_options(${name} PRIVATE ${CORE_FLAGS} ${SMALL} ${FEATURES} -DEMSCRIPTEN_HAS_UNBOUND_TYPE_NAMES=0)
  target_link_libraries(${name} PRIVATE thimble_web)
  target_link_options(${name} PRIVATE ${LINK_FLAGS} -O3 -flto ${SMALL_GLUE} -fno-rtti --bind -sFILESYSTEM=0)
endfunction()
add_module(thimble)
# What `npm run bench` loads: the module that ships, and the benchmarks of single kernels.
add_module(thimble_bench tests/bench/bench_bindings.cc tests/bench/call_bench.cc tests/bench/grammar_bench.cc tests/bench/kernels_bench.cc)
target_include_directories(thimble_bench PRIVATE tests)

# The harness (tests/run) writes the test data into the in-memory file system and calls main.
add_core_tests(core_tests thimble_web -O1 ${FEATURES} -fexceptions -DTHIMBLE_TEST_DATA_DIR="/test-data")
set_target_properties(core_tests PROPERTIES SUFFIX .mjs)
target_link_options(core_tests PRIVATE ${LINK_FLAGS} -O1 -fexceptions -sFORCE_FILESYSTEM -sINVOKE_RUN=0 -sEXIT_RUNTIME=1
                    -sEXPORTED_RUNTIME_METHODS=FS,ENV,callMain)

# Random walks through random grammars, for tests/property/main.ts to judge.
add_executable(property_walks tests/property/walks.cc)
set_target_properties(property_walks PROPERTIES SUFFIX .mjs)
target_link_libraries(property_walks PRIVATE thimble_core)
target_include_directories(property_walks PRIVATE tests)
target_include_directories(property_walks SYSTEM PRIVATE ${THIRD_PARTY_DIR})
target_compile_options(property_walks PRIVATE ${WARNINGS} -O2 ${FEATURES})
target_link_options(property_walks PRIVATE ${LINK_FLAGS} -O2 -sFORCE_FILESYSTEM -sINVOKE_RUN=0 -sEXIT_RUNTIME=1
                    -sEXPORTED_RUNTIME_METHODS=FS,callMain)
