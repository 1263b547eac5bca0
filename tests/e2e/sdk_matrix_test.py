"""The OpenAI and Anthropic SDKs, Python and Node, on upstreams that speak only chat or only Messages: every cell, unary and streaming.
The upstream refuses what its vendor refuses, so a wrong translation is a 400 here too."""
import json
import pathlib
import subprocess

import pytest
import sdk_python
from answers import PATH, Said, error, reply
from harness import ROOT, clean_environment, wait_until

CLIENTS = ["python-openai", "python-anthropic", "node-openai", "node-anthropic-2023", "node-anthropic-2026"]
UPSTREAMS = ["chat", "messages"]
MODELS = {"chat": "some-model", "messages": "claude-sonnet-4-5"}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}


@pytest.fixture(scope="session")
def node():
    command = ["node", pathlib.Path(__file__).parent / "sdk_node.mjs", ROOT / "build/node"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean_environment())

    def run(job):
        child.stdin.write(json.dumps(job) + "\n")
        child.stdin.flush()
        return json.loads(child.stdout.readline())

    yield run
    child.stdin.close()
    child.wait(10)


@pytest.fixture(params=CLIENTS)
def client(request, gateway, node):
    """Callable: request body in the client's dialect -> what the caller got."""
    language, name = request.param.split("-", 1)

    class Client:
        speaks = "chat" if name == "openai" else "messages"

        def __call__(self, upstream, body, **more):
            if self.speaks == "messages":
                body = {"max_tokens": 4096, **body}
            job = {"client": name, "base_url": gateway.url, "key": gateway.key, "model": f"{upstream}/{MODELS.get(upstream, 'm')}", "request": body, **more}
            return node(job) if language == "node" else sdk_python.run(job)

    return Client()


@pytest.fixture(params=UPSTREAMS)
def kind(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["unary", "stream"])
def stream(request):
    return request.param


def user(content):
    return {"role": "user", "content": content}


def play(upstream, kind, stream, said):
    upstream.script((PATH[kind], reply(kind, said, stream)))


def sent_to(upstream, kind):
    upstream.assert_nothing_refused()
    return upstream.seen(PATH[kind])[-1]["json"]


def stop_for(client, stop):
    return {"chat": {"stop": "stop", "length": "length", "tool": "tool_calls"}, "messages": {"stop": "end_turn", "length": "max_tokens", "tool": "tool_use"}}[client.speaks][stop]


def tools_for(client):
    if client.speaks == "chat":
        return [{"type": "function", "function": {"name": "get_weather", "description": "Weather of a city", "parameters": SCHEMA}}]
    return [{"name": "get_weather", "description": "Weather of a city", "input_schema": SCHEMA}]


def test_text_and_usage_arrive(client, kind, stream, upstream):
    said = Said(text="Grüße aus Zürich, dies ist 日本語 🚀.")
    play(upstream, kind, stream, said)
    got = client(kind, {"messages": [user("Hello ☃")]}, stream=stream)
    assert "error" not in got, got
    assert (got["text"], got["stop"]) == (said.text, stop_for(client, "stop"))
    assert got["output"] == 20 and got["cached"] == 40
    assert got["input"] == (100 if client.speaks == "chat" else 60)  # OpenAI counts cached tokens in, Anthropic does not
    body = sent_to(upstream, kind)
    assert body["model"] == MODELS[kind]
    assert "Hello ☃" in json.dumps(body["messages"], ensure_ascii=False)


def test_a_cut_by_length_is_told(client, kind, stream, upstream):
    play(upstream, kind, stream, Said(text="Once upon a", stop="length"))
    got = client(kind, {"messages": [user("A story")], "max_tokens": 5}, stream=stream)
    assert (got.get("text"), got.get("stop")) == ("Once upon a", stop_for(client, "length")), got


def test_parallel_tool_calls_keep_ids_names_and_arguments(client, kind, stream, upstream):
    calls = (("call_A1", "get_weather", {"city": "Göschenen"}), ("call_B2", "get_weather", {"city": "Airolo", "deep": {"a": [1, 2.5, None, "\"q\""]}}))
    play(upstream, kind, stream, Said(text="Let me look.", calls=calls, stop="tool"))
    got = client(kind, {"messages": [user("Weather?")], "tools": tools_for(client)}, stream=stream)
    assert "error" not in got, got
    assert got["calls"] == [{"id": i, "name": n, "arguments": a} for i, n, a in calls]
    assert (got["text"], got["stop"]) == ("Let me look.", stop_for(client, "tool"))
    body = sent_to(upstream, kind)
    tool = body["tools"][0]
    schema = tool["function"]["parameters"] if kind == "chat" else tool["input_schema"]
    assert schema == SCHEMA


