# llhttp from the sources in Debian's node-llhttp, strict. Not part of the program: the oracle that our own HTTP/1 parser is fuzzed and measured
# against (docs/decisions/0002-own-http1-parser.md).
if(NOT TARGET llhttp_oracle)
  add_library(llhttp_oracle STATIC EXCLUDE_FROM_ALL /usr/share/llhttp/llhttp.c /usr/share/llhttp/api.c /usr/share/llhttp/http.c)
  target_include_directories(llhttp_oracle SYSTEM PUBLIC /usr/share/include/llhttp)
  target_compile_definitions(llhttp_oracle PRIVATE LLHTTP_STRICT_MODE=1)
  target_compile_options(llhttp_oracle PRIVATE -w)
endif()
