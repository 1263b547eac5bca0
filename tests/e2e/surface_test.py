"""The outside surface other people's scripts rely on: commands, admin API, metrics, reload, drain (docs/reference)."""
import json
import os
import re
import signal
import stat
import subprocess

import pytest
from answers import Said, chat_stream, chat_unary, messages_unary
from harness import ADMIN_TOKEN, BINARY, Gateway, call, clean_environment, wait_until

KEY = re.compile(r"sk-gw-[0-9A-Za-z]{38}")
UUID7 = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
MONEY = re.compile(r"^-?[0-9]+(\.[0-9]{1,9})?$")


def run_binary(*arguments, cwd, **environment):
    return subprocess.run([str(BINARY), *map(str, arguments)], capture_output=True, text=True, timeout=60, cwd=cwd, env=clean_environment(**environment), stdin=subprocess.DEVNULL)


@pytest.fixture
def answering(upstream):
    upstream.script(("/chat/completions", chat_unary(Said(text="hi"))), ("/messages", messages_unary(Said(text="hi"))))
    return upstream


# The command line


def test_version_and_help_say_what_they_are(tmp_path):
    assert re.search(r"\d+\.\d+\.\d+", run_binary("version", cwd=tmp_path).stdout)
    whole = run_binary("--help", cwd=tmp_path)
    assert whole.returncode == 0
    for verb in ("serve", "check", "init", "keys", "models", "providers", "requests", "usage", "connect", "explain", "version"):
        assert verb in whole.stdout, verb
        assert run_binary(verb, "--help", cwd=tmp_path).returncode == 0, verb


def test_wrong_usage_is_exit_2(tmp_path):
    for wrong in (["fly"], ["serve", "--no-such-flag"], ["keys", "create"]):
        assert run_binary(*wrong, cwd=tmp_path).returncode == 2, wrong


def test_check_shows_every_fault_with_its_place_and_is_exit_78(tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text("listen: 127.0.0.1:7300\nprovidrs: {}\nretry: {max_attempts: many}\nproviders:\n  x: {type: no_such_type}\n")
    done = run_binary("check", file, cwd=tmp_path)
    said = done.stdout + done.stderr
    assert done.returncode == 78, said
    assert "bad.yaml:2:" in said and "providers" in said  # the nearest known key
    assert "bad.yaml:3:" in said and "bad.yaml:5:" in said
    file.write_text("listen: 127.0.0.1:7300\n")
    assert run_binary("check", file, cwd=tmp_path).returncode == 0
    assert run_binary("check", tmp_path / "missing.yaml", cwd=tmp_path).returncode != 0


def test_a_key_of_a_later_version_is_refused_not_ignored(tmp_path):
    file = tmp_path / "later.yaml"
    file.write_text("providers:\n  lab: {type: openai_compatible, base_url: 'http://127.0.0.1:1/v1'}\nmodels:\n  a: {use: lab/x}\nroutes:\n  - {name: r}\n")
    done = run_binary("check", file, cwd=tmp_path)
    assert done.returncode == 78
    assert "not available in this version" in done.stdout + done.stderr


def test_init_writes_a_configuration_that_passes_the_check(tmp_path):
    done = run_binary("init", cwd=tmp_path, OPENAI_API_KEY="sk-test-secret")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "gotthard.yaml").read_text()
    assert "openai" in text and "#" in text
    assert "sk-test-secret" not in text
    checked = run_binary("check", "gotthard.yaml", cwd=tmp_path, OPENAI_API_KEY="sk-test-secret")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    again = run_binary("init", cwd=tmp_path)
    assert again.returncode != 0  # never overwrites


def test_a_bad_configuration_does_not_start(tmp_path):
    file = tmp_path / "g.yaml"
    file.write_text("listen: 0.0.0.0:0\nauth: off\n")
    done = run_binary("serve", "--config", file, "--data", tmp_path / "d", cwd=tmp_path)
    assert done.returncode == 78, done.stderr
    said = done.stdout + done.stderr
    assert "auth" in said and "127.0.0.1" in said  # why, and the remedy


