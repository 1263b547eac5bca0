// The tables, as steps from one version to the next. A step that was ever released does not change.
#include <array>

#include "store/sqlite/sqlite_store.hpp"

namespace gotthard::store::sqlite {
namespace {

constexpr const char* steps[schema_version] = {
    // 1
    R"sql(
CREATE TABLE keys (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, hash BLOB NOT NULL, previous_hash BLOB, hint TEXT NOT NULL, team TEXT NOT NULL DEFAULT '',
  source TEXT NOT NULL, models TEXT NOT NULL DEFAULT '[]', metadata TEXT NOT NULL DEFAULT '{}',
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, expires_at INTEGER NOT NULL DEFAULT 0, revoked_at INTEGER NOT NULL DEFAULT 0,
  rotated_at INTEGER NOT NULL DEFAULT 0, previous_until INTEGER NOT NULL DEFAULT 0, last_used_at INTEGER NOT NULL DEFAULT 0,
  version INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE tokens (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, hash BLOB NOT NULL, hint TEXT NOT NULL,
  created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL DEFAULT 0, revoked_at INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE configs (
  seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, hash TEXT NOT NULL, source TEXT NOT NULL, result TEXT NOT NULL, message TEXT NOT NULL DEFAULT '',
  text TEXT NOT NULL DEFAULT '');
CREATE TABLE probe (one INTEGER PRIMARY KEY, filler BLOB NOT NULL);
CREATE TABLE requests (
  seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE,
  ts INTEGER, duration_us INTEGER, overhead_us INTEGER, queue_us INTEGER, ttfb_us INTEGER, ttft_us INTEGER, last_token_us INTEGER, stream INTEGER,
  max_tokens INTEGER, n INTEGER, seed INTEGER, tools_count INTEGER,
  input INTEGER, output INTEGER, cached_read INTEGER, cache_write_5m INTEGER, cache_write_1h INTEGER, cache_write_30m INTEGER, cache_write_12h INTEGER,
  reasoning INTEGER, audio_in INTEGER, audio_out INTEGER, image_in INTEGER, image_out INTEGER, web_searches INTEGER, tool_calls_count INTEGER,
  cost_input INTEGER, cost_output INTEGER, cost_cache_read INTEGER, cost_cache_write INTEGER, cost_tools INTEGER, cost_other INTEGER, cost_total INTEGER,
  status INTEGER, retries INTEGER, fallback_index INTEGER, client_disconnect_at_bytes INTEGER,
  req_bytes INTEGER, resp_bytes INTEGER, chunks INTEGER, losses_count INTEGER,
  temperature REAL, top_p REAL,
  client_request_id TEXT, trace_id TEXT, node TEXT, config_hash TEXT, team TEXT, key_id TEXT, key_alias TEXT, end_user TEXT, client_ip TEXT,
  user_agent TEXT, auth_kind TEXT, endpoint TEXT, dialect_in TEXT, dialect_out TEXT, request_model TEXT, route TEXT, target TEXT, provider TEXT,
  account_alias TEXT, response_model TEXT, upstream_request_id TEXT, reasoning_effort TEXT, service_tier TEXT, tool_choice TEXT, response_format TEXT,
  usage_source TEXT, price_source TEXT, outcome TEXT, finish_reason TEXT, error_class TEXT, error_code TEXT, error_message TEXT, session_id TEXT,
  properties TEXT, tags TEXT, attempts TEXT, losses TEXT, decision TEXT, request_hash TEXT, response_hash TEXT);
CREATE INDEX requests_of_key ON requests (key_id, id);
)sql",
};

}  // namespace

Status migrate(Database& database) {
    const auto found = database.ask_integer("PRAGMA user_version");
    if (!found) return fail(found.error());
    if (*found > schema_version)
        return fail(FailureKind::internal, fmt::format("the store was written by a newer gotthard (schema {}, this one knows {}); use that version or another data folder",
                                                       *found, schema_version));
    for (auto version = *found; version < schema_version; ++version) {
        auto transaction = Transaction::begin(database);
        if (!transaction) return fail(transaction.error());
        if (auto done = database.run_script(steps[version]); !done) return done;
        if (auto done = database.run_script(fmt::format("PRAGMA user_version = {}", version + 1).c_str()); !done) return done;
        if (auto done = transaction->commit(); !done) return done;
    }
    return {};
}

}  // namespace gotthard::store::sqlite
