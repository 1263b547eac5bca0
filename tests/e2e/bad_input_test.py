"""Whatever arrives on the wire gets a clear error in the client's dialect and nothing else: the process lives, answers the next request, and
nothing of a refused request reaches an upstream. Raw sockets, because no client library would send this."""
import json
import random
import socket
import time

import pytest
from answers import Said, chat_unary
from harness import wait_until

BODY = json.dumps({"model": "chat/m", "messages": [{"role": "user", "content": "hi"}]})


def exchange(port, request, seconds=15, finish=False):
    """Sends bytes, reads until the gateway closes or a whole answer has come; returns (status, headers, body)."""
    with socket.create_connection(("127.0.0.1", port), seconds) as link:
        for part in request if isinstance(request, list) else [request]:
            try:
                link.sendall(part if isinstance(part, bytes) else part.encode("latin-1"))
            except (BrokenPipeError, ConnectionResetError):
                break  # refused before all was sent: the answer is there already
        if finish:
            link.shutdown(socket.SHUT_WR)
        return read_answer(link)


def read_answer(link):
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            got = link.recv(65536)
        except ConnectionResetError:
            got = b""
        if not got:
            return 0, {}, data
        data += got
    head, body = data.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}
    length = int(headers.get("content-length", "0"))
    while len(body) < length:
        got = link.recv(65536)
        if not got:
            break
        body += got
    return int(lines[0].split()[1]), headers, body


def request(gateway, *headers, path="/v1/chat/completions", body=BODY, method="POST", version="HTTP/1.1", length=True):
    lines = [f"{method} {path} {version}", "host: gw", f"authorization: Bearer {gateway.key}", "content-type: application/json", *headers]
    if length:
        lines.append(f"content-length: {len(body.encode()) if isinstance(body, str) else len(body)}")
    head = "\r\n".join(lines) + "\r\n\r\n"
    return head.encode("latin-1") + (body.encode() if isinstance(body, str) else body)


@pytest.fixture(autouse=True)
def answering_upstream(upstream, gateway):
    upstream.script(("*", chat_unary(Said(text="fine"))), strict=False)
    yield
    assert gateway.process.running(), gateway.process.tail()
    assert gateway.chat("chat/m").status == 200


def assert_refused(answer, upstream, statuses=(400,)):
    status, headers, body = answer
    assert status in statuses, (status, body[:300])
    error = json.loads(body)["error"]
    assert error["message"]
    assert upstream.seen() == []


SMUGGLING = {
    "content-length with transfer-encoding": ["content-length: 4", "transfer-encoding: chunked"],
    "two lengths that differ": ["content-length: 4", "content-length: 5"],
    "list of lengths": ["content-length: 4, 5"],
    "negative length": ["content-length: -1"],
    "signed length": ["content-length: +4"],
    "hexadecimal length": ["content-length: 0x4"],
    "length beyond 64 bits": ["content-length: 99999999999999999999"],
    "unknown transfer coding": ["transfer-encoding: gzip"],
    "chunked not last": ["transfer-encoding: chunked, gzip"],
    "hidden chunked": ["transfer-encoding: xchunked"],
    "space before colon": ["content-length : 4"],
    "obs-fold": ["x-a: b\r\n c: d", "content-length: 4"],
    "NUL in a value": ["x-a: b\0c", "content-length: 4"],
    "CR in a value": ["x-a: b\rc", "content-length: 4"],
    "no colon": ["nonsense", "content-length: 4"],
    "empty name": [": x", "content-length: 4"],
}


