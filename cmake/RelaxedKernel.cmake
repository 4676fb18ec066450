# The relaxed-SIMD kernel: src/kernels/relaxed/*.cc, compiled by the pinned clang (Emscripten's LLVM cannot emit the
# opcodes) into a WASM module of a few KB that works on the main module's memory, and written to
# generated/relaxed_kernel_wasm.h as `relaxed_kernel_wasm[]`. web/relaxed_attach.cc probes and attaches it at run time.

file(GLOB RELAXED_SOURCES CONFIGURE_DEPENDS src/kernels/relaxed/*.cc)
file(GLOB_RECURSE RELAXED_HEADERS CONFIGURE_DEPENDS src/kernels/*.h)
set(GENERATED_DIR ${CMAKE_BINARY_DIR}/generated)
set(RELAXED_DIR ${CMAKE_BINARY_DIR}/relaxed)
file(MAKE_DIRECTORY ${GENERATED_DIR} ${RELAXED_DIR})

set(RELAXED_OBJECTS)
foreach(source IN LISTS RELAXED_SOURCES)
  get_filename_component(name ${source} NAME_WE)
  set(object ${RELAXED_DIR}/${name}.o)
  # -c apart from the link: as a link driver clang would run a wasm-opt that dies on relaxed opcodes.
  add_custom_command(OUTPUT ${object}
    COMMAND ${CLANGXX} --target=wasm32 -std=c++20 -O3 -mcpu=mvp -mmutable-globals -msimd128 -mrelaxed-simd
            -ffreestanding -fno-exceptions -fno-rtti -ffp-contract=off ${WARNINGS} -I${CMAKE_SOURCE_DIR}/src
            -c ${source} -o ${object}
    DEPENDS ${source} ${RELAXED_HEADERS} VERBATIM)
  list(APPEND RELAXED_OBJECTS ${object})
endforeach()

# stack-size=0 makes any use of a shadow stack trap, and relaxed_to_header.cmake refuses a Data section: the kernel
# shares the main module's memory and owns no byte of it.
add_custom_command(OUTPUT ${RELAXED_DIR}/relaxed_kernel.wasm
  COMMAND ${WASM_LD} --no-entry --import-memory --stack-first -z stack-size=0 --strip-all ${RELAXED_OBJECTS}
          -o ${RELAXED_DIR}/relaxed_kernel.wasm
  DEPENDS ${RELAXED_OBJECTS} VERBATIM)
add_custom_command(OUTPUT ${GENERATED_DIR}/relaxed_kernel_wasm.h
  COMMAND ${CMAKE_COMMAND} -DWASM=${RELAXED_DIR}/relaxed_kernel.wasm -DHEADER=${GENERATED_DIR}/relaxed_kernel_wasm.h
          -P ${CMAKE_SOURCE_DIR}/cmake/relaxed_to_header.cmake
  DEPENDS ${RELAXED_DIR}/relaxed_kernel.wasm ${CMAKE_SOURCE_DIR}/cmake/relaxed_to_header.cmake VERBATIM)
add_custom_target(relaxed_kernel DEPENDS ${GENERATED_DIR}/relaxed_kernel_wasm.h)
