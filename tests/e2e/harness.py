"""What the end-to-end suites stand on: a gateway, a scripted upstream and the local model, each a process of its own on a free loopback port,
stopped by process id. Nothing here knows the gateway's code: only its surface (docs/reference) and its release binary, build/gotthard."""
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("GOTTHARD_BINARY", ROOT / "build/gotthard"))
IMPOSTER = pathlib.Path(os.environ.get("GOTTHARD_IMPOSTER", ROOT / "build/dev/tests/imposter"))
ADMIN_TOKEN = "e2e-administrator-token-0123456789"
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_key(letter):
    """A well-formed client key: sk-gw-, 32 characters, and their CRC-32 in base 62."""
    body = letter * 32
    checksum, text = zlib.crc32(body.encode()), ""
    for _ in range(6):
        checksum, digit = divmod(checksum, 62)
        text = DIGITS[digit] + text
    return f"sk-gw-{body}{text}"


def wait_until(condition, seconds, what):
    """Polls `condition` until it is true; fails by name when it is not in time."""
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)


class Answer:
    """One HTTP answer, read whole."""

    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    @property
    def json(self):
        return json.loads(self.body)


def call(port, method, path, body=None, headers=None, timeout=60):
    """One request on a connection of its own. `body` may be bytes, text or anything JSON can say."""
    if body is not None and not isinstance(body, (bytes, str)):
        body = json.dumps(body)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        given = {"content-type": "application/json"} if body is not None else {}
        connection.request(method, path, body, {**given, **(headers or {})})
        return Answer(connection.getresponse())
    finally:
        connection.close()


