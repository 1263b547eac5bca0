"""What a model says, once, and how each vendor puts it on the wire. An upstream is scripted with these; a test compares what the client got."""
import dataclasses
import json


@dataclasses.dataclass
class Said:
    text: str = ""
    thinking: str = ""
    signature: str = "c2lnbmF0dXJl"
    calls: tuple = ()  # (id, name, arguments as a dictionary)
    stop: str = "stop"  # stop | length | tool
    input_tokens: int = 100
    cached_tokens: int = 40  # of the input
    output_tokens: int = 20


CHAT_STOP = {"stop": "stop", "length": "length", "tool": "tool_calls"}
MESSAGES_STOP = {"stop": "end_turn", "length": "max_tokens", "tool": "tool_use"}


def pieces(text, size=7):
    return [text[at : at + size] for at in range(0, len(text), size)]


# OpenAI chat


def chat_usage(said):
    return {
        "prompt_tokens": said.input_tokens,
        "completion_tokens": said.output_tokens,
        "total_tokens": said.input_tokens + said.output_tokens,
        "prompt_tokens_details": {"cached_tokens": said.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def chat_unary(said):
    message = {"role": "assistant", "content": said.text or None, "refusal": None}
    if said.thinking:
        message["reasoning_content"] = said.thinking
    if said.calls:
        message["tool_calls"] = [{"id": i, "type": "function", "function": {"name": n, "arguments": json.dumps(a)}} for i, n, a in said.calls]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": CHAT_STOP[said.stop]}
    return {"json": {"id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": "upstream-model", "choices": [choice], "usage": chat_usage(said)}}


def chat_chunk(delta, finish=None, **more):
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": "upstream-model",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
        "usage": None,
        **more,
    }


def chat_stream(said, with_usage=True):
    chunks = [chat_chunk({"role": "assistant", "content": "", "refusal": None})]
    chunks += [chat_chunk({"reasoning_content": piece}) for piece in pieces(said.thinking)]
    chunks += [chat_chunk({"content": piece}) for piece in pieces(said.text)]
    for index, (call_id, name, arguments) in enumerate(said.calls):
        chunks.append(chat_chunk({"tool_calls": [{"index": index, "id": call_id, "type": "function", "function": {"name": name, "arguments": ""}}]}))
        chunks += [chat_chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}) for piece in pieces(json.dumps(arguments))]
    chunks.append(chat_chunk({}, CHAT_STOP[said.stop]))
    if with_usage:
        chunks.append({**chat_chunk({}), "choices": [], "usage": chat_usage(said)})
    return {"chat_stream": chunks}


def chat_error(status, message, kind="invalid_request_error", code=None, headers=None):
    return {"status": status, "json": {"error": {"message": message, "type": kind, "param": None, "code": code}}, "headers": headers or {}}


# Anthropic Messages


def messages_usage(said):
    return {"input_tokens": said.input_tokens - said.cached_tokens, "cache_creation_input_tokens": 0, "cache_read_input_tokens": said.cached_tokens, "output_tokens": said.output_tokens}


def blocks(said):
    if said.thinking:
        yield {"type": "thinking", "thinking": said.thinking, "signature": said.signature}
    if said.text:
        yield {"type": "text", "text": said.text}
    for call_id, name, arguments in said.calls:
        yield {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def message(said, **more):
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": "upstream-model", "content": [], "stop_reason": None, "stop_sequence": None, **more}


def messages_unary(said):
    return {"json": message(said, content=list(blocks(said)), stop_reason=MESSAGES_STOP[said.stop], usage=messages_usage(said))}


def block_events(index, block):
    if block["type"] == "thinking":
        opened = {"type": "thinking", "thinking": "", "signature": ""}
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(block["thinking"])] + [{"type": "signature_delta", "signature": block["signature"]}]
    elif block["type"] == "text":
        opened = {"type": "text", "text": ""}
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces(block["text"])]
    else:
        opened = {**block, "input": {}}
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *pieces(json.dumps(block["input"]))]]
    yield {"type": "content_block_start", "index": index, "content_block": opened}
    if index == 0:
        yield {"type": "ping"}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def messages_stream(said):
    events = [{"type": "message_start", "message": message(said, usage={**messages_usage(said), "output_tokens": 1})}]
    for index, block in enumerate(blocks(said)):
        events += block_events(index, block)
    events.append({"type": "message_delta", "delta": {"stop_reason": MESSAGES_STOP[said.stop], "stop_sequence": None}, "usage": {"output_tokens": said.output_tokens}})
    events.append({"type": "message_stop"})
    return {"messages_stream": events}


def messages_error(status, text, kind="invalid_request_error", headers=None):
    return {"status": status, "json": {"type": "error", "error": {"type": kind, "message": text}, "request_id": "req_1"}, "headers": headers or {}}


# By the name of the provider in front of the upstream


PATH = {"chat": "/chat/completions", "messages": "/messages"}
UNARY = {"chat": chat_unary, "messages": messages_unary}
STREAM = {"chat": chat_stream, "messages": messages_stream}


def reply(dialect, said, stream):
    return (STREAM if stream else UNARY)[dialect](said)


def error(dialect, status, text, headers=None):
    if dialect == "chat":
        kinds = {429: ("requests", "rate_limit_exceeded"), 401: ("invalid_request_error", "invalid_api_key"), 500: ("server_error", None)}
        kind, code = kinds.get(status, ("invalid_request_error", None))
        return chat_error(status, text, kind, code, headers)
    kinds = {429: "rate_limit_error", 401: "authentication_error", 500: "api_error", 529: "overloaded_error"}
    return messages_error(status, text, kinds.get(status, "invalid_request_error"), headers)