def test_a_tool_call_without_arguments_is_an_empty_object(client, kind, stream, upstream):
    play(upstream, kind, stream, Said(calls=(("call_1", "now", {}),), stop="tool"))
    tool = {"type": "function", "function": {"name": "now"}} if client.speaks == "chat" else {"name": "now", "input_schema": {"type": "object"}}
    got = client(kind, {"messages": [user("What time?")], "tools": [tool]}, stream=stream)
    assert got.get("calls") == [{"id": "call_1", "name": "now", "arguments": {}}], got
    assert got["stop"] == stop_for(client, "tool")


def test_tool_results_go_back_to_the_upstream(client, kind, stream, upstream):
    if client.speaks == "chat":
        call = lambda i, city: {"id": i, "type": "function", "function": {"name": "get_weather", "arguments": json.dumps({"city": city})}}  # noqa: E731
        history = [user("Weather?"), {"role": "assistant", "content": None, "tool_calls": [call("call_A", "A"), call("call_B", "B")]}]
        history += [{"role": "tool", "tool_call_id": "call_A", "content": "sun in A"}, {"role": "tool", "tool_call_id": "call_B", "content": "rain in B"}]
    else:
        call = lambda i, city: {"type": "tool_use", "id": i, "name": "get_weather", "input": {"city": city}}  # noqa: E731
        result = lambda i, text: {"type": "tool_result", "tool_use_id": i, "content": [{"type": "text", "text": text}]}  # noqa: E731
        history = [user("Weather?"), {"role": "assistant", "content": [call("call_A", "A"), call("call_B", "B")]}]
        history += [user([result("call_A", "sun in A"), result("call_B", "rain in B"), {"type": "text", "text": "Both please."}])]
    play(upstream, kind, stream, Said(text="Sun and rain."))
    got = client(kind, {"messages": history, "tools": tools_for(client)}, stream=stream)
    assert got.get("text") == "Sun and rain.", got
    sent = sent_to(upstream, kind)["messages"]
    if kind == "chat":
        results = {entry["tool_call_id"]: json.dumps(entry["content"]) for entry in sent if entry["role"] == "tool"}
        assert json.loads(sent[1]["tool_calls"][0]["function"]["arguments"]) == {"city": "A"}
    else:
        found = [block for entry in sent if entry["role"] == "user" and isinstance(entry["content"], list) for block in entry["content"] if block["type"] == "tool_result"]
        results = {block["tool_use_id"]: json.dumps(block["content"]) for block in found}
    assert "sun in A" in results["call_A"] and "rain in B" in results["call_B"]


def test_images_by_data_and_by_url_arrive(client, kind, stream, upstream):
    if client.speaks == "chat":
        parts = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}, {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]
    else:
        parts = [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}, {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}]
    play(upstream, kind, stream, Said(text="A pixel."))
    got = client(kind, {"messages": [user([{"type": "text", "text": "What is this?"}, *parts])]}, stream=stream)
    assert got.get("text") == "A pixel.", got
    content = sent_to(upstream, kind)["messages"][0]["content"]
    if kind == "chat":
        assert [part["image_url"]["url"] for part in content[1:]] == [f"data:image/png;base64,{PIXEL}", "https://example.com/a.png"]
    else:
        assert content[1]["source"] == {"type": "base64", "media_type": "image/png", "data": PIXEL}
        assert content[2]["source"] == {"type": "url", "url": "https://example.com/a.png"}


def test_structured_output_is_asked_for_in_the_upstreams_words(client, kind, stream, upstream):
    if client.speaks == "chat":
        asked = {"response_format": {"type": "json_schema", "json_schema": {"name": "place", "strict": True, "schema": SCHEMA}}}
    else:
        asked = {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}
    play(upstream, kind, stream, Said(text='{"city":"Bern"}'))
    got = client(kind, {"messages": [user("Capital?")], **asked}, stream=stream)
    assert "error" not in got, got
    assert json.loads(got["text"]) == {"city": "Bern"}
    body = sent_to(upstream, kind)
    schema = body["response_format"]["json_schema"]["schema"] if kind == "chat" else body["output_config"]["format"]["schema"]
    assert schema == SCHEMA


def test_system_text_arrives(client, kind, stream, upstream):
    body = {"messages": [user("Hi")]}
    if client.speaks == "chat":
        body["messages"].insert(0, {"role": "system", "content": "Be brief."})
    else:
        body["system"] = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    play(upstream, kind, stream, Said(text="Yes."))
    got = client(kind, body, stream=stream)
    assert got.get("text") == "Yes.", got
    sent = sent_to(upstream, kind)
    place = sent["messages"][0] if kind == "chat" else sent["system"]
    assert "Be brief." in json.dumps(place)


