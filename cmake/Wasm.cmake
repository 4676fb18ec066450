# WASM build. One archive, libthimble_core.a, is linked into the module that ships and into the test binary: the
# tests run the very same object files, compiled once with the same flags, and the same relaxed kernel bytes.

include(cmake/RelaxedKernel.cmake)

add_core(thimble_core -O3 -msimd128)

# What touches the JavaScript side except the Embind surface (bindings.cc): also part of both binaries.
file(GLOB WEB_SOURCES CONFIGURE_DEPENDS web/*.cc)
list(FILTER WEB_SOURCES EXCLUDE REGEX "/bindings\\.cc$")
if(WEB_SOURCES)
  add_library(thimble_web STATIC ${WEB_SOURCES})
  add_dependencies(thimble_web relaxed_kernel)
  target_include_directories(thimble_web PUBLIC web PRIVATE ${GENERATED_DIR})
  target_compile_options(thimble_web PRIVATE ${CORE_FLAGS} -O3 -msimd128)
  target_link_libraries(thimble_web PUBLIC thimble_core)
else()
  add_library(thimble_web INTERFACE)
  target_link_libraries(thimble_web INTERFACE thimble_core)
endif()

# web,worker also serves Node: the caller passes wasmBinary, and the glue needs no require or fetch there.
set(LINK_FLAGS -O3 -sMODULARIZE -sEXPORT_ES6 -sENVIRONMENT=web,worker -sALLOW_MEMORY_GROWTH -sALLOW_TABLE_GROWTH
               -sMALLOC=emmalloc -sDYNAMIC_EXECUTION=0)

if(EXISTS ${CMAKE_SOURCE_DIR}/web/bindings.cc)
  add_executable(thimble web/bindings.cc)
  set_target_properties(thimble PROPERTIES SUFFIX .mjs)
  target_compile_options(thimble PRIVATE ${WARNINGS} -ffp-contract=off -O3 -msimd128)
  target_link_libraries(thimble PRIVATE thimble_web)
  target_link_options(thimble PRIVATE ${LINK_FLAGS} --bind -sFILESYSTEM=0)
endif()

# The harness (tests/run) writes the test data into the in-memory file system and calls main.
add_core_tests(core_tests thimble_web -O1 -msimd128 -fexceptions -DTHIMBLE_TEST_DATA_DIR="/test-data")
set_target_properties(core_tests PROPERTIES SUFFIX .mjs)
target_link_options(core_tests PRIVATE ${LINK_FLAGS} -fexceptions -sFORCE_FILESYSTEM -sINVOKE_RUN=0 -sEXIT_RUNTIME=1
                    -sEXPORTED_RUNTIME_METHODS=FS,ENV,callMain)
