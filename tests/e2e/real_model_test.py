"""A real model: SmolLM2-135M-Instruct in llama.cpp's server behind both dialects. Never exact text: a build answers differently from another."""
import json

import pytest
from harness import call, wait_until

WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@pytest.fixture(scope="module")
def real(folder, local_model, request):
    from harness import Gateway

    started = Gateway(
        folder,
        {"providers": {"local": {"type": "openai_compatible", "base_url": f"{local_model.url}/v1", "models": ["smollm2"]}}, "prices": [{"model": "local/*", "input": 0, "output": 0}]},
    )
    yield started
    started.stop()


def events(text):
    """The data of each event; [DONE] is left out."""
    found = [line[5:].strip() for line in text.splitlines() if line.startswith("data:")]
    return [json.loads(each) for each in found if each != "[DONE]"]


def test_the_model_is_listed(real):
    assert "local/smollm2" in [model["id"] for model in real.get("/v1/models").json["data"]]
    assert "local/smollm2" in real.cli("models")


def test_chat_answers(real):
    answer = real.chat("local/smollm2", "What is the capital of France?", max_tokens=30, temperature=0)
    assert answer.status == 200, answer.text
    body = answer.json
    assert body["choices"][0]["message"]["content"].strip()
    assert body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]
    record = real.record(answer)
    assert record["output"] == body["usage"]["completion_tokens"] and record["usage_source"] == "provider"


def test_chat_streams(real):
    answer = real.chat("local/smollm2", "Count to five.", max_tokens=30, temperature=0, stream=True)
    assert answer.text.rstrip().endswith("data: [DONE]")
    text = "".join(event["choices"][0]["delta"].get("content") or "" for event in events(answer.text) if event["choices"])
    assert text.strip()
    record = real.record(answer)
    assert record["output"] > 0 and 0 < record["ttft_us"] <= record["duration_us"]


def test_a_bare_model_name_finds_its_only_provider(real):
    assert real.chat("smollm2", max_tokens=5).status == 200


def test_messages_answers(real):
    answer = real.messages("local/smollm2", "What is the capital of France?", max_tokens=30, temperature=0, system="Be brief.")
    body = answer.json
    assert answer.status == 200 and body["type"] == "message" and body["role"] == "assistant", answer.text
    assert body["content"][0]["type"] == "text" and body["content"][0]["text"].strip()
    assert body["usage"]["input_tokens"] > 0 and body["stop_reason"] in ("end_turn", "max_tokens")


def test_messages_streams_in_order(real):
    """CC-1, CC-2, AN-3."""
    answer = real.messages("local/smollm2", "Count to five.", max_tokens=30, temperature=0, stream=True)
    kinds = [event["type"] for event in events(answer.text)]
    assert kinds[0] == "message_start" and kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 1
    named = [line[6:].strip() for line in answer.text.splitlines() if line.startswith("event:")]
    assert named == kinds


def test_a_tool_is_called_and_its_result_understood_over_chat(real):
    tools = [{"type": "function", "function": {"name": "get_weather", "description": "Weather", "parameters": WEATHER}}]
    asked = [{"role": "user", "content": "What is the weather in Bern? #tool"}]
    first = real.post("/v1/chat/completions", {"model": "local/smollm2", "messages": asked, "tools": tools, "max_tokens": 80, "temperature": 0})
    choice = first.json["choices"][0]
    assert choice["finish_reason"] == "tool_calls", first.text
    tool_call = choice["message"]["tool_calls"][0]
    assert tool_call["function"]["name"] == "get_weather" and "city" in json.loads(tool_call["function"]["arguments"])
    back = [*asked, choice["message"], {"role": "tool", "tool_call_id": tool_call["id"], "content": "Sunny, 21 degrees."}]
    second = real.post("/v1/chat/completions", {"model": "local/smollm2", "messages": back, "tools": tools, "max_tokens": 40, "temperature": 0})
    assert second.status == 200 and second.json["choices"][0]["message"]["content"], second.text


@pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
def test_a_tool_is_called_over_messages(real, stream):
    body = {"model": "local/smollm2", "max_tokens": 80, "temperature": 0, "stream": stream, "messages": [{"role": "user", "content": "What is the weather in Bern? #tool"}],
            "tools": [{"name": "get_weather", "description": "Weather", "input_schema": WEATHER}]}
    answer = real.post("/v1/messages", body, anthropic_version="2023-06-01")
    assert answer.status == 200, answer.text
    if stream:
        seen = events(answer.text)
        start = next(event for event in seen if event["type"] == "content_block_start" and event["content_block"]["type"] == "tool_use")
        arguments = "".join(event["delta"].get("partial_json", "") for event in seen if event["type"] == "content_block_delta" and event["index"] == start["index"])
        assert start["content_block"]["name"] == "get_weather" and "city" in json.loads(arguments)
        assert any(event["type"] == "message_delta" and event["delta"]["stop_reason"] == "tool_use" for event in seen)
    else:
        block = next(block for block in answer.json["content"] if block["type"] == "tool_use")
        assert block["name"] == "get_weather" and "city" in block["input"] and answer.json["stop_reason"] == "tool_use"


@pytest.mark.parametrize("dialect", ["chat", "messages"])
def test_a_json_schema_is_obeyed(real, dialect):
    schema = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer"}}, "required": ["name", "age"], "additionalProperties": False}
    if dialect == "chat":
        answer = real.chat("local/smollm2", "Invent a person.", max_tokens=120, temperature=0, response_format={"type": "json_schema", "json_schema": {"name": "person", "schema": schema}})
        text = answer.json["choices"][0]["message"]["content"]
    else:
        answer = real.messages("local/smollm2", "Invent a person.", max_tokens=120, temperature=0, output_config={"format": {"type": "json_schema", "schema": schema}})
        text = answer.json["content"][0]["text"]
    assert set(json.loads(text)) == {"name", "age"}, answer.text


def test_count_tokens_is_near_what_the_model_counts(real):
    answer = real.post("/v1/messages/count_tokens", {"model": "local/smollm2", "messages": [{"role": "user", "content": "The quick brown fox jumps over the lazy dog."}]}, anthropic_version="2023-06-01")
    assert answer.status == 200 and 5 <= answer.json["input_tokens"] <= 60


def test_too_long_a_prompt_is_a_400_in_both_dialects(real):
    text = "word " * 12_000
    chat = real.chat("local/smollm2", text, max_tokens=5, stream=True)
    assert chat.status == 400 and chat.json["error"]["message"], chat.text[:300]
    messages = real.messages("local/smollm2", text, max_tokens=5)
    assert messages.status == 400 and messages.json["type"] == "error"


def test_an_idle_connection_that_the_server_closed_is_not_an_error(real):
    """llama.cpp closes a connection after 100 requests: the pool notices."""
    assert all(real.chat("local/smollm2", max_tokens=1).status == 200 for _ in range(105))


def test_an_abort_frees_the_models_slot(real, local_model):
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", real.port, timeout=20)
    body = {"model": "local/smollm2", "stream": True, "max_tokens": 2000, "messages": [{"role": "user", "content": "Write a very long story."}], "ignore_eos": True}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"authorization": f"Bearer {real.key}"})
    connection.getresponse().readline()
    connection.close()
    wait_until(lambda: not any(slot["is_processing"] for slot in call(local_model.port, "GET", "/slots").json), 5, "the slot is free")


def test_embeddings_come_through(folder):
    from harness import Gateway, LocalModel

    engine = LocalModel(folder, "--embeddings --pooling mean")
    gateway = Gateway(folder, {"providers": {"local": {"type": "openai_compatible", "base_url": f"{engine.url}/v1", "models": ["smollm2"]}}})
    try:
        answer = gateway.post("/v1/embeddings", {"model": "local/smollm2", "input": ["one", "two"]})
        assert answer.status == 200, answer.text
        assert len(answer.json["data"]) == 2 and len(answer.json["data"][0]["embedding"]) == 576
        raw = gateway.post("/v1/embeddings", {"model": "local/smollm2", "input": "one", "encoding_format": "base64"})
        assert isinstance(raw.json["data"][0]["embedding"], str)
    finally:
        gateway.stop()
        engine.stop()
