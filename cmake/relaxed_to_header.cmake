# cmake -DWASM=in.wasm -DHEADER=out.h -P relaxed_to_header.cmake: checks the kernel module and writes it as a C array.

execute_process(COMMAND wasm-objdump -h ${WASM} OUTPUT_VARIABLE sections RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "wasm-objdump cannot read ${WASM}; is wabt installed? Run scripts/setup.sh.")
endif()
if(sections MATCHES "Data start")
  message(FATAL_ERROR "${WASM} has a Data section: the relaxed kernel may hold no static data, it would overwrite "
                      "the main module's memory.\n${sections}")
endif()
file(READ ${WASM} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "(................................................................................)" "\\1\n  "
       bytes "${bytes}")
file(WRITE ${HEADER} "// Written by cmake/relaxed_to_header.cmake from src/kernels/relaxed.\n#pragma once\n"
                     "inline constexpr unsigned char relaxed_kernel_wasm[] = {\n  ${bytes}\n};\n")
