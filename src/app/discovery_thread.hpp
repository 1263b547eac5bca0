// Asks, on a thread and loop of its own, which local engines are there and which models the providers list. The data plane never
// waits for it: it works with what was learnt last.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "provider/probe.hpp"
#include "route/resolve.hpp"
#include "spine/configuration.hpp"

namespace gotthard::app {

class DiscoveryThread {
public:
    struct Learnt {
        std::vector<provider::FoundEngine> engines;  ///< Empty unless discovery is on.
        std::shared_ptr<const route::KnownModels> known;
    };
    using Source = std::function<std::shared_ptr<const spine::Configuration>()>;
    using Sink = std::function<void(Learnt learnt)>;

    /// `source` and `sink` are called on this thread.
    DiscoveryThread(const Clock& clock, Source source, Sink sink);
    ~DiscoveryThread();  ///< stop()

    void start();
    void stop();
    void again();  ///< Asks at once: the configuration has changed.
    /// Waits until the first round is over, at most so long.
    void wait_for_first(std::chrono::milliseconds most);

private:
    void run();
    void round();
    const Clock& clock_;
    Source source_;
    Sink sink_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;
    bool wanted_ = false;
    std::uint64_t rounds_ = 0;
    provider::ModelIds models_;  ///< What was listed last; kept for those that cannot be asked now.
    std::thread thread_;
};

}  // namespace gotthard::app
