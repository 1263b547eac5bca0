// What /proc says about this process.
#pragma once

#include <cstdint>

namespace gotthard::telemetry {

struct ProcessFacts {
    double cpu_seconds = 0;
    double start_seconds = 0;  ///< Since 1970.
    std::int64_t resident_bytes = 0;
    std::int64_t virtual_bytes = 0;
    std::int64_t open_descriptors = 0;
    std::int64_t most_descriptors = 0;
    std::int64_t threads = 0;
};

/// Zeros where /proc cannot be read.
ProcessFacts read_process_facts();

}  // namespace gotthard::telemetry
