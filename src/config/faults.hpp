// What is wrong with a configuration, and the list that collects it while reading goes on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gotthard::config {

enum class Severity : std::uint8_t { error, warning };

struct Fault {
    std::string file;        ///< As given; empty: no file.
    std::uint32_t line = 0;  ///< 1-based; 0: the fault has no place in the file.
    std::uint32_t column = 0;
    std::string path;     ///< "providers.lab.base_url", "keys[0].value"
    std::string message;  ///< What is wrong. Never holds a secret.
    std::string remedy;   ///< What to do.
    Severity severity = Severity::error;
};

struct Place {
    std::uint32_t line = 0;
    std::uint32_t column = 0;
};

class Faults {
public:
    explicit Faults(std::string file) : file_(std::move(file)) {}

    void error(Place place, std::string path, std::string message, std::string remedy) {
        add(place, std::move(path), std::move(message), std::move(remedy), Severity::error);
    }
    void warning(Place place, std::string path, std::string message, std::string remedy) {
        add(place, std::move(path), std::move(message), std::move(remedy), Severity::warning);
    }
    bool any_error() const { return errors_ != 0; }
    /// In order of place; the list is empty afterwards.
    std::vector<Fault> take();

private:
    /// More than anybody reads; keeps a hostile file from filling memory.
    static constexpr std::size_t most = 500;
    void add(Place place, std::string path, std::string message, std::string remedy, Severity severity);

    std::string file_;
    std::vector<Fault> list_;
    std::size_t errors_ = 0;
};

}  // namespace gotthard::config
