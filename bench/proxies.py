"""The processes of the benchmark: upstreams, nginx, Gotthard, load; each pinned to its core, each ended by its process id."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = pathlib.Path(os.environ.get("GOTTHARD_BINARY", ROOT / "build/gotthard")).resolve()
TOOLS = ROOT / "build/bench"
CORES = sorted(os.sched_getaffinity(0))
PROXY_CORE, OTHER_CORE = CORES[0], CORES[-1]
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_key(letter="B"):
    body = letter * 32
    checksum, text = zlib.crc32(body.encode()), ""
    for _ in range(6):
        checksum, digit = divmod(checksum, 62)
        text = DIGITS[digit] + text
    return f"sk-gw-{body}{text}"


def nginx_version():
    return subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr.split(":")[1].strip()


def gotthard_version():
    return subprocess.run([BINARY, "version"], capture_output=True, text=True, check=False).stdout.strip().removeprefix("gotthard").strip()


def build_tools():
    TOOLS.mkdir(parents=True, exist_ok=True)
    for name in ("upstream", "load"):
        source = ROOT / f"bench/tools/{name}.cpp"
        target = TOOLS / name
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            subprocess.run(["clang++-19", "-std=c++23", "-O2", source, "-o", target], check=True)


def pinned(core, command, **options):
    command = [str(word) for word in command]
    return subprocess.Popen(["taskset", "-c", str(core), *command], stdin=options.pop("stdin", subprocess.DEVNULL), **options)


def end(process):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(port, seconds=20):
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.01)
    raise RuntimeError(f"nothing listens on port {port}")


class Proxy:
    """A measured process. `pids` are what its CPU time and memory are summed over."""

    def cpu_seconds(self):
        total = 0
        for pid in self.pids():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICK

    def resident_kib(self):
        total = 0
        for pid in self.pids():
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            total += int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")))
        return total


class Nginx(Proxy):
    name = "nginx"

    def __init__(self, folder, chat_port, messages_port):
        self.port = free_port()
        self.key = "none"
        folder = folder / "nginx"
        folder.mkdir()
        servers = "\n".join(f"upstream u{port} {{ server 127.0.0.1:{port}; keepalive 6000; keepalive_requests 1000000000; }}" for port in (chat_port, messages_port))
        (folder / "nginx.conf").write_text(f"""
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log crit; worker_rlimit_nofile 19000;
events {{ worker_connections 18000; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 3600s; tcp_nodelay on; client_body_buffer_size 128k; client_max_body_size 64m;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffers 16 8k;
  {servers}
  server {{
    listen 127.0.0.1:{self.port} backlog=65535;
    location /v1/chat/completions {{ proxy_pass http://u{chat_port}; }}
    location /v1/messages {{ proxy_pass http://u{messages_port}; }}
    location /stream/ {{ proxy_buffering off; proxy_pass http://u{chat_port}/; }}
  }}
}}
""")
        self.process = pinned(PROXY_CORE, ["nginx", "-p", folder, "-c", folder / "nginx.conf"])
        wait_for(self.port)

    def path(self, dialect="chat", stream=False):
        return ("/stream/v1/chat/completions") if stream else "/v1/chat/completions"

    def pids(self):
        return [self.process.pid]

    def stop(self):
        end(self.process)


class Gotthard(Proxy):
    name = "gotthard"

    def __init__(self, folder, chat_port, messages_port, wrapper=(), core=PROXY_CORE, wait=True, name="gotthard"):
        self.port, self.key = free_port(), make_key()
        folder = folder / f"{name}-{self.port}"
        folder.mkdir()
        providers = {
            "chat": {"type": "openai_compatible", "base_url": f"http://127.0.0.1:{chat_port}/v1", "api_key": "env:UPSTREAM_KEY", "models": ["*"]},
            "claude": {"type": "anthropic", "base_url": f"http://127.0.0.1:{messages_port}", "api_key": "env:UPSTREAM_KEY", "models": ["*"]},
        }
        configuration = {
            "listen": f"127.0.0.1:{self.port}",
            "admin": {"listen": f"127.0.0.1:{free_port()}"},
            "data": str(folder / "data"),
            "discover": False,
            "threads": 1,
            "providers": providers,
            "keys": [{"name": "bench", "value": "env:BENCH_KEY"}],
            "prices": [{"model": "*/*", "input": 3, "output": 15}],
        }
        (folder / "gotthard.yaml").write_text(json.dumps(configuration))
        environment = {"PATH": os.environ["PATH"], "BENCH_KEY": self.key, "UPSTREAM_KEY": "upstream", "GOTTHARD_ADMIN_TOKEN": "bench-administrator-token"}
        self.log = (folder / "log").open("wb")
        self.process = pinned(core, [*wrapper, BINARY, "serve", "--config", folder / "gotthard.yaml"], env=environment, stdout=self.log, stderr=self.log, cwd=folder)
        if wait:
            wait_for(self.port, 120)

    def path(self, dialect="chat", stream=False):
        return "/v1/chat/completions"

    def pids(self):
        return [self.process.pid]

    def stop(self):
        end(self.process)


class Direct(Proxy):
    """No proxy: what load and upstream cost by themselves."""

    name = "direct"

    def __init__(self, port):
        self.port, self.key = port, "none"

    def path(self, dialect="chat", stream=False):
        return "/v1/chat/completions"


class Setting:
    def __init__(self, folder):
        build_tools()
        self.folder = folder
        self.chat_port, self.messages_port = free_port(), free_port()
        self.upstreams = [pinned(OTHER_CORE, [TOOLS / "upstream", "--port", port, "--dialect", dialect]) for port, dialect in ((self.chat_port, "chat"), (self.messages_port, "messages"))]
        for port in (self.chat_port, self.messages_port):
            wait_for(port)
        self.nginx = Nginx(folder, self.chat_port, self.messages_port)
        self.gotthard = Gotthard(folder, self.chat_port, self.messages_port)
        self.direct = Direct(self.chat_port)

    def fresh(self, kind):
        """Another process of a kind, for what must start from nothing."""
        if kind == "nginx":
            folder = self.folder / f"fresh-{time.monotonic_ns()}"
            folder.mkdir()
            return Nginx(folder, self.chat_port, self.messages_port)
        return Gotthard(self.folder, self.chat_port, self.messages_port)

    def body(self, model, size, stream=False):
        """A request file of about `size` bytes; the upstream answers as the model's name says."""
        file = self.folder / f"{model.replace('/', '_')}-{size}-{stream}.json"
        if not file.exists():
            request = {"model": model, "stream": stream, "max_tokens": 500, "temperature": 0.7, "messages": [{"role": "system", "content": "You are a helpful assistant."}]}
            text, turn = json.dumps(request), 0
            while len(text) < size:
                role = "user" if turn % 2 == 0 else "assistant"
                request["messages"].append({"role": role, "content": ("How do trains climb to the tunnel? " * 20)[: max(16, min(480, size - len(text) - 40))]})
                text, turn = json.dumps(request, separators=(",", ":")), turn + 1
            file.write_text(text)
        return file

    def load(self, proxy, mode, body, stream=False, **options):
        """Arguments of the load program."""
        words = [TOOLS / "load", mode, "--port", proxy.port, "--path", proxy.path(stream=stream), "--header", f"authorization: Bearer {proxy.key}", "--body", body]
        for name, value in options.items():
            words += [f"--{name}", value]
        return words

    def run_load(self, proxy, mode, body, stream=False, **options):
        done = subprocess.run(["taskset", "-c", str(OTHER_CORE), *[str(word) for word in self.load(proxy, mode, body, stream, **options)]], capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"load {mode} on {proxy.name} failed: {done.stdout} {done.stderr}")
        return json.loads(done.stdout)

    def stop(self):
        self.nginx.stop()
        self.gotthard.stop()
        for upstream in self.upstreams:
            end(upstream)
