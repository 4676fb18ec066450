# Native build: the optimised library, and the tests twice: with ASan and UBSan to find faults, and against the
# optimised library to show that the optimiser changes no bit.

list(FILTER CORE_SOURCES EXCLUDE REGEX "/kernels/(simd128|relaxed)[a-z0-9_]*\\.cc$")  # <wasm_simd128.h> exists for WASM only

# The core has no RTTI, which the vptr check would need.
set(SANITIZERS -fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=all -fno-omit-frame-pointer)
set(TEST_DATA -DTHIMBLE_TEST_DATA_DIR="${CMAKE_SOURCE_DIR}/build/test-data")

add_core(thimble_core -O2)
add_core(thimble_core_sanitized -O1 -g ${SANITIZERS})

add_core_tests(core_tests thimble_core_sanitized -O1 -g ${SANITIZERS} ${TEST_DATA})
target_link_options(core_tests PRIVATE ${SANITIZERS})
add_core_tests(core_tests_optimised thimble_core -O1 ${TEST_DATA})

add_test(NAME core_tests COMMAND core_tests)
add_test(NAME core_tests_optimised COMMAND core_tests_optimised)

# Which tools of a file the grammar can enforce, and why not the others.
add_executable(schema_coverage tests/bench/schema_coverage.cc)
target_link_libraries(schema_coverage PRIVATE thimble_core)
target_compile_options(schema_coverage PRIVATE ${WARNINGS} -O1)

# Random walks through random grammars, for tests/property/main.ts to judge.
add_executable(property_walks tests/property/walks.cc)
target_link_libraries(property_walks PRIVATE thimble_core)
target_include_directories(property_walks PRIVATE tests)
target_include_directories(property_walks SYSTEM PRIVATE ${THIRD_PARTY_DIR})
target_compile_options(property_walks PRIVATE ${WARNINGS} -O2)
