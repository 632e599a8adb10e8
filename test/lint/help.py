#!/usr/bin/env python3
"""What every tool promises about --help, --version and wrong use."""
import subprocess
import sys

from tools import built_tools

found = []


def run(path, *words):
    return subprocess.run([path, *words], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=20)


def check(condition, name, what):
    if not condition:
        found.append(f"{name}: {what}")


for name, path in built_tools(sys.argv[1]):
    dump = run(path, "--dump-options").stdout.splitlines()
    commands = [line.split("\t")[0] for line in dump if line.split("\t")[2] == ""]
    for words in [["--help"]] + [[command, "--help"] for command in commands]:
        result = run(path, *words)
        shown = " ".join([name] + words)
        check(result.returncode == 0, shown, f"exit {result.returncode}")
        check(result.stderr == "" and result.stdout, shown, "not on standard output alone")
        widest = max((len(line) for line in result.stdout.splitlines()), default=0)
        check(widest <= 80, shown, f"{widest} columns")
    version = run(path, "--version")
    check(version.returncode == 0 and version.stdout.count("\n") == 1, name, "--version")
    wrong = run(path, "--no-such-option")
    lines = wrong.stderr.splitlines()
    check(wrong.returncode == 64, name, f"wrong option: exit {wrong.returncode}")
    check(wrong.stdout == "", name, "wrong option: writes to standard output")
    check(len(lines) == 2 and lines[0].startswith(f"{name}: ")
          and lines[1].startswith(f"{name}: hint: "), name, "wrong option: not a line and a hint")
print("\n".join(found), end="")
sys.exit(bool(found))
