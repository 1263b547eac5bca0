// From a call to its answer: authenticate, find the route, check query and body, run the handler. Synchronous; on the admin
// thread.
//
// The order matters: a caller without credentials learns nothing, not even which paths exist.
#pragma once

#include "admin/call.hpp"
#include "admin/route.hpp"
#include "admin/services.hpp"

namespace gotthard::admin {

/// An admitted call together with the parsed body its `body` points into. Neither copied nor moved.
struct Admission {
    Admission() = default;
    Admission(const Admission&) = delete;
    Admission& operator=(const Admission&) = delete;

    json::Document document;
    Admitted call;
};

/// Everything but the body: who, where, which parameters. `call` must outlive the admission.
Status admit(const Call& call, Services& services, Admission& admission);

/// Whether the route of an admitted call reads a body at all.
bool takes_body(const Admission& admission);

/// Parses and checks the body; `text` must outlive the admission.
Status accept_body(std::string_view text, Admission& admission);

/// The answer to a call that was not admitted, or whose body was not accepted.
Response refusal(const Failure& failure, const Call& call);

/// Runs the handler of an admitted call; a failure becomes problem+json. Not for streams.
Response run(const Admission& admission, Services& services);

/// All of the above: the whole of a call that is not a stream.
Response handle(const Call& call, Services& services);

}  // namespace gotthard::admin
