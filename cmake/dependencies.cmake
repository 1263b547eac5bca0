# Everything from Debian packages; tools/install-dependencies installs them. THIRD_PARTY.md lists the licences.
find_package(OpenSSL 3 REQUIRED)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(fmt REQUIRED)

function(gotthard_library name)
  add_library(${name} INTERFACE)
  target_link_libraries(${name} INTERFACE ${ARGN})
endfunction()

gotthard_library(fmt_ fmt::fmt Threads::Threads)
gotthard_library(cares -lcares)
gotthard_library(zlib_ -lz)
gotthard_library(brotli_ -lbrotlidec -lbrotlienc)
gotthard_library(zstd_ -lzstd)
gotthard_library(sqlite_ -lsqlite3)
gotthard_library(simdjson_ -lsimdjson)