def test_keys_live_from_creation_to_revocation(gateway, answering):
    created = json.loads(gateway.cli("keys", "create", "alice", "--model", "chat/*", "--json"))
    value, key_id = created["value"], created["key"]["id"]
    assert KEY.fullmatch(value) and UUID7.match(key_id)
    assert gateway.chat("chat/m", key=value).status == 200
    assert gateway.chat("messages/m", key=value).status in (403, 404)
    assert value not in gateway.cli("keys", "list") and "alice" in gateway.cli("keys", "list")
    assert value not in gateway.cli("keys", "show", key_id, "--json")

    rotated = json.loads(gateway.cli("keys", "rotate", key_id, "--json"))
    new_value = rotated["value"]
    assert new_value != value and gateway.chat("chat/m", key=new_value).status == 200

    gateway.cli("keys", "revoke", key_id)
    refused = gateway.chat("chat/m", key=new_value)
    assert refused.status == 401 and refused.json["error"]["code"] == "key_revoked"
    assert refused.headers["x-should-retry"] == "false"


def test_the_key_is_printed_once_and_stored_only_hashed(gateway):
    printed = gateway.cli("keys", "create", "bob")
    value = KEY.search(printed).group()
    for file in gateway.data.rglob("*"):
        if file.is_file() and not file.is_socket():
            assert value.encode() not in file.read_bytes(), file


def test_an_expired_key_says_so(gateway, answering):
    created = json.loads(gateway.cli("keys", "create", "brief", "--expires", "1s", "--json"))
    value = created["value"]
    refused = wait_until(lambda: (answer := gateway.chat("chat/m", key=value)).status == 401 and answer, 5, "the key expires")
    assert refused.json["error"]["code"] == "key_expired"


def test_keys_survive_a_restart(start_gateway, answering):
    gateway = start_gateway()
    value = KEY.search(gateway.cli("keys", "create", "lasting")).group()
    gateway.stop()
    gateway.start()
    assert gateway.chat("chat/m", key=value).status == 200


def test_requests_shows_tokens_cost_and_times(gateway, answering):
    answer = gateway.chat("chat/m")
    record = gateway.record(answer)
    assert (record["input"], record["output"], record["cached_read"]) == (60, 20, 40) or (record["input"], record["output"]) == (100, 20), record
    assert record["request_model"] == "chat/m" and record["status"] == 200 and record["outcome"] == "ok"
    assert record["duration_us"] > 0 and record["overhead_us"] > 0 and record["ttft_us"] > 0
    assert MONEY.match(record["cost_total"]) and float(record["cost_total"]) > 0
    assert answer.headers["x-gotthard-cost"] == record["cost_total"]
    assert "chat/m" in gateway.cli("requests")
    rows = json.loads(gateway.cli("requests", "--json"))
    assert any(row["id"] == record["id"] for row in (rows if isinstance(rows, list) else rows["data"]))


def test_every_listing_verb_has_a_human_and_a_machine_form(gateway):
    json.loads(gateway.cli("models", "--json"))  # these providers list none
    for verb in (["providers"], ["keys", "list"], ["requests"], ["usage"], ["usage", "--by", "key,model"]):
        assert gateway.cli(*verb).strip(), verb
        json.loads(gateway.cli(*verb, "--json"))


def test_output_has_no_colour_codes_when_it_is_no_terminal(gateway):
    assert "\x1b" not in gateway.cli("providers") + gateway.cli("models") + gateway.cli("requests")


def test_connect_prints_settings_for_each_client(gateway):
    for client in ("claude-code", "openai-python", "openai-node", "anthropic-python", "anthropic-node", "curl"):
        printed = gateway.cli("connect", client, "--model", "chat/m")
        assert str(gateway.port) in printed, client
    assert "ANTHROPIC_BASE_URL" in gateway.cli("connect", "claude-code", "--model", "chat/m")


def test_explain_names_the_target_without_a_call(gateway, upstream):
    answer = gateway.admin("POST", "/api/v1/explain", {"model": "chat/m", "endpoint": "/v1/chat/completions"})
    assert answer.status == 200, answer.text
    assert answer.json["target"] == "chat/m"
    assert upstream.seen() == []
    key_id = next(key["id"] for key in gateway.admin("GET", "/api/v1/keys").json["data"])
    assert "chat/m" in gateway.cli("explain", "--key", key_id, "--model", "chat/m")