@pytest.mark.parametrize("headers", SMUGGLING.values(), ids=SMUGGLING.keys())
def test_smuggling_is_refused_and_the_connection_closed(gateway, upstream, headers):
    answer = exchange(gateway.port, request(gateway, *headers, length=False) + b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n")
    assert_refused(answer, upstream, (400, 413, 431, 501))


def test_bare_line_feeds_are_refused(gateway, upstream):
    answer = exchange(gateway.port, request(gateway).replace(b"\r\n", b"\n"), finish=True)
    assert_refused(answer, upstream)


def test_two_hosts_are_refused(gateway, upstream):
    assert_refused(exchange(gateway.port, request(gateway, "host: other")), upstream)


@pytest.mark.parametrize("chunks", [b"zz\r\nabc\r\n0\r\n\r\n", b"-1\r\n\r\n0\r\n\r\n", b"ffffffffffffffffff\r\nabc", b"3\nabc\n0\n\n", b"3\r\nabcd\r\n0\r\n\r\n", b"3 \x00\r\nabc\r\n0\r\n\r\n"])
def test_malformed_chunks_are_refused(gateway, upstream, chunks):
    answer = exchange(gateway.port, request(gateway, "transfer-encoding: chunked", length=False, body=b"") + chunks, finish=True)
    assert_refused(answer, upstream)


def test_a_chunked_body_in_single_bytes_is_fine(gateway):
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in BODY.encode()) + b"0\r\n\r\n"
    status, _, body = exchange(gateway.port, request(gateway, "transfer-encoding: chunked", length=False, body=b"") + chunks)
    assert status == 200, body


def test_garbage_instead_of_http_is_refused(gateway, upstream):
    for garbage in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), b"hello\r\n\r\n", b"GET\r\n\r\n", b"\x00" * 100, b"POST /v1/chat/completions HTTP/9.9\r\n\r\n"):
        status, _, _ = exchange(gateway.port, garbage, finish=True)
        assert status in (0, 400, 505), (garbage, status)
    assert upstream.seen() == []


