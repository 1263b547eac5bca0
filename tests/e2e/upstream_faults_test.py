"""Upstreams that refuse, hang, reset, lie about length, cut a stream at any byte, send garbage, HTML, redirects, another dialect, 50 MB, or never
stop. A caller gets an error of its own dialect or an honest stream that does not look finished; never a crash, a hang or a stranger's address."""
import http.client
import json

import pytest
from answers import PATH, Said, error, reply
from harness import free_port, wait_until

CLIENTS = ["chat", "messages"]
UPSTREAMS = ["chat", "messages"]


@pytest.fixture(params=CLIENTS)
def ask(request, gateway):
    """Callable (model, stream) -> Answer, in one of the two client dialects."""

    def send(model, stream=False, to=gateway, **more):
        return (to.chat if request.param == "chat" else to.messages)(model, stream=stream, **more)

    send.dialect = request.param
    return send


@pytest.fixture(params=UPSTREAMS)
def kind(request):
    return request.param


def assert_error(answer, dialect, statuses):
    assert answer.status in statuses, (answer.status, answer.text[:500])
    body = answer.json
    assert body["error"]["message"]
    if dialect == "messages":
        assert body["type"] == "error"
    assert "127.0.0.1" not in answer.text and "upstream-secret-key" not in answer.text
    return body["error"]


def looks_finished(text, dialect):
    return "[DONE]" in text if dialect == "chat" else "message_stop" in text


BROKEN = {
    "HTML": {"text": "<html><body>502 nginx</body></html>", "headers": {"content-type": "text/html"}},
    "HTML as JSON": {"text": "<html></html>", "headers": {"content-type": "application/json"}},
    "an empty body": {"text": "", "headers": {"content-type": "application/json"}},
    "cut JSON": {"text": '{"id":"x","choices":[{"mess', "headers": {"content-type": "application/json"}},
    "garbage instead of HTTP": {"raw": "\u0001\u0002garbage\r\n\r\n"},
    "a status line only": {"raw": "HTTP/1.1 200 OK\r\n"},
    "a length that is too long": {"text": "{}", "claimed_length": 100, "cut_at": 2, "ending": "close"},
    "a reset": {"text": "", "ending": "reset", "cut_at": 0, "claimed_length": 5},
    "two lengths": {"raw": "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 7\r\n\r\n{}"},
    "a redirect": {"status": 302, "headers": {"location": "http://127.0.0.1:1/elsewhere"}, "text": "moved"},
    "an error object with status 200": {"json": {"error": {"message": "quietly broken", "type": "server_error", "code": None, "param": None}}},
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_unary_answer_becomes_an_error(ask, kind, upstream, broken):
    upstream.script((PATH[kind], broken))
    assert_error(ask(f"{kind}/m"), ask.dialect, range(500, 600))
    assert len(upstream.seen("/elsewhere")) == 0


def test_an_upstream_that_refuses_connections_is_an_error(ask, start_gateway):
    gateway = start_gateway({"providers": {"dead": {"type": "openai_compatible", "base_url": f"http://127.0.0.1:{free_port()}/v1", "models": ["*"]}}, "retry": {"max_attempts": 2}})
    failure = assert_error(ask("dead/m", to=gateway), ask.dialect, (502, 503, 529))
    assert failure["message"]


@pytest.mark.parametrize(("stream", "limit"), [(True, "first_token"), (False, "total")])
def test_an_upstream_that_says_nothing_times_out(ask, kind, upstream, start_gateway, stream, limit):
    """A stream must begin within `first_token`; a whole answer may take as long as `total`."""
    gateway = start_gateway({"timeouts": {limit: "1s"}, "retry": {"max_attempts": 1}})
    upstream.script((PATH[kind], {"raw": "", "ending": "hang"}))
    assert_error(ask(f"{kind}/m", stream, to=gateway), ask.dialect, (504, 408))
    wait_until(lambda: upstream.seen(PATH[kind])[0]["peer_closed_early"], 3, "the upstream request is cancelled")


def test_a_stream_that_stalls_ends_with_an_error(ask, kind, upstream, start_gateway):
    gateway = start_gateway({"timeouts": {"first_token": "5s", "idle": "1s"}, "retry": {"max_attempts": 1}})
    upstream.script((PATH[kind], {**reply(kind, Said(text="some words before the silence"), True), "cut_at": 900, "ending": "hang"}))
    answer = ask(f"{kind}/m", True, to=gateway)
    assert not looks_finished(answer.text, ask.dialect)
    assert '"error"' in answer.text


def bytes_before_the_finish(kind, whole):
    """Where the finish reason begins in the upstream's bytes."""
    compact = lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False)  # noqa: E731
    if kind == "chat":
        wire = "".join(f"data: {compact(chunk)}\n\n" for chunk in whole["chat_stream"])
        return len(wire[: wire.index('"finish_reason":"')].encode())
    wire = "".join(f"event: {event['type']}\ndata: {compact(event)}\n\n" for event in whole["messages_stream"])
    return len(wire[: wire.index('"stop_reason":"')].encode())


