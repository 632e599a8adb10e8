#!/usr/bin/env python3
"""Holds every #include against rooms.txt, which says what may include what."""
import pathlib
import re
import sys

table = pathlib.Path(__file__).with_name("rooms.txt").read_text()
rooms, homes = {}, []
for line in table.splitlines():
    words = line.split("#")[0].split()
    if words and words[0] == "header":
        homes.append((words[1], words[2:]))
    elif words:
        rooms[words[0].rstrip(":")] = words[1:]
include = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')
found = []


def judge(path, room, bracket, name):
    if bracket == "<":
        for prefix, home in homes:
            if name.startswith(prefix) and not any(room.startswith(each) for each in home):
                return f"<{name}> belongs to {', '.join(home)}"
        return None
    if (path.parent / name).is_file() and "/" not in name:
        return None
    target = name.split("/")[0]
    allowed = rooms[room]
    if "any" in allowed or f"lib/{target}" == room or target in allowed or name in allowed:
        return None
    return f'"{name}" is not for {room} (test/lint/rooms.txt)'


for path in sorted(p for top in ("lib", "tools", "test", "bench")
                   for p in pathlib.Path(top).rglob("*") if p.suffix in (".h", ".cpp")):
    room = "bench" if path.parts[0] == "bench" else "/".join(path.parts[:2])
    if room not in rooms:
        found.append(f"{path}: {room} is no room (test/lint/rooms.txt)")
        continue
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = include.match(line)
        why = judge(path, room, *match.groups()) if match else None
        if why and "lint: allow includes:" not in line:
            found.append(f"{path}:{number}: {why}")
print("\n".join(found), end="")
sys.exit(bool(found))
