#!/usr/bin/env python3
"""Who may include whom. The table is the one of ARCHITECTURE.md; a breach fails the tests.

    tools/check_includes.py [SOURCE_FOLDER]

Every quoted include in src/ is written from src/ ("room/file.hpp") and must point to the same room or to one the table names.
A store backend (src/store/sqlite/ ...) may be included by itself and by app only.
"""
import pathlib
import re
import sys

ROOMS = {
    "base": set(),
    "net": {"base"},
    "llm": {"base"},
    "store": {"base"},
    "dialect": {"base", "llm"},
    "provider": {"base", "net", "llm", "dialect"},
    "guard": {"base", "net", "llm", "dialect"},
    "config": {"base", "llm", "dialect", "provider", "guard"},
    "identity": {"base", "llm", "config", "store"},
    "govern": {"base", "llm", "config", "store"},
    "route": {"base", "llm", "config", "store"},
    "cache": {"base", "llm", "config", "store"},
    "account": {"base", "llm", "config", "store"},
    "telemetry": {"base", "llm", "config", "store"},
}
EVERY_ROOM_BELOW_THE_SPINE = set(ROOMS)
ROOMS["spine"] = EVERY_ROOM_BELOW_THE_SPINE
ROOMS["mcp"] = EVERY_ROOM_BELOW_THE_SPINE
# admin speaks HTTP through net's parser and shows requests and answers in the words of base and llm.
ROOMS["admin"] = {"base", "net", "llm", "config", "identity", "govern", "account", "route", "telemetry", "store"}
ROOMS["app"] = set(ROOMS)

BACKENDS = {"memory", "sqlite", "postgres", "redis", "clickhouse"}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def backend_of(parts):
    """The backend that a path inside src/store belongs to, or None for the ports."""
    return parts[1] if parts[0] == "store" and len(parts) > 2 and parts[1] in BACKENDS else None


def allowed_for(parts):
    """The ports of the store know base only; a backend may also use net."""
    return ROOMS[parts[0]] | ({"net"} if backend_of(parts) else set())


def faults_of(path, root):
    parts = path.relative_to(root).parts
    room = parts[0]
    if len(parts) < 2:
        yield "sources live in a room (src/<room>/...), not in src/ itself"
        return
    if room not in ROOMS:
        yield f"room '{room}' is not in the table of tools/check_includes.py"
        return
    for included in INCLUDE.findall(path.read_text(encoding="utf-8")):
        if not (root / included).exists():
            if (path.parent / included).exists():
                yield f'"{included}" is not written from src/'
            continue  # generated, or a library's
        target = tuple(included.split("/"))
        if target[0] != room and target[0] not in allowed_for(parts):
            yield f'{room} may not include {target[0]} ("{included}")'
        if backend_of(target) and room != "app" and backend_of(parts) != backend_of(target):
            yield f'only app may include a store backend ("{included}")'


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent / "src").resolve()
    sources = sorted(p for p in root.rglob("*") if p.suffix in {".hpp", ".cpp", ".h", ".inc"})
    faults = [f"{path.relative_to(root.parent)}: {fault}" for path in sources for fault in faults_of(path, root)]
    for fault in faults:
        print(fault)
    print(f"check_includes: {len(sources)} files, {len(faults)} faults")
    return 1 if faults or not sources else 0


if __name__ == "__main__":
    sys.exit(main())