def test_the_client_verbs_need_a_running_gateway(tmp_path):
    done = run_binary("keys", "list", "--data", tmp_path, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.strip()


def test_the_verbs_work_over_tcp_with_a_token(gateway):
    done = gateway.cli_raw("keys", "list", "--server", f"http://127.0.0.1:{gateway.admin_port}", "--token", ADMIN_TOKEN)
    assert done.returncode == 0, done.stderr
    done = gateway.cli_raw("keys", "list", "--server", f"http://127.0.0.1:{gateway.admin_port}", "--token", "wrong")
    assert done.returncode == 1


# Files and first start


def test_first_start_prints_secrets_once_and_keeps_them_private(folder, providers):
    started = Gateway(folder, {"providers": providers, "keys": []}, environment={"UPSTREAM_KEY": "x", "GOTTHARD_ADMIN_TOKEN": ""})
    try:
        mode = lambda file: stat.S_IMODE(os.stat(file).st_mode)  # noqa: E731
        assert mode(started.data / "admin.sock") == 0o600
        first_run = started.data / "first-run.txt"
        assert mode(first_run) == 0o600
        key = KEY.search(first_run.read_text()).group()
        assert started.get("/v1/models", key=key).status == 200
        assert key not in started.process.tail(100_000)  # not a terminal: never in the log
    finally:
        started.stop()


# The admin API


def test_the_admin_api_needs_the_token(gateway):
    for path in ("/api/v1/keys", "/api/v1/requests", "/api/v1/status", "/api/v1/config"):
        assert gateway.admin("GET", path, token=None).status == 401, path
        answer = gateway.admin("GET", path, token="wrong")
        assert answer.status == 401 and answer.headers["content-type"].startswith("application/problem+json"), path
        assert gateway.admin("GET", path, token=gateway.key).status == 401, "a client key is no administrator"


def test_keys_over_the_api_with_etags(gateway):
    created = gateway.admin("POST", "/api/v1/keys", {"name": "api", "models": ["chat/*"]})
    assert created.status in (200, 201), created.text
    path = f"/api/v1/keys/{created.json['key']['id']}"
    shown = gateway.admin("GET", path)
    assert KEY.search(created.text) and not KEY.search(shown.text)
    tag = shown.headers["etag"]
    changed = gateway.admin("PATCH", path, {"name": "renamed"}, if_match=tag)
    assert changed.status == 200, changed.text
    assert gateway.admin("PATCH", path, {"name": "late"}, if_match=tag).status == 412
    assert gateway.admin("GET", path).json["name"] == "renamed"
    unknown = gateway.admin("POST", "/api/v1/keys", {"nme": "x"})
    assert unknown.status in (400, 422) and "name" in unknown.text
    assert gateway.admin("GET", "/api/v1/keys/0190a000-0000-7000-8000-000000000000").status == 404
    assert gateway.admin("DELETE", path).status in (200, 204)


def test_lists_have_cursors(gateway, answering):
    for _ in range(5):
        gateway.record(gateway.chat("chat/m"))
    seen, cursor = [], ""
    for _ in range(3):
        page = gateway.admin("GET", f"/api/v1/requests?limit=2&cursor={cursor}").json
        assert len(page["data"]) == 2
        seen += [row["id"] for row in page["data"]]
        cursor = page["next_cursor"]
    assert len(set(seen)) == 6 - 0 or len(set(seen)) == len(seen)
    assert all(UUID7.match(row) for row in seen)


def test_usage_sums_by_key_and_model(gateway, answering):
    gateway.record(gateway.chat("chat/usage-model"))
    rows = gateway.admin("GET", "/api/v1/usage?by=key,model").json["data"]
    assert any("chat/usage-model" in json.dumps(row) or "usage-model" in json.dumps(row) for row in rows)


def test_status_providers_models_and_targets_answer(gateway):
    status = gateway.admin("GET", "/api/v1/status").json
    assert status["version"] and ("config" in json.dumps(status))
    assert {row["name"] for row in gateway.admin("GET", "/api/v1/providers").json["data"]} >= {"chat", "messages"}
    assert gateway.admin("GET", "/api/v1/models").status == 200


def test_the_openapi_document_describes_what_answers(gateway):
    document = gateway.admin("GET", "/api/v1/openapi.json").json
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        assert path.startswith(("/api/v1/", "/metrics", "/")), path
        if "get" in operations and "{" not in path and "stream" not in path and "events" not in path:
            full = path if path.startswith(("/api/", "/metrics")) else "/api/v1" + path
            assert gateway.admin("GET", full).status < 500, full


def test_the_configuration_is_shown_without_secrets(gateway):
    shown = gateway.admin("GET", "/api/v1/config")
    assert shown.status == 200
    assert "upstream-secret-key" not in shown.text and gateway.key not in shown.text
    bad = gateway.admin("POST", "/api/v1/config/validate", {"config": "providrs: {}"})
    assert bad.status < 500


def test_the_live_stream_of_requests_shows_the_next_one(gateway, answering):
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", gateway.admin_port, timeout=10)
    connection.request("GET", "/api/v1/requests/stream", headers={"authorization": f"Bearer {ADMIN_TOKEN}"})
    stream = connection.getresponse()
    assert stream.status == 200 and stream.headers["content-type"].startswith("text/event-stream")
    answer = gateway.chat("chat/live")
    line = b""
    while answer.headers["x-gotthard-id"].encode() not in line:
        line = stream.readline()
        assert line, "the stream ended"
    connection.close()


# The data listener's own pages


def test_health_readiness_and_models(gateway):
    assert gateway.get("/healthz", key=None).status == 200
    assert gateway.get("/readyz", key=None).status == 200
    assert gateway.get("/v1/models", key=None).status == 401
    listed = gateway.get("/v1/models").json
    assert listed["object"] == "list"
    anthropic = gateway.get("/v1/models?limit=1000", anthropic_version="2023-06-01").json
    assert "has_more" in anthropic and "object" not in anthropic


def test_unknown_models_are_404_with_the_closest_names(start_gateway):
    providers = {"chat": {"type": "openai_compatible", "base_url": "http://127.0.0.1:1/v1", "models": ["m"]}}
    gateway = start_gateway({"providers": providers, "models": {"smart-model": {"use": "chat/m"}}})
    answer = gateway.chat("smart-modle")
    assert answer.status == 404
    assert answer.json["error"]["code"] == "model_not_found" and "smart-model" in answer.json["error"]["message"]
    assert answer.headers["x-should-retry"] == "false"
    anthropic = gateway.messages("smart-modle")
    assert anthropic.status == 404 and anthropic.json["error"]["type"] == "not_found_error"


def test_prefixes_and_missing_version_segments_work(gateway, answering):
    body = {"model": "chat/m", "messages": [{"role": "user", "content": "x"}]}
    for path in ("/v1/chat/completions", "/openai/v1/chat/completions", "/openai/chat/completions", "/chat/completions"):
        assert gateway.post(path, body).status == 200, path
    body["max_tokens"] = 9
    for path in ("/v1/messages", "/v1/messages?beta=true", "/anthropic/v1/messages"):
        assert gateway.post(path, body, anthropic_version="2023-06-01").status == 200, path


def test_count_tokens_answers_for_any_model(gateway, upstream):
    """CC-6."""
    answer = gateway.post("/v1/messages/count_tokens?beta=true", {"model": "chat/m", "messages": [{"role": "user", "content": "foo"}], "tools": []}, anthropic_version="2023-06-01")
    assert answer.status == 200 and 0 < answer.json["input_tokens"] < 50


def test_answer_headers_tell_what_happened(gateway, answering):
    answer = gateway.chat("chat/m", headers={"x_request_id": "mine-123"})
    assert answer.headers["x-request-id"] == "mine-123"
    assert UUID7.match(answer.headers["x-gotthard-id"])
    assert answer.headers["x-gotthard-model"] == "chat/m"
    assert answer.headers["x-gotthard-attempts"] == "1"
    assert int(answer.headers["x-gotthard-overhead-us"]) >= 0
    plain = gateway.chat("chat/m")
    assert plain.headers["x-request-id"]


def test_losses_are_counted_and_strict_makes_them_a_400(gateway, answering):
    lossy = {"model": "messages/m", "messages": [{"role": "user", "content": "x"}], "seed": 7, "logit_bias": {"1": 2}}
    answer = gateway.post("/v1/chat/completions", lossy)
    assert answer.status == 200 and int(answer.headers["x-gotthard-losses"]) >= 2
    assert "seed" in json.dumps(gateway.record(answer)["losses"])
    strict = gateway.post("/v1/chat/completions", lossy, x_gotthard_losses="strict")
    assert strict.status == 400 and strict.json["error"]["code"] == "unsupported_feature"


def test_what_cannot_be_said_is_refused_not_dropped(gateway, answering):
    refused = gateway.post("/v1/chat/completions", {"model": "messages/m", "messages": [{"role": "user", "content": "x"}], "n": 3})
    assert refused.status == 400 and refused.json["error"]["code"] == "unsupported_feature" and "n" in refused.json["error"]["message"]


def test_usage_is_counted_when_the_client_did_not_ask(gateway, upstream):
    upstream.script(("/chat/completions", chat_stream(Said(text="counted"))))
    answer = gateway.chat("chat/m", stream=True)
    assert upstream.seen()[0]["json"]["stream_options"] == {"include_usage": True}
    assert '"choices":[]' not in answer.text.replace(" ", "")  # the extra chunk is not the client's
    assert gateway.record(answer)["output"] == 20


def test_usage_is_estimated_and_marked_when_the_upstream_gives_none(gateway, upstream):
    upstream.script(("/chat/completions", chat_stream(Said(text="nobody counted these words at all"), with_usage=False)))
    record = gateway.record(gateway.chat("chat/m", stream=True))
    assert record["usage_source"] == "estimated" and record["output"] > 0


def test_same_dialect_bytes_pass_unchanged(gateway, upstream):
    odd = '{ "messages" : [ {"role":"user","content":"x","unknown_in_message":1.50} ],\n "model" : "chat/m" , "future_key": {"a":[1e400,-0]} }'
    upstream.script(("/chat/completions", {"text": '{"id":"x",  "odd":  [1.0e0],"choices":[{"index":0,"message":{"role":"assistant","content":"y"},"finish_reason":"stop"}]}', "headers": {"content-type": "application/json"}}), strict=False)
    answer = gateway.post("/v1/chat/completions", odd)
    assert answer.text == '{"id":"x",  "odd":  [1.0e0],"choices":[{"index":0,"message":{"role":"assistant","content":"y"},"finish_reason":"stop"}]}'
    assert upstream.seen()[0]["body"] == odd.replace("chat/m", "m")


def test_passthrough_reaches_any_path_of_a_provider(gateway, upstream):
    upstream.script(("/v1/audio/voices", {"json": {"voices": []}}))
    assert gateway.get("/passthrough/chat/audio/voices?x=1").json == {"voices": []}
    seen = upstream.seen()[0]
    assert seen["target"].endswith("/v1/audio/voices?x=1") and seen["headers"]["authorization"] == "Bearer upstream-secret-key"


# Metrics, logs


def test_metrics_count_requests_tokens_and_cost(gateway, answering):
    before = {name: gateway.metric(name) for name in ("gotthard_requests_total", "gotthard_tokens_total", "gotthard_cost_usd_total")}
    gateway.record(gateway.chat("chat/m"))
    wait_until(lambda: gateway.metric("gotthard_requests_total") == before["gotthard_requests_total"] + 1, 5, "the request is counted")
    assert gateway.metric("gotthard_tokens_total") >= before["gotthard_tokens_total"] + 120
    assert gateway.metric("gotthard_cost_usd_total") > before["gotthard_cost_usd_total"]
    names = {line.split()[2] for line in gateway.metrics().splitlines() if line.startswith("# TYPE")}
    assert {"gotthard_request_duration_seconds", "gotthard_ttft_seconds", "gotthard_overhead_seconds", "gotthard_upstream_attempts_total", "gotthard_inflight",
            "gotthard_connections", "gotthard_records_dropped_total", "gotthard_config_reloads_total"} <= names
    assert any(name.startswith("process_") for name in names)


def test_the_log_is_one_json_object_a_line_without_secrets(gateway, answering):
    gateway.record(gateway.chat("chat/m"))
    log = gateway.process.tail(10_000_000)
    lines = [line for line in log.splitlines() if line]
    assert lines and all(isinstance(json.loads(line), dict) for line in lines)
    assert gateway.key not in log and "upstream-secret-key" not in log and ADMIN_TOKEN not in log


# Life cycle


def test_sighup_reloads_and_a_bad_configuration_is_refused(start_gateway, answering):
    gateway = start_gateway()
    assert gateway.chat("quick").status == 404
    gateway.configuration["models"] = {"quick": {"use": "chat/m"}}
    gateway.write_configuration()
    os.kill(gateway.process.pid, signal.SIGHUP)
    wait_until(lambda: gateway.chat("quick").status == 200, 5, "the new configuration is in force")
    gateway.file.write_text("listen: [")
    os.kill(gateway.process.pid, signal.SIGHUP)
    wait_until(lambda: sum(float(line.rsplit(" ", 1)[1]) for line in gateway.metrics().splitlines() if line.startswith("gotthard_config_reloads_total") and 'result="ok"' not in line and "success" not in line and "applied" not in line) >= 1, 5, "the refused reload is counted")
    assert gateway.chat("quick").status == 200


def test_sigterm_drains_an_open_stream(start_gateway, upstream):
    upstream.script(("/chat/completions", {**chat_stream(Said(text="drained to the end, every word")), "pause_ms": 100}))
    gateway = start_gateway()
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    connection.request("POST", "/v1/chat/completions", json.dumps({"model": "chat/m", "stream": True, "messages": [{"role": "user", "content": "x"}]}), {"authorization": f"Bearer {gateway.key}"})
    stream = connection.getresponse()
    stream.readline()
    os.kill(gateway.process.pid, signal.SIGTERM)
    rest = stream.read().decode()
    assert "[DONE]" in rest
    assert gateway.process.child.wait(10) == 0
    gateway.start()
    assert any(row["outcome"] == "ok" for row in gateway.records())  # settled and flushed before the end


def test_a_second_signal_ends_it_at_once(start_gateway, upstream):
    upstream.script(("/chat/completions", {**chat_stream(Said(text="never finished")), "cut_at": 700, "ending": "hang"}))
    gateway = start_gateway()
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    connection.request("POST", "/v1/chat/completions", json.dumps({"model": "chat/m", "stream": True, "messages": [{"role": "user", "content": "x"}]}), {"authorization": f"Bearer {gateway.key}"})
    connection.getresponse().readline()
    os.kill(gateway.process.pid, signal.SIGTERM)
    wait_until(lambda: not accepts(gateway.port), 5, "it stops accepting")
    os.kill(gateway.process.pid, signal.SIGTERM)
    gateway.process.child.wait(5)
    connection.close()


def accepts(port):
    try:
        call(port, "GET", "/healthz", timeout=1)
        return True
    except OSError:
        return False


def test_a_full_disk_never_fails_a_request(folder, providers, answering):
    """Records are dropped and counted; the state is shown."""
    data = folder / "tiny"
    data.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", data], capture_output=True).returncode != 0:
        pytest.skip("needs the right to mount a small tmpfs")
    gateway = None
    try:
        gateway = Gateway(folder, {"providers": providers, "data": str(data)}, environment={"UPSTREAM_KEY": "x"})
        (data / "filler").write_bytes(b"")
        with (data / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(4096))
            except OSError:
                pass
        for _ in range(300):
            assert gateway.chat("chat/m", "x" * 200).status == 200
        wait_until(lambda: gateway.metric("gotthard_records_dropped_total") > 0, 15, "dropped records are counted")
        assert gateway.get("/readyz", key=None).status == 503
        (data / "filler").unlink()
        wait_until(lambda: gateway.get("/readyz", key=None).status == 200, 15, "it recovers when there is room")
    finally:
        if gateway is not None:
            gateway.process.stop()
        subprocess.run(["umount", "-l", data], check=False)