def clean_environment(**more):
    """The environment without anybody's provider keys, proxies or client settings."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR", "ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS", "SSL_CERT_FILE")}
    return {**kept, **more}


class Process:
    """A child that is ended by its process id, kindly first."""

    def __init__(self, command, log, **options):
        self.log = pathlib.Path(log)
        with self.log.open("ab") as out:
            self.child = subprocess.Popen([str(word) for word in command], stderr=out, stdout=options.pop("stdout", out), start_new_session=True, **options)

    @property
    def pid(self):
        return self.child.pid

    def running(self):
        return self.child.poll() is None

    def stop(self, seconds=40):
        """SIGTERM, then the exit code; SIGKILL when it does not end in time."""
        if self.running():
            self.child.send_signal(signal.SIGTERM)
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise AssertionError(f"process {self.pid} did not end within {seconds} s of SIGTERM; log: {self.tail()}") from None

    def tail(self, count=4000):
        return self.log.read_text(errors="replace")[-count:]

    def resident_kib(self):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0

    def open_descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


class Imposter:
    """The scripted upstream of tests/imposter as a program; script format: tests/imposter/script.hpp."""

    def __init__(self, folder):
        self.process = Process([IMPOSTER], folder / "imposter.log", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self.process.child.stdout.readline().split()[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def script(self, *rules, strict=True):
        """Replaces the script and forgets what was seen. A rule: (path suffix, reply, ...) or a dictionary of the script format."""
        full = [rule if isinstance(rule, dict) else {"path": rule[0], "replies": list(rule[1:])} for rule in rules]
        answer = call(self.port, "PUT", "/__imposter/script", {"strict": strict, "rules": full})
        assert answer.status == 200, answer.text

    def state(self):
        return call(self.port, "GET", "/__imposter/seen").json

    def seen(self, path=""):
        """Requests whose path ends with `path`; `json` holds the parsed body, `headers` a dictionary in lower case."""
        found = []
        for request in self.state()["seen"]:
            if not request["target"].split("?")[0].endswith(path):
                continue
            request["headers"] = {name.lower(): value for name, value in request["headers"]}
            try:
                request["json"] = json.loads(request["body"])
            except ValueError:
                request["json"] = None
            found.append(request)
        return found

    def assert_nothing_refused(self):
        refusals = [f"{request['target']}: {request['refusal']}" for request in self.state()["seen"] if request["refusal"]]
        assert not refusals, f"the vendor would answer 400: {refusals}"

    def stop(self):
        self.process.child.stdin.close()
        self.process.child.wait(10)


class Gateway:
    """A gateway with a configuration and a data directory of its own. `key` is a client key that may call everything."""

    def __init__(self, folder, configuration, environment=None, arguments=()):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gateway-", dir=folder))
        self.data = self.folder / "data"
        self.port, self.admin_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.key = make_key("K")
        self.configuration = {
            "listen": f"127.0.0.1:{self.port}",
            "admin": {"listen": f"127.0.0.1:{self.admin_port}"},
            "data": str(self.data),
            "discover": False,
            "keys": [{"name": "e2e", "value": "env:E2E_KEY"}],
            **configuration,
        }
        self.file = self.folder / "gotthard.yaml"
        self.write_configuration()
        self.environment = clean_environment(**{"E2E_KEY": self.key, "GOTTHARD_ADMIN_TOKEN": ADMIN_TOKEN, **(environment or {})})
        self.environment = {name: value for name, value in self.environment.items() if value}
        self.arguments = list(arguments)
        self.process = None
        self.start()

    def write_configuration(self):
        self.file.write_text(json.dumps(self.configuration, indent=1))  # JSON is YAML

    def start(self):
        self.process = Process([BINARY, "serve", "--config", self.file, *self.arguments], self.folder / "gateway.log", env=self.environment, stdin=subprocess.DEVNULL, cwd=self.folder)
        wait_until(self.ready, 20, "the gateway is ready")

    def ready(self):
        assert self.process.running(), f"the gateway ended with {self.process.child.returncode}: {self.process.tail()}"
        try:
            return self.get("/readyz", key=None).status == 200
        except OSError:
            return False

    def get(self, path, key="default", **headers):
        return self.call("GET", path, None, key, **headers)

    def post(self, path, body, key="default", **headers):
        return self.call("POST", path, body, key, **headers)

    def call(self, method, path, body=None, key="default", **headers):
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            sent.setdefault("authorization", f"Bearer {self.key if key == 'default' else key}")
        return call(self.port, method, path, body, sent)

    def chat(self, model, text="hello", **more):
        more = {name: value for name, value in more.items()}
        headers = more.pop("headers", {})
        key = more.pop("key", "default")
        return self.post("/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": text}], **more}, key, **headers)

    def messages(self, model, text="hello", **more):
        headers = more.pop("headers", {})
        key = more.pop("key", "default")
        body = {"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": text}], **more}
        return self.post("/v1/messages", body, key, anthropic_version="2023-06-01", **headers)

    def admin(self, method, path, body=None, token=ADMIN_TOKEN, **headers):
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent["authorization"] = f"Bearer {token}"
        return call(self.admin_port, method, path, body, sent)

    def cli(self, *arguments, code=0, data=None):
        """Runs a verb of the binary in the gateway's folder and returns its standard output."""
        done = self.cli_raw(*arguments, data=data)
        assert done.returncode == code, f"gotthard {' '.join(map(str, arguments))}: exit {done.returncode}, expected {code}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def cli_raw(self, *arguments, data=None):
        command = [BINARY, *arguments, "--data", data or self.data]
        return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL)

    def records(self):
        return self.admin("GET", "/api/v1/requests?limit=200").json["data"]

    def record(self, answer):
        """The record of an answer, once the writer has stored it."""
        record_id = answer.headers["x-gotthard-id"]

        def fetch():
            found = self.admin("GET", f"/api/v1/requests/{record_id}")
            return found.json if found.status == 200 else None

        return wait_until(fetch, 10, f"record {record_id} is stored")

    def metrics(self):
        return self.admin("GET", "/metrics").text

    def metric(self, name, **labels):
        """The sum of all samples of `name` that carry these labels."""
        total = 0.0
        for line in self.metrics().splitlines():
            if line.startswith("#") or not line.startswith(name):
                continue
            sample, value = line.rsplit(" ", 1)
            if sample.split("{")[0] == name and all(f'{label}="{wanted}"' in sample for label, wanted in labels.items()):
                total += float(value)
        return total

    def stop(self):
        code = self.process.stop()
        assert code == 0, f"the gateway ended with {code}: {self.process.tail()}"

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


class LocalModel:
    """SmolLM2 in a llama.cpp server, brought by tools/local-model (once per machine; minutes when it has to be built)."""

    def __init__(self, folder, arguments=""):
        subprocess.run([ROOT / "tools/local-model/prepare"], check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        self.port = free_port()
        environment = {**os.environ, "GOTTHARD_LOCAL_MODEL_ARGUMENTS": arguments}
        self.process = Process(["setpriv", "--pdeathsig", "KILL", ROOT / "tools/local-model/serve", self.port], folder / "llama-server.log", env=environment, stdin=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{self.port}"
        wait_until(self.healthy, 60, "the local model is loaded")

    def healthy(self):
        assert self.process.running(), self.process.tail()
        try:
            return call(self.port, "GET", "/health").status == 200
        except OSError:
            return False

    def stop(self):
        self.process.stop()