def test_thinking_arrives_beside_the_text(client, kind, stream, upstream):
    play(upstream, kind, stream, Said(thinking="First the tunnel, then the lake.", text="Lugano."))
    body = {"messages": [user("Where to?")]}
    if client.speaks == "messages":
        body["thinking"] = {"type": "enabled", "budget_tokens": 2048}
    else:
        body["reasoning_effort"] = "low"
    got = client(kind, body, stream=stream)
    assert "error" not in got, got
    assert (got["thinking"], got["text"]) == ("First the tunnel, then the lake.", "Lugano.")
    if client.speaks == kind == "messages":
        assert got["signature"] == "c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("status", "kind_of_error"),
    [(400, "BadRequestError"), (401, "AuthenticationError"), (404, "NotFoundError"), (429, "RateLimitError"), (500, "InternalServerError")],
)
def test_an_upstream_error_is_the_sdks_own_exception(client, kind, stream, status, kind_of_error, upstream):
    upstream.script((PATH[kind], error(kind, status, f"upstream says no ({status})", {"retry-after": "7"} if status == 429 else {})))
    got = client(kind, {"messages": [user("Hi")]}, stream=stream)
    assert "error" in got, got
    assert f"upstream says no ({status})" in got["error"]["message"]
    if status != 401:  # a refused provider key is the operator's trouble: the caller must not take its own key for bad
        assert (got["error"]["status"], got["error"]["kind"]) == (status, kind_of_error)
    if status == 429:
        assert got["error"]["headers"]["retry-after"] == "7"
    assert "upstream-secret-key" not in json.dumps(got)


def test_the_sdk_retries_a_429_and_succeeds(client, kind, upstream):
    upstream.script((PATH[kind], error(kind, 429, "slow down", {"retry-after": "1"}), reply(kind, Said(text="Now."), False)))
    got = client(kind, {"messages": [user("Hi")]}, retries=2)
    assert got.get("text") == "Now.", got
    assert len(upstream.seen(PATH[kind])) == 2


def test_an_error_in_the_middle_of_a_stream_is_raised(client, kind, upstream):
    """G-13: never a clean end."""
    whole = reply(kind, Said(text="This will not be finished, sadly."), True)
    if kind == "chat":
        events = [f"data: {json.dumps(chunk)}\n\n" for chunk in whole["chat_stream"][:4]] + ['data: {"error":{"message":"engine died","type":"server_error","param":null,"code":null}}\n\n']
    else:
        events = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in whole["messages_stream"][:5]]
        events.append('event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"engine died"}}\n\n')
    upstream.script((PATH[kind], {"pieces": [{"text": "".join(events)}], "headers": {"content-type": "text/event-stream"}, "framing": "chunked"}))
    got = client(kind, {"messages": [user("Hi")]}, stream=True)
    assert "error" in got and "engine died" in got["error"]["message"], got


def test_a_cut_stream_never_looks_finished(client, kind, upstream):
    upstream.script((PATH[kind], {**reply(kind, Said(text="This will be cut in the middle, at some byte."), True), "cut_at": 700, "ending": "close"}))
    got = client(kind, {"messages": [user("Hi")]}, stream=True)
    assert "error" in got, got


def test_an_abort_cancels_the_upstream(client, kind, upstream):
    """G-5."""
    whole = reply(kind, Said(text="word " * 200), True)
    upstream.script((PATH[kind], {**whole, "pause_ms": 20}))
    got = client(kind, {"messages": [user("Tell me everything")]}, stream=True, abort_after=3)
    assert got == {"aborted": True}, got
    wait_until(lambda: upstream.seen(PATH[kind])[0]["peer_closed_early"], 3, "the upstream request is cancelled")


def test_a_wrong_key_is_an_authentication_error(client, kind, gateway, node, monkeypatch):
    monkeypatch.setattr(gateway, "key", "sk-gw-wrong")
    got = client(kind, {"messages": [user("Hi")]}, retries=2)
    assert (got["error"]["status"], got["error"]["kind"]) == (401, "AuthenticationError")
    assert got["error"]["headers"]["x-should-retry"] == "false"  # G-4


def test_an_unknown_model_is_not_found(client, kind):
    got = client("nowhere", {"messages": [user("Hi")]}, retries=2)
    assert (got["error"]["status"], got["error"]["kind"]) == (404, "NotFoundError"), got
