"""Runs one job with the real Python SDKs and says in common words what the caller got. The Node twin is sdk_node.mjs.

Job: {client: openai | anthropic, base_url, key, model, request (native body without model and stream), stream, retries, abort_after (events)}.
Result: {text, thinking, signature, calls: [{id, name, arguments}], stop, input, cached, output} or {error: {kind, status, message, code, headers}}.
"""
import json

import anthropic
import openai


def run(job):
    try:
        return (run_openai if job["client"] == "openai" else run_anthropic)(job)
    except Exception as error:  # an SDK's own exception, or what its transport says of a broken connection
        return failed(error)


def failed(error):
    response = getattr(error, "response", None)
    body = getattr(error, "body", None)
    code = getattr(error, "code", None)
    if isinstance(body, dict):
        inner = body.get("error", body)
        code = code or (inner.get("type") if isinstance(inner, dict) else None)
    return {
        "error": {
            "kind": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "message": str(error),
            "code": code,
            "headers": dict(response.headers) if response is not None else {},
        }
    }


def openai_usage(usage):
    if usage is None:
        return {"input": None, "cached": None, "output": None}
    details = usage.prompt_tokens_details
    return {"input": usage.prompt_tokens, "cached": details.cached_tokens if details else None, "output": usage.completion_tokens, "total": usage.total_tokens}


def run_openai(job):
    client = openai.OpenAI(api_key=job["key"], base_url=job["base_url"] + "/v1", max_retries=job.get("retries", 0), timeout=30)
    if job.get("stream"):
        return stream_openai(client, job)
    answer = client.chat.completions.create(model=job["model"], **job["request"])
    message = answer.choices[0].message
    calls = [{"id": call.id, "name": call.function.name, "arguments": json.loads(call.function.arguments)} for call in message.tool_calls or []]
    thinking = (message.model_extra or {}).get("reasoning_content") or ""
    return {"text": message.content or "", "thinking": thinking, "calls": calls, "stop": answer.choices[0].finish_reason, **openai_usage(answer.usage)}


def stream_openai(client, job):
    text, thinking, calls, stop, usage, events = "", "", {}, None, None, 0
    options = {} if job.get("abort_after") else {"stream_options": {"include_usage": True}}
    with client.chat.completions.create(model=job["model"], stream=True, **options, **job["request"]) as stream:
        for chunk in stream:
            events += 1
            if events == job.get("abort_after"):
                return {"aborted": True}
            usage = chunk.usage or usage
            for choice in chunk.choices:
                stop = choice.finish_reason or stop
                text += choice.delta.content or ""
                thinking += (choice.delta.model_extra or {}).get("reasoning_content") or ""
                for call in choice.delta.tool_calls or []:
                    entry = calls.setdefault(call.index, {"id": "", "name": "", "arguments": ""})
                    entry["id"] = call.id or entry["id"]
                    entry["name"] = (call.function and call.function.name) or entry["name"]
                    entry["arguments"] += (call.function and call.function.arguments) or ""
    listed = [{**call, "arguments": json.loads(call["arguments"])} for _, call in sorted(calls.items())]
    return {"text": text, "thinking": thinking, "calls": listed, "stop": stop, "events": events, **openai_usage(usage)}


def run_anthropic(job):
    client = anthropic.Anthropic(api_key=job["key"], base_url=job["base_url"], max_retries=job.get("retries", 0), timeout=30)
    if not job.get("stream"):
        return anthropic_answer(client.messages.create(model=job["model"], **job["request"]))
    events = 0
    with client.messages.stream(model=job["model"], **job["request"]) as stream:
        for _ in stream:
            events += 1
            if events == job.get("abort_after"):
                return {"aborted": True}
        return {**anthropic_answer(stream.get_final_message()), "events": events}


def anthropic_answer(message):
    result = {"text": "", "thinking": "", "signature": "", "calls": [], "stop": message.stop_reason}
    for block in message.content:
        if block.type == "text":
            result["text"] += block.text
        elif block.type == "thinking":
            result["thinking"] += block.thinking
            result["signature"] = block.signature
        elif block.type == "tool_use":
            result["calls"].append({"id": block.id, "name": block.name, "arguments": block.input})
    usage = message.usage
    return {**result, "input": usage.input_tokens, "cached": usage.cache_read_input_tokens, "output": usage.output_tokens}
