#!/usr/bin/env python3
"""Sizes that keep a house livable: a source file up to 600 lines, a folder up to 25 files.

    tools/check_size.py

Exceptions stand in tools/size_exceptions.txt, one a line: PATH LIMIT REASON. An exception that is no longer needed is a fault too.
"""
import pathlib
import subprocess
import sys

FILE_LINES = 600
FOLDER_FILES = 25
SOURCES = {".cpp", ".hpp", ".h", ".py", ".mjs", ".js", ".ts", ".sh", ".cmake"}
ROOT = pathlib.Path(__file__).resolve().parent.parent
WATCHED = ("src", "tests", "tools", "bench", "cmake", "web")


def read_exceptions():
    exceptions = {}
    for line in (ROOT / "tools/size_exceptions.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            path, limit, reason = line.split(None, 2)
            exceptions[path] = int(limit)
    return exceptions


def tracked_files():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", *WATCHED], cwd=ROOT, capture_output=True, text=True, check=True)
    return [pathlib.PurePosixPath(name) for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def main():
    exceptions, used, faults = read_exceptions(), set(), []

    def check(path, size, limit, what):
        if size <= limit:
            return
        used.add(path)
        if size > exceptions.get(path, limit):
            faults.append(f"{path}: {size} {what}, at most {exceptions.get(path, limit)}")

    files = tracked_files()
    # Data is not code: golden conversations and fuzz seeds are as many as they need to be.
    data = [f for f in files if "golden" in f.parts or "corpus" in f.parts]
    folders = {}
    for file in files:
        if file in data:
            continue
        folders.setdefault(str(file.parent), []).append(file)
        if file.suffix in SOURCES or (ROOT / file).stat().st_mode & 0o100:
            check(str(file), len((ROOT / file).read_bytes().splitlines()), FILE_LINES, "lines")
    for folder, members in folders.items():
        check(folder, len(members), FOLDER_FILES, "files")
    faults += [f"{path}: its exception in tools/size_exceptions.txt is no longer needed" for path in sorted(set(exceptions) - used)]
    for fault in faults:
        print(fault)
    print(f"check_size: {len(files)} files, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
