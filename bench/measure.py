"""One function per part of bench/RESULTS.md; each returns lines of Markdown."""
import http.client
import pathlib
import re
import statistics
import subprocess
import time

import proxies
from proxies import OTHER_CORE, Gotthard, end

WRK = pathlib.Path(__file__).resolve().parent / "post.lua"


def table(head, rows):
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *["| " + " | ".join(row) + " |" for row in rows]]


def wrk(proxy, body, connections, seconds):
    """Requests that wrk got answered well."""
    command = ["taskset", "-c", str(OTHER_CORE), "wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "30s", "-s", str(WRK), f"http://127.0.0.1:{proxy.port}{proxy.path()}", "--", str(body), proxy.key]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=True).stdout
    if "Non-2xx" in printed or "Socket errors" in printed:
        raise RuntimeError(f"{proxy.name}: {printed}")
    return int(re.search(r"(\d+) requests in", printed).group(1)), float(re.search(r"Requests/sec:\s*([\d.]+)", printed).group(1))


def cpu_per_request(proxy, body, connections, seconds):
    before = proxy.cpu_seconds()
    requests, rate = wrk(proxy, body, connections, seconds)
    time.sleep(0.2)  # records that are still on their way count too
    return (proxy.cpu_seconds() - before) / requests * 1e6, rate


def alternating(rounds, measured):
    """Median of each measured thing over alternating rounds; `measured`: name -> function."""
    seen = {name: [] for name in measured}
    for _ in range(rounds):
        for name, function in measured.items():
            seen[name].append(function())
    return {name: statistics.median(values) if not isinstance(values[0], tuple) else tuple(statistics.median(column) for column in zip(*values)) for name, values in seen.items()}


def cpu(setting, options):
    rows = []
    for label, size in (("1 KB", 1024), ("20 KB", 20 * 1024)):
        kind = "json-1k" if size == 1024 else "json-20k"
        plain, through, translated = setting.body(kind, size), setting.body(f"chat/{kind}", size), setting.body(f"claude/{kind}", size)
        runs = {
            "nginx": lambda: cpu_per_request(setting.nginx, plain, 64, options.seconds),
            "pass": lambda: cpu_per_request(setting.gotthard, through, 64, options.seconds),
            "translated": lambda: cpu_per_request(setting.gotthard, translated, 64, options.seconds),
        }
        for run in runs.values():  # warm
            run()
        result = alternating(options.rounds, runs)
        base = result["nginx"][0]
        for name, text in (("nginx", "nginx proxy_pass"), ("pass", "gotthard, pass-through"), ("translated", "gotthard, chat to messages")):
            cost, rate = result[name]
            goal = {("1 KB", "pass"): "<= 0.75", ("1 KB", "translated"): "<= 1.0", ("20 KB", "pass"): "<= 1.1"}.get((label, name), "")
            if (label, name) == ("20 KB", "translated"):
                goal = f"<= 1.5 x pass-through (is {cost / result['pass'][0]:.2f})"
            rows.append([label, text, f"{cost:.1f} us", f"{cost / base:.2f}", goal, f"{rate:,.0f}/s"])
    return ["## CPU per request, 64 connections", "", *table(["size", "proxy", "CPU", "x nginx", "goal", "rate"], rows)]


def streams(setting, options):
    def per_event(proxy, body, stream):
        def run():
            before = proxy.cpu_seconds()
            seen = setting.run_load(proxy, "streams", body, stream, connections=64, seconds=options.seconds)
            return (proxy.cpu_seconds() - before) / seen["events"] * 1e6, seen["events"] / seen["seconds"]

        return run

    runs = {
        "nginx": per_event(setting.nginx, setting.body("flood", 1024, True), True),
        "pass": per_event(setting.gotthard, setting.body("chat/flood", 1024, True), False),
        "translated": per_event(setting.gotthard, setting.body("claude/flood", 1024, True), False),
    }
    result = alternating(options.rounds, runs)
    base = result["nginx"][0]
    rows = []
    for name, text, goal in (("nginx", "nginx, proxy_buffering off", ""), ("pass", "gotthard, pass-through", "<= 0.6"), ("translated", "gotthard, messages to chat", "<= 1.0")):
        cost, rate = result[name]
        rows.append([text, f"{cost:.2f} us", f"{cost / base:.2f}", goal, f"{rate:,.0f}/s"])
    return ["## CPU per streamed event, 64 saturated streams, one upstream write per event", "", *table(["proxy", "CPU", "x nginx", "goal", "events"], rows)]


def latency(setting, options):
    def of(proxy, model, stream):
        name = f"chat/{model}" if proxy is setting.gotthard else model
        return lambda: tuple(setting.run_load(proxy, "latency", setting.body(name, 1024, stream), stream, count=3000)[key] for key in ("first_byte_p50", "p50", "p99"))

    rows = []
    for label, model, stream in (("whole answer", "json-1k", False), ("first byte of a stream", "short", True)):
        which = 0 if stream else 1
        result = alternating(options.rounds, {"direct": of(setting.direct, model, stream), "nginx": of(setting.nginx, model, stream), "gotthard": of(setting.gotthard, model, stream)})
        base = result["direct"][which]
        for name in ("direct", "nginx", "gotthard"):
            added = "" if name == "direct" else f"{result[name][which] - base:.1f} us"
            rows.append([label, name, f"{result[name][which]:.1f} us", added, "<= nginx" if name == "gotthard" else ""])
    return ["## Latency at one connection, 1 KB, p50", "", *table(["what", "through", "p50", "added", "goal"], rows)]


def held(setting, proxy, body, count, stream=False):
    """Resident memory while `count` connections are held."""
    command = ["taskset", "-c", str(OTHER_CORE), *[str(word) for word in setting.load(proxy, "hold", body, stream, connections=count)]]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        if holder.stdout.readline().strip() != "ready":
            raise RuntimeError(f"{proxy.name}: {count} connections were not answered")
        time.sleep(1.5)
        return proxy.resident_kib()
    finally:
        holder.stdin.close()
        holder.wait(30)


def memory(setting, options):
    del options
    count, rows = 5000, []
    for kind in ("nginx", "gotthard"):
        name = (lambda model: f"chat/{model}") if kind == "gotthard" else (lambda model: model)
        proxy = setting.fresh(kind)
        try:
            time.sleep(1)
            idle = proxy.resident_kib()
            setting.run_load(proxy, "churn", setting.body(name("json-1k"), 1024), connections=50, count=500)
            time.sleep(0.5)
            warm = proxy.resident_kib()
            idle_connections = (held(setting, proxy, setting.body(name("json-1k"), 1024), count) - warm) / count
            time.sleep(1)
            before = proxy.resident_kib()
            open_streams = (held(setting, proxy, setting.body(name("hold"), 1024, True), count, True) - before) / count
            setting.run_load(proxy, "churn", setting.body(name("json-1k"), 1024), connections=count, count=count)
            time.sleep(6)
            after = proxy.resident_kib()
        finally:
            proxy.stop()
        rows.append([kind, f"{idle / 1024:.1f} MiB", f"{idle_connections:.1f} KB", f"{open_streams:.1f} KB", f"{after / 1024:.1f} MiB ({after / idle:.2f} x)"])
    rows.append(["goal", "<= 10 MiB", "<= 4 KB", "<= 10 KB", "<= 1.5 x"])
    return ["## Memory (resident)", "", *table(["proxy", "idle after start", "per idle connection", "per open stream", f"after a load of {count}"], rows)]


def first_answer(setting):
    """Milliseconds from the start of the process to its first answered request, with an empty data directory."""
    body = setting.body("chat/json-1k", 1024).read_bytes()
    begin = time.perf_counter()
    proxy = Gotthard(setting.folder, setting.chat_port, setting.messages_port, wait=False)
    try:
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=5)
                connection.request("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {proxy.key}"})
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    return (time.perf_counter() - begin) * 1000
            except OSError:
                if time.perf_counter() - begin > 20:
                    raise
                time.sleep(0.0005)
            finally:
                connection.close()
    finally:
        proxy.stop()


