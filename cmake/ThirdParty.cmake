# The header-only packages from apt, alone in a folder of their own: with -I/usr/include Emscripten would pick up
# glibc's headers.

set(THIRD_PARTY_DIR ${CMAKE_BINARY_DIR}/third_party)
foreach(package rapidjson doctest)
  if(NOT EXISTS /usr/include/${package})
    message(FATAL_ERROR "/usr/include/${package} is missing. Run scripts/setup.sh to install it (${package}-dev).")
  endif()
endforeach()
file(MAKE_DIRECTORY ${THIRD_PARTY_DIR})
file(CREATE_LINK /usr/include/doctest ${THIRD_PARTY_DIR}/doctest SYMBOLIC)

# RapidJSON 1.1.0 assigns to const members in an operator= that nobody calls; clang 19 refuses even to parse it.
# Upstream deleted the operator; do the same.
if(NOT EXISTS ${THIRD_PARTY_DIR}/rapidjson)
  file(COPY /usr/include/rapidjson DESTINATION ${THIRD_PARTY_DIR})
  set(patched ${THIRD_PARTY_DIR}/rapidjson/document.h)
  file(READ ${patched} text)
  string(REPLACE "operator=(const GenericStringRef& rhs) { s = rhs.s; length = rhs.length; }"
                 "operator=(const GenericStringRef& rhs) = delete;" text "${text}")
  file(WRITE ${patched} "${text}")
endif()