def test_a_stream_cut_at_any_byte_never_looks_finished(ask, kind, upstream):
    """G-13, E198 as the contract has it: without a finish reason there is an error event and no terminator."""
    whole = reply(kind, Said(text="A few words, ünïcode 🚀.", calls=(("call_1", "f", {"a": "b"}),), stop="tool"), True)
    upstream.script((PATH[kind], whole))
    complete = ask(f"{kind}/m", True)
    assert looks_finished(complete.text, ask.dialect)
    finish = bytes_before_the_finish(kind, whole)
    for cut in range(1, finish, max(1, finish // 60)):
        upstream.script((PATH[kind], {**whole, "cut_at": cut, "ending": "close" if cut % 2 else "reset"}))
        answer = ask(f"{kind}/m", True)
        if answer.status == 200:
            assert not looks_finished(answer.text, ask.dialect), (cut, answer.text)
            assert '"error"' in answer.text, (cut, answer.text)
        else:
            assert_error(answer, ask.dialect, range(500, 600))


def test_a_stream_in_single_bytes_is_the_same_stream(ask, kind, upstream):
    whole = reply(kind, Said(text="Grüezi 🚀", thinking="hm", calls=(("c_1", "f", {"k": "ä"}),), stop="tool"), True)
    upstream.script((PATH[kind], whole))
    at_once = ask(f"{kind}/m", True).text
    upstream.script((PATH[kind], {**whole, "in_pieces_of": 1}))
    in_bytes = ask(f"{kind}/m", True).text
    if ask.dialect == kind:
        assert in_bytes == at_once
    else:
        assert in_bytes.count("data:") == at_once.count("data:")


def test_an_answer_of_50_megabytes_arrives_without_being_collected(gateway, upstream):
    with_text = json.dumps(reply("chat", Said(text="@"), False)["json"])
    head, tail = with_text.split("@")
    upstream.script(("/chat/completions", {"pieces": [{"text": head}, *[{"text": "x" * (1 << 20)}] * 50, {"text": tail}], "headers": {"content-type": "application/json"}}))
    before = gateway.process.resident_kib()
    answer = gateway.chat("chat/m")
    assert answer.status in (200, 502)
    if answer.status == 200:
        assert len(answer.body) > 50 << 20
    assert gateway.process.resident_kib() < before + 160 * 1024


def test_a_stream_that_never_stops_ends_with_the_caller(gateway, upstream):
    chunk = json.dumps(reply("chat", Said(text="word word"), True)["chat_stream"][1])
    upstream.script(("/chat/completions", {"fill": {"text": f"data: {chunk}\n\n", "times": 100_000_000}, "framing": "chunked", "headers": {"content-type": "text/event-stream"}}))
    for model, path in (("chat/m", "/v1/chat/completions"), ("chat/m", "/v1/messages")):
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
        body = {"model": model, "stream": True, "max_tokens": 9, "messages": [{"role": "user", "content": "go"}]}
        connection.request("POST", path, json.dumps(body), {"authorization": f"Bearer {gateway.key}", "anthropic-version": "2023-06-01", "content-type": "application/json"})
        answer = connection.getresponse()
        answer.read(5 << 20)
        connection.close()
        wait_until(lambda: upstream.seen("/chat/completions")[-1]["peer_closed_early"], 5, "the upstream request is cancelled")
    assert gateway.process.resident_kib() < 200 * 1024


def test_a_slow_reader_holds_the_upstream_back(gateway, upstream):
    """Back-pressure: what the caller does not read is not collected."""
    chunk = json.dumps(reply("chat", Said(text="word word"), True)["chat_stream"][1])
    upstream.script(("/chat/completions", {"fill": {"text": f"data: {chunk}\n\n", "times": 100_000_000}, "framing": "chunked", "headers": {"content-type": "text/event-stream"}}))
    before = gateway.process.resident_kib()
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    connection.request("POST", "/v1/chat/completions", json.dumps({"model": "chat/m", "stream": True, "messages": [{"role": "user", "content": "go"}]}), {"authorization": f"Bearer {gateway.key}"})
    answer = connection.getresponse()
    sizes = []

    def settled():
        sizes.append(gateway.process.resident_kib())
        return len(sizes) > 50

    wait_until(settled, 5, "fifty looks at the memory")
    assert max(sizes) < before + 20 * 1024
    assert answer.read(1000)
    connection.close()


def test_the_answer_of_another_dialect_is_an_error(ask, kind, upstream):
    other = "messages" if kind == "chat" else "chat"
    upstream.script((PATH[kind], reply(other, Said(text="wrong tongue"), False)))
    answer = ask(f"{kind}/m")
    if ask.dialect == kind:
        return  # passed through unread is allowed for whole answers; it must only not break anything
    assert_error(answer, ask.dialect, range(500, 600))


def test_the_upstreams_error_keeps_its_words_and_status(ask, kind, upstream):
    upstream.script((PATH[kind], error(kind, 400, "messages: the 7th one is odd")))
    failure = assert_error(ask(f"{kind}/m"), ask.dialect, (400,))
    assert "messages: the 7th one is odd" in failure["message"]


def test_every_429_carries_whole_seconds_of_retry_after(ask, kind, upstream):
    """G-3: derived when the upstream gives none."""
    for headers in ({}, {"retry-after": "9"}, {"retry-after-ms": "1500"}):
        upstream.script((PATH[kind], error(kind, 429, "slow down", headers)))
        answer = ask(f"{kind}/m")
        assert answer.status == 429
        assert answer.headers["retry-after"].isdigit(), headers
        if "retry-after" in headers:
            assert answer.headers["retry-after"] == "9"


def test_a_secret_in_an_upstreams_error_is_masked(ask, kind, upstream):
    upstream.script((PATH[kind], error(kind, 401, "Incorrect API key provided: upstream-secret-key. See http://127.0.0.1:1/x")))
    answer = ask(f"{kind}/m")
    assert "upstream-secret-key" not in answer.text


def test_the_second_target_takes_over(ask, upstream, start_gateway):
    """Retry before the first byte: connect failure, 429, 5xx, and an error as the first event."""
    providers = {
        "dead": {"type": "openai_compatible", "base_url": f"http://127.0.0.1:{free_port()}/v1", "models": ["*"]},
        "chat": {"type": "openai_compatible", "base_url": f"{upstream.url}/a/v1", "models": ["*"], "dialects": ["chat"]},
        "claude": {"type": "anthropic", "base_url": f"{upstream.url}/b", "api_key": "env:UPSTREAM_KEY", "models": ["*"]},
    }
    gateway = start_gateway({"providers": providers, "models": {"smart": {"use": ["dead/m", "chat/m", "claude/m"]}}, "retry": {"max_attempts": 6}})
    for first in (error("chat", 500, "ill"), error("chat", 429, "busy"), {"status": 503, "text": "<html>", "headers": {"content-type": "text/html"}}):
        upstream.script(("/a/v1/chat/completions", first), ("/b/v1/messages", reply("messages", Said(text="second"), False)))
        answer = ask("smart", to=gateway)
        assert answer.status == 200, answer.text
        assert "second" in answer.text
        assert answer.headers["x-gotthard-model"] == "claude/m"
        assert int(answer.headers["x-gotthard-attempts"]) >= 2
    early = {"pieces": [{"text": 'data: {"error":{"message":"no","type":"server_error","param":null,"code":null}}\n\n'}], "headers": {"content-type": "text/event-stream"}}
    upstream.script(("/a/v1/chat/completions", early), ("/b/v1/messages", reply("messages", Said(text="second"), True)))
    answer = ask("smart", True, to=gateway)
    assert answer.status == 200 and "second" in answer.text, answer.text
    assert looks_finished(answer.text, ask.dialect)


def test_a_400_is_not_tried_elsewhere(ask, upstream, start_gateway):
    gateway = start_gateway({"models": {"smart": {"use": ["chat/m", "messages/m"]}}})
    upstream.script(("/chat/completions", error("chat", 400, "bad request")), ("/messages", reply("messages", Said(text="second"), False)))
    assert ask("smart", to=gateway).status == 400
    assert upstream.seen("/messages") == []
