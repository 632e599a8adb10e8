#!/usr/bin/env python3
"""A type has one definition in its namespace: two of one name in files that do not know each other
link without a word, and then either is used as the other."""
import pathlib
import re
import sys

namespace = re.compile(r"^namespace ([\w:]+) \{")
definition = re.compile(r"^(?:template <.*> )?(?:struct|class|enum class) (\w+)(?: final)?(?: : [^;{]*)? \{")
first, found = {}, []
for path in sorted(p for top in ("lib", "tools") for p in pathlib.Path(top).rglob("*")
                   if p.suffix in (".h", ".cpp")):
    inside, nameless = "", False
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if match := namespace.match(line):
            inside = match[1]
        nameless = line.startswith("namespace {") or nameless and not line.startswith("}  // namespace")
        match = definition.match(line)
        if not match or nameless or "lint: allow types:" in line:
            continue
        # Tools are programs of their own.
        program = path.parts[1] if path.parts[0] == "tools" else ""
        key = (program, inside, match[1])
        if key in first:
            found.append(f"{path}:{number}: {inside}::{match[1]} is also in {first[key]}")
        first.setdefault(key, f"{path}:{number}")
print("\n".join(found), end="")
sys.exit(bool(found))
