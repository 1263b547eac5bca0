"""60 seconds (GOTTHARD_SOAK_SECONDS) of load with reloads, client aborts and upstream faults at once; afterwards memory, descriptors and in-flight
counters are back where they were, and every request has its record."""
import http.client
import json
import os
import random
import signal
import threading
import time

from answers import Said, chat_stream, chat_unary, error, messages_stream, messages_unary
from harness import wait_until

SECONDS = float(os.environ.get("GOTTHARD_SOAK_SECONDS", "60"))


def ask(gateway, dice):
    """One request of a random kind, sometimes given up half-way. Returns True when it was sent."""
    provider, stream = dice.choice(["chat", "messages"]), dice.random() < 0.5
    path = dice.choice(["/v1/chat/completions", "/v1/messages"])
    body = {"model": f"{provider}/m", "stream": stream, "max_tokens": 50, "messages": [{"role": "user", "content": "x" * dice.choice([1, 1000, 40000])}]}
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    try:
        connection.request("POST", path, json.dumps(body), {"authorization": f"Bearer {gateway.key}", "anthropic-version": "2023-06-01", "content-type": "application/json"})
        if dice.random() < 0.15:
            return
        answer = connection.getresponse()
        if dice.random() < 0.15:
            answer.read(10)
            return
        answer.read()
    except (OSError, http.client.HTTPException):
        pass
    finally:
        connection.close()


def steady(gateway):
    """Resident memory, descriptors and in-flight requests once nothing is going on."""
    wait_until(lambda: gateway.metric("gotthard_inflight") == 0, 20, "nothing is in flight")
    return gateway.process.resident_kib(), gateway.process.open_descriptors()


def test_everything_is_back_where_it_was(start_gateway, upstream):
    gateway = start_gateway({"timeouts": {"first_token": "2s", "idle": "2s"}, "retry": {"max_attempts": 2}})
    text = Said(text="some words of an answer " * 20)
    faults = [error("chat", 500, "ill"), error("chat", 429, "busy", {"retry-after": "1"}), {"raw": "garbage\r\n\r\n"}, {"text": "<html>", "status": 502}, {**chat_stream(text), "cut_at": 500, "ending": "reset"}]
    rules = []
    for path, unary, stream in (("/chat/completions", chat_unary(text), chat_stream(text)), ("/messages", messages_unary(text), messages_stream(text))):
        rules.append({"path": path, "body_contains": '"stream":true', "replies": [stream] * 8})
        rules.append({"path": path, "replies": [unary] * 8})
    upstream.script(*rules, strict=False)
    stop = time.monotonic() + SECONDS
    warm = random.Random(1)
    for _ in range(300):
        ask(gateway, warm)
    memory, descriptors = steady(gateway)

    def load(seed):
        dice = random.Random(seed)
        while time.monotonic() < stop:
            ask(gateway, dice)

    threads = [threading.Thread(target=load, args=(seed,)) for seed in range(12)]
    for thread in threads:
        thread.start()
    number = 0
    while time.monotonic() < stop:
        number += 1
        gateway.configuration["models"] = {f"alias{number}": {"use": "chat/m"}}
        gateway.write_configuration()
        os.kill(gateway.process.pid, signal.SIGHUP)
        broken = {"path": "*", "replies": [*faults, faults[number % len(faults)]]}
        upstream.script(*([broken] if number % 2 else rules), strict=False)
        stop_waiting = time.monotonic() + 1
        wait_until(lambda: time.monotonic() > stop_waiting, 2, "a second has passed")  # noqa: B023
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a request hangs"
    assert gateway.process.running(), gateway.process.tail()
    after_memory, after_descriptors = steady(gateway)
    assert after_descriptors <= descriptors + 8, (descriptors, after_descriptors)
    assert after_memory <= memory * 1.5 + 4096, (memory, after_memory)
    assert gateway.metric("gotthard_records_dropped_total") == 0
    upstream.script(*rules, strict=False)
    assert gateway.chat("chat/m").status == 200
