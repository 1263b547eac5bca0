# bench/micro/*.cpp -> build/bench/gotthard_microbench (Google Benchmark).
find_package(benchmark REQUIRED)
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bench/micro/*.cpp)
if(sources)
  add_executable(gotthard_microbench ${sources})
  target_link_libraries(gotthard_microbench PRIVATE gotthard_app benchmark::benchmark benchmark::benchmark_main)
endif()
