"""Claude Code from npm, in print mode, with ANTHROPIC_BASE_URL at the gateway, on an upstream that speaks OpenAI chat only and is as strict as
OpenAI. The upstream plays the model: each test scripts the turns and then reads what Claude Code did with them (clients.md section 2)."""
import json
import subprocess

import pytest
from answers import Said, chat_chunk, chat_error, chat_stream
from harness import ROOT, clean_environment

CLAUDE = ROOT / "build/node/node_modules/.bin/claude"


@pytest.fixture
def claude(gateway, tmp_path):
    """Runs one prompt; returns the events of stream-json. Its home and its project are empty folders."""
    home, project = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    project.mkdir()
    (project / "notes.txt").write_text("The tunnel is 15 km long.\n")
    (project / "more.txt").write_text("The pass is 2106 m high.\n")

    def run(prompt, model="chat/gpt-5.4", *arguments, seconds=120, code=0, **environment):
        settings = {
            "HOME": str(home),
            "ANTHROPIC_BASE_URL": gateway.url,
            "ANTHROPIC_API_KEY": gateway.key,
            "ANTHROPIC_MODEL": model,
            "ANTHROPIC_DEFAULT_HAIKU_MODEL": model,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
            "IS_SANDBOX": "1",
            **environment,
        }
        command = [CLAUDE, "-p", prompt, "--output-format", "stream-json", "--verbose", "--allowedTools", "Bash,Read,Write", *arguments]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=seconds, cwd=project, env=clean_environment(**settings), stdin=subprocess.DEVNULL)
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-2000:]}"
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    run.project = project
    return run


def result_of(events):
    return next(event for event in events if event["type"] == "result")


def turns(upstream):
    """The bodies of the calls that carry tools: the conversation, without side calls."""
    return [request["json"] for request in upstream.seen("/chat/completions") if request["json"].get("tools")]


def script(upstream, *replies):
    """Calls without tools (side calls) get a short text; the conversation gets the turns."""
    upstream.script({"path": "/chat/completions", "body_contains": '"tools"', "replies": list(replies)}, ("/chat/completions", chat_stream(Said(text="ok"))))


def test_a_single_turn(claude, upstream):
    script(upstream, chat_stream(Said(text="Grüezi, the tunnel is open.")))
    result = result_of(claude("Is the tunnel open?"))
    assert result["result"] == "Grüezi, the tunnel is open." and not result["is_error"]
    upstream.assert_nothing_refused()
    sent = turns(upstream)[0]
    assert sent["model"] == "gpt-5.4" and sent["stream"] is True and sent["stream_options"] == {"include_usage": True}
    # CC-8: nothing that only Anthropic understands, and not the billing line
    text = json.dumps(sent)
    for word in ("cache_control", "context_management", "x-anthropic-billing-header", "$schema", "defer_loading"):
        assert word not in text, word
    assert {"Bash", "Read", "Write"} <= {tool["function"]["name"] for tool in sent["tools"]}


def test_several_turns_with_tools_parallel_tools_and_thinking(claude, upstream):
    project = claude.project
    script(
        upstream,
        chat_stream(Said(thinking="I should look at both files.", text="Reading.", stop="tool", calls=(
            ("call_r1", "Read", {"file_path": str(project / "notes.txt")}),
            ("call_r2", "Read", {"file_path": str(project / "more.txt")}),
        ))),
        chat_stream(Said(thinking="Now write.", stop="tool", calls=(("call_b1", "Bash", {"command": "echo 15 km > answer.txt && cat answer.txt", "description": "write"}),))),
        chat_stream(Said(text="Done: 15 km.")),
    )
    events = claude("How long is the tunnel? Write it down.")
    assert result_of(events)["result"] == "Done: 15 km."
    assert (project / "answer.txt").read_text() == "15 km\n"
    upstream.assert_nothing_refused()
    first, second, third = turns(upstream)
    results = {entry["tool_call_id"]: json.dumps(entry["content"]) for entry in second["messages"] if entry["role"] == "tool"}
    assert "15 km long" in results["call_r1"] and "2106" in results["call_r2"]
    roles = [entry["role"] for entry in second["messages"]]
    at = next(index for index, entry in enumerate(second["messages"]) if entry.get("tool_calls"))
    assert roles[at + 1 : at + 3] == ["tool", "tool"]
    assert any(entry["role"] == "tool" and entry["tool_call_id"] == "call_b1" for entry in third["messages"])
    thoughts = [block["thinking"] for event in events if event["type"] == "assistant" for block in event["message"]["content"] if block["type"] == "thinking"]
    assert any("both files" in thought for thought in thoughts)