def start(setting, options):
    times = [first_answer(setting) for _ in range(max(3, options.rounds))]
    size = proxies.BINARY.stat().st_size
    stripped = setting.folder / "stripped"
    subprocess.run(["strip", "-o", stripped, proxies.BINARY], check=True)
    rows = [
        ["cold start to the first answered request", f"{statistics.median(times):.1f} ms", "<= 50 ms"],
        ["release binary, stripped", f"{stripped.stat().st_size / 1e6:.1f} MB", "<= 15 MB"],
        ["release binary with line tables", f"{size / 1e6:.1f} MB", ""],
    ]
    return ["## Start and size", "", *table(["what", "measured", "goal"], rows)]


def instructions(setting, options):
    """User-space instructions per request, all threads, counted by callgrind between two dumps."""
    del options
    rows = []
    out = setting.folder / "callgrind.out"
    wrapper = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--dump-instr=no", "--combine-dumps=no"]
    proxy = Gotthard(setting.folder, setting.chat_port, setting.messages_port, wrapper=wrapper, name="callgrind")
    try:
        for label, model in (("pass-through, 1 KB", "chat/json-1k"), ("pass-through, 20 KB", "chat/json-20k"), ("chat to messages, 1 KB", "claude/json-1k")):
            body = setting.body(model, 20 * 1024 if "20k" in model else 1024)
            setting.run_load(proxy, "latency", body, count=300)
            time.sleep(1)
            subprocess.run(["callgrind_control", "-z", str(proxy.process.pid)], check=True, capture_output=True)
            setting.run_load(proxy, "latency", body, count=1000)
            time.sleep(1)
            dumps = set(setting.folder.glob("callgrind.out.*"))
            subprocess.run(["callgrind_control", "-d", str(proxy.process.pid)], check=True, capture_output=True)
            time.sleep(1)
            new = set(setting.folder.glob("callgrind.out.*")) - dumps
            total = sum(int(value) for dump in new for value in re.findall(r"^(?:totals|summary): (\d+)", dump.read_text(errors="replace"), re.MULTILINE)[:1])
            rows.append([label, f"{total / 1000:,.0f}"])
    finally:
        end(proxy.process)
    return ["## User-space instructions per request (callgrind, one connection, every thread)", "", "A change that raises the first line says why in its commit.", "", *table(["request", "instructions"], rows)]


PARTS = {"cpu": cpu, "streams": streams, "latency": latency, "memory": memory, "start": start, "instructions": instructions}
