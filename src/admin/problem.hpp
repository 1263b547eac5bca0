// Errors of the admin API: application/problem+json (RFC 9457).
//
//   {"type": "urn:gotthard:error:not_found", "title": "Not found", "status": 404, "detail": "...", "code": "not_found", "field":
//   "limits[0]"}
//
// `code` is the failure's own code when it has one (conflict, precondition_failed, not_available), else its kind:
// docs/reference/errors.md. `field` is there when one member of the request is at fault.
#pragma once

#include "admin/call.hpp"

namespace gotthard::admin {

/// The answer for a failure. Only `message`, never `detail`, leaves.
Response problem(const Failure& failure);

/// 401, with what to do.
Failure unauthenticated(std::string message);
/// 404 for something of this kind that is not there.
Failure no_such(std::string_view kind, std::string_view id);
/// 404 for what a later version will have.
Failure not_available(std::string_view what);
/// 409.
Failure conflict(std::string message);
/// 412: If-Match names another version than the present one.
Failure precondition_failed(std::string_view kind);

}  // namespace gotthard::admin