def test_a_tool_that_fails_goes_back_as_an_error(claude, upstream):
    script(upstream, chat_stream(Said(stop="tool", calls=(("call_x", "Read", {"file_path": str(claude.project / "missing.txt")}),))), chat_stream(Said(text="It is not there.")))
    assert result_of(claude("Read missing.txt"))["result"] == "It is not there."
    upstream.assert_nothing_refused()


def test_usage_is_what_the_upstream_counted(claude, upstream):
    script(upstream, chat_stream(Said(text="counted", input_tokens=5000, cached_tokens=3000, output_tokens=77)))
    usage = result_of(claude("Count"))["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (2000, 3000, 77)


def test_a_429_with_retry_after_is_waited_for(claude, upstream):
    """CC-11, G-3."""
    script(upstream, chat_error(429, "slow down", "requests", "rate_limit_exceeded", {"retry-after": "1"}), chat_stream(Said(text="after the wait")))
    assert result_of(claude("Try"))["result"] == "after the wait"
    assert len(turns(upstream)) == 2


def test_an_error_in_the_middle_of_a_stream_is_repeated_and_recovers(claude, upstream):
    """G-13, CC-5: the fallback is a request without stream."""
    broken = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in [chat_chunk({"role": "assistant", "content": ""}), chat_chunk({"content": "half an ans"})])
    broken += 'data: {"error":{"message":"engine died","type":"server_error","param":null,"code":null}}\n\n'
    from answers import chat_unary

    upstream.script(
        {"path": "/chat/completions", "body_contains": '"stream":true', "replies": [{"pieces": [{"text": broken}], "framing": "chunked", "headers": {"content-type": "text/event-stream"}}, chat_stream(Said(text="whole again"))]},
        ("/chat/completions", chat_unary(Said(text="whole again"))),
    )
    assert result_of(claude("Try"))["result"] == "whole again"


def test_a_cut_stream_is_repeated_and_recovers(claude, upstream):
    script(upstream, {**chat_stream(Said(text="this answer is cut somewhere in the middle")), "cut_at": 800, "ending": "reset"}, chat_stream(Said(text="whole again")))
    assert result_of(claude("Try"))["result"] == "whole again"


def test_a_wrong_key_stops_at_once(claude, upstream):
    """CC-11: a plain 401 would be retried for more than a minute."""
    script(upstream, chat_stream(Said(text="never")))
    events = claude("Hi", seconds=30, code=1, ANTHROPIC_API_KEY="sk-gw-wrong")
    assert result_of(events)["is_error"]
    assert upstream.seen() == []


def test_context_counts_tokens_on_a_chat_upstream(gateway, upstream):
    """CC-6: a burst as /context sends it."""
    body = {"model": "chat/gpt-5.4", "messages": [{"role": "user", "content": "foo"}], "tools": [{"name": "Bash", "description": "run", "input_schema": {"type": "object"}}]}
    for _ in range(34):
        answer = gateway.post("/v1/messages/count_tokens?beta=true", body, anthropic_version="2023-06-01", anthropic_beta="token-counting-2024-11-01")
        assert answer.status == 200 and answer.json["input_tokens"] > 0
    assert upstream.seen() == []


def test_on_an_anthropic_upstream_its_own_bytes_go_through(gateway, upstream, claude):
    from answers import messages_stream

    upstream.script(("/messages", messages_stream(Said(text="native"))), strict=False)
    assert result_of(claude("Hi", "messages/claude-sonnet-4-5"))["result"] == "native"
    request = upstream.seen("/messages")[0]
    assert request["headers"]["x-api-key"] == "upstream-secret-key" and "anthropic-beta" in request["headers"]
    assert "context_management" in request["json"] and "x-anthropic-billing-header" in json.dumps(request["json"]["system"])
    assert gateway.key not in json.dumps(request)