def test_a_head_that_is_too_large_is_refused(gateway, upstream):
    assert_refused(exchange(gateway.port, request(gateway, "x-filler: " + "a" * 70_000)), upstream, (431,))
    assert_refused(exchange(gateway.port, request(gateway, *[f"x-{i}: a" for i in range(20_000)])), upstream, (431,))
    status, _, _ = exchange(gateway.port, b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n")
    assert status in (414, 431)


def test_a_body_that_is_too_large_is_refused_before_it_is_read(gateway, upstream):
    answer = exchange(gateway.port, request(gateway, f"content-length: {33 << 20}", length=False, body=b"{"))
    assert_refused(answer, upstream, (413,))
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    answer = exchange(gateway.port, [request(gateway, "transfer-encoding: chunked", length=False, body=b""), *[chunk] * 33, b"0\r\n\r\n"])
    assert_refused(answer, upstream, (413,))


def test_a_large_body_within_the_limit_is_fine(gateway, upstream):
    """G-12."""
    content = "x" * (30 << 20)
    assert gateway.chat("chat/m", content).status == 200
    assert upstream.seen()[0]["body_size"] > 30 << 20


def test_a_slow_head_is_cut_off(start_gateway):
    slow = start_gateway({"limits": {"header_time": "1s"}})
    with socket.create_connection(("127.0.0.1", slow.port), 10) as link:
        link.sendall(b"GET /healthz HTTP/1.1\r\nx-a: ")
        started = time.monotonic()
        status, _, _ = read_answer(link)
        assert status in (0, 408)
        assert time.monotonic() - started < 5


def test_a_slow_head_in_drops_is_cut_off_too(start_gateway):
    """Bytes that trickle do not extend the time for the head."""
    slow = start_gateway({"limits": {"header_time": "1s"}})
    with socket.create_connection(("127.0.0.1", slow.port), 10) as link:
        started = time.monotonic()
        link.sendall(b"GET /healthz HTTP/1.1\r\nx-a: ")
        try:
            while time.monotonic() - started < 8:
                link.sendall(b"a")
                link.settimeout(0.1)
                try:
                    if link.recv(100) is not None:
                        break
                except TimeoutError:
                    pass
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert time.monotonic() - started < 5


BODIES = {
    "empty": b"",
    "not JSON": b"hello",
    "cut JSON": BODY[:-5].encode(),
    "text after JSON": BODY.encode() + b"{}",
    "an array": b"[]",
    "a string": b'"x"',
    "null": b"null",
    "nested 100,000 deep": b'{"model":"chat/m","messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "open brackets only": b"[" * 200_000,
    "objects nested deep": b'{"a":' * 100_000,
    "a repeated model": b'{"model":"chat/a","model":"chat/b","messages":[{"role":"user","content":"x"}]}',
    "an escaped model key": b'{"mod\\u0065l":"chat/b","model":"chat/a","messages":[{"role":"user","content":"x"}]}',
    "a repeated stream": b'{"model":"chat/a","stream":false,"stream":true,"messages":[{"role":"user","content":"x"}]}',
    "invalid UTF-8": b'{"model":"chat/m","messages":[{"role":"user","content":"\xff\xfe"}]}',
    "an overlong sequence": b'{"model":"chat/m","messages":[{"role":"user","content":"\xc0\xaf"}]}',
    "a surrogate as bytes": b'{"model":"chat/m","messages":[{"role":"user","content":"\xed\xa0\x80"}]}',
    "a control character": b'{"model":"chat/m","messages":[{"role":"user","content":"a\x01b"}]}',
    "single quotes": b"{'model':'chat/m'}",
    "a comment": b'{"model":"chat/m",/* x */"messages":[]}',
    "a trailing comma": b'{"model":"chat/m","messages":[],}',
    "NaN": b'{"model":"chat/m","messages":[{"role":"user","content":"x"}],"temperature":NaN}',
    "a byte order mark twice": b"\xef\xbb\xbf\xef\xbb\xbf{}",
    "no model": b'{"messages":[{"role":"user","content":"x"}]}',
    "a model that is a number": b'{"model":7,"messages":[{"role":"user","content":"x"}]}',
    "an empty model": b'{"model":"","messages":[{"role":"user","content":"x"}]}',
}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_body_that_is_not_a_request_is_refused(gateway, upstream, path, body):
    status, _, answer = exchange(gateway.port, request(gateway, "anthropic-version: 2023-06-01", path=path, body=body))
    assert status in (400, 404, 422), (status, answer[:300])
    error = json.loads(answer)
    assert error["error"]["message"]
    assert ("type" in error) == (path == "/v1/messages")
    assert upstream.seen() == []


def test_a_lone_surrogate_is_refused_or_passed_but_never_breaks_anything(gateway, upstream):
    status, _, body = exchange(gateway.port, request(gateway, body='{"model":"chat/m","messages":[{"role":"user","content":"a\\ud800b"}]}'))
    assert status in (200, 400), body
    status, _, body = exchange(gateway.port, request(gateway, "anthropic-version: 2023-06-01", path="/v1/messages", body='{"model":"chat/m","max_tokens":5,"messages":[{"role":"user","content":"a\\udc00b"}]}'))
    assert status in (200, 400), body
    for sent in upstream.seen():
        assert sent["json"] is not None  # whatever was sent on is JSON


@pytest.mark.parametrize("key", ["", "x", "sk-gw-", "sk-gw-" + "A" * 38, "sk-gw-" + "A" * 4000, "sk-ant-" + "B" * 90, "\xff\xfe\xfd", "a b c", "Bearer Bearer"])
def test_a_wrong_key_of_any_length_is_401(gateway, upstream, key):
    """G-2, G-4."""
    for header in (f"authorization: Bearer {key}", f"x-api-key: {key}"):
        raw = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\n{header}\r\nanthropic-version: 2023-06-01\r\ncontent-length: {len(BODY)}\r\n\r\n{BODY}".encode("latin-1")
        status, headers, body = exchange(gateway.port, raw)
        assert status == 401, (status, body)
        assert headers.get("x-should-retry") == "false"
        assert json.loads(body)["error"]["type"] == "authentication_error"
        if len(key) > 4:
            assert key.encode("latin-1") not in body
    assert upstream.seen() == []


def test_every_place_for_a_key_works(gateway):
    """G-1."""
    for header in (f"authorization: Bearer {gateway.key}", f"x-api-key: {gateway.key}", f"x-goog-api-key: {gateway.key}", f"api-key: {gateway.key}", f"Authorization: bearer {gateway.key}"):
        raw = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n{header}\r\ncontent-length: {len(BODY)}\r\n\r\n{BODY}".encode()
        status, _, body = exchange(gateway.port, raw)
        assert status == 200, (header.split(":")[0], body)
    raw = f"POST /v1/chat/completions?key={gateway.key} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(BODY)}\r\n\r\n{BODY}".encode()
    assert exchange(gateway.port, raw)[0] == 200


def test_the_clients_key_never_goes_upstream(gateway, upstream):
    raw = request(gateway, f"x-api-key: {gateway.key}", f"api-key: {gateway.key}", f"x-goog-api-key: {gateway.key}", path=f"/v1/chat/completions?key={gateway.key}")
    assert exchange(gateway.port, raw)[0] == 200
    sent = upstream.seen()[0]
    assert gateway.key not in json.dumps(sent)
    assert sent["headers"]["authorization"] == "Bearer upstream-secret-key"


def test_unknown_paths_are_404_in_json_for_any_method(gateway):
    """G-9."""
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"):
        answer = gateway.call(method, "/no/such/path", None)
        assert answer.status in (204, 404, 405, 501), (method, answer.status)
        if answer.status != 204:
            assert answer.headers["content-type"].startswith("application/json")
    assert gateway.get("/v1/../admin").status in (400, 404)
    assert gateway.get("/v1/%2e%2e/%00").status in (400, 404)


def test_a_wrong_method_is_refused(gateway):
    assert gateway.get("/v1/chat/completions").status in (404, 405)


def test_probes_work_without_a_key(gateway):
    """CC-14."""
    for path in ("/", "/api/hello"):
        answer = gateway.call("HEAD", path, key=None)
        assert (answer.status, answer.body) == (200, b"")


def test_pipelined_requests_are_answered_in_order(gateway, upstream):
    upstream.script({"path": "*", "body_contains": "first", "replies": [chat_unary(Said(text="one"))]}, {"path": "*", "replies": [chat_unary(Said(text="two"))]})
    first, second = (request(gateway, body=json.dumps({"model": "chat/m", "messages": [{"role": "user", "content": word}]})) for word in ("first", "second"))
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as link:
        link.sendall(first + second)
        assert b'"one"' in read_answer(link)[2]


def test_expect_continue_is_honoured(gateway):
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as link:
        whole = request(gateway, "expect: 100-continue")
        head, body = whole.split(b"\r\n\r\n", 1)
        link.sendall(head + b"\r\n\r\n")
        assert link.recv(100).startswith(b"HTTP/1.1 100")
        link.sendall(body)
        assert read_answer(link)[0] == 200


def test_random_bytes_never_end_the_process(gateway, upstream):
    dice = random.Random(20261125)
    whole = request(gateway)
    for _ in range(300):
        broken = bytearray(whole)
        for _ in range(dice.randint(1, 6)):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        try:
            exchange(gateway.port, bytes(broken[: dice.randint(1, len(broken))]), finish=True)
        except OSError:
            pass
    assert gateway.process.running()


def test_connections_that_vanish_leave_nothing_behind(gateway):
    before = gateway.process.open_descriptors()
    links = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(200)]
    for number, link in enumerate(links):
        link.sendall(request(gateway)[: number % 150])
        link.close()
    wait_until(lambda: gateway.process.open_descriptors() <= before + 4, 15, "the descriptors are back")
