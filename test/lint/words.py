#!/usr/bin/env python3
"""Words that do not belong: exceptions of ours, exits in libraries, notes instead of work."""
import pathlib
import re
import sys

RULES = [  # where, which files, what, why
    (("lib", "tools"), (".h", ".cpp"), r"\bthrow\b(?!\s*\()", "errors are values"),
    (("lib", "tools"), (".h", ".cpp"), r"\busing namespace\b", "names come in one by one"),
    (("lib", "tools"), (".h", ".cpp"), r"\bnew [\w:<>]+[({].*TRY\(", "leaks when TRY returns"),
    (("lib", "tools"), (".h", ".cpp"), r"^\s+\.\w+ = .*TRY\(", "leaks the members before it when TRY returns"),
    (("lib",), (".h", ".cpp"), r"(?<![\w.>])exit\(", "libraries return"),
    (("lib", "tools", "test", "rbuilds", "bench", "man"),
     (".h", ".cpp", ".sh", ".py", ".build", ".1", ".5", ".7", ".8"),
     r"\b(TODO|FIXME|XXX)\b", "do it, or open an issue"),
]
found, waived = [], 0
for folders, suffixes, pattern, why in RULES:
    for path in sorted(p for top in folders for p in pathlib.Path(top).rglob("*")):
        if path.suffix not in suffixes or path.parts[:2] == ("test", "lint"):
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            code = line if "TODO" in pattern else line.split("//")[0]
            if not re.search(pattern, code):
                continue
            if "lint: allow words:" in line:
                waived += 1
            else:
                found.append(f"{path}:{number}: {line.strip()} ({why})")
print("\n".join(found) if found else f"{waived} waived" if waived else "", end="")
sys.exit(bool(found))
