# bench/micro/*.cpp -> build/bench/gotthard_microbench (Google Benchmark).
find_package(benchmark REQUIRED)
include(cmake/llhttp.cmake)
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bench/micro/*.cpp)
if(sources)
  add_executable(gotthard_microbench ${sources})
  target_link_libraries(gotthard_microbench PRIVATE gotthard_app llhttp_oracle benchmark::benchmark benchmark::benchmark_main)
endif()
