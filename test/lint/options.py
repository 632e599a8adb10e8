#!/usr/bin/env python3
"""Holds the option table of each tool against its manual page, both ways: short and long name,
argument, default. Items are ".It Fl s , Fl -long Ns = Ns Ar ARG"; a default is told by the
sentence "The default is VALUE." in the item. Commands must be named in the page."""
import pathlib
import re
import subprocess
import sys

from tools import built_tools

ITEM = re.compile(r"\.It (?:Fl (\S) , )?Fl -(\S+)(?: Ns = Ns Ar (\S+))?\s*$")
COMMON = {"help", "version", "completion", "dump-options"}


def table(path):
    dump = subprocess.run([path, "--dump-options"], capture_output=True, text=True, check=True)
    rows = [line.split("\t") for line in dump.stdout.splitlines()]
    options = {(short, name, argument, default) for _, short, name, argument, default in rows if name}
    return options, [row[0] for row in rows if row[0] and not row[2]]


def page_items(text):
    found, current = [], None
    for line in text.splitlines():
        if line.startswith((".It", ".El", ".Sh", ".Bl")):
            match = ITEM.match(line)
            current = [match[1] or "", match[2], match[3] or "", ""] if match else None
            if current:
                found.append(current)
        elif current:
            current[3] += " " + re.sub(r"^\.[A-Z][a-z] ", "", line)
    for item in found:
        default = re.search(r"The default is (\S+?) ?[.,](?:\s|$)", item[3])
        item[3] = default[1] if default else ""
    return {tuple(item) for item in found if item[1] not in COMMON or item[2]}


def show(option):
    short, name, argument, default = option
    return (f"--{name}" + (f"={argument}" if argument else "") + (f" (-{short})" if short else "")
            + (f", default {default}" if default else ""))


found = []
for name, path in built_tools(sys.argv[1]):
    pages = [page for page in (pathlib.Path(f"man/{name}.{s}") for s in "18") if page.is_file()]
    if len(pages) != 1:
        found.append(f"{name}: needs one page man/{name}.1 or .8, has {len(pages)}")
        continue
    text = pages[0].read_text()
    options, commands = table(path)
    items = page_items(text)
    found += [f"{pages[0]}: lacks {show(each)}" for each in sorted(options - items)]
    found += [f"{pages[0]}: {show(each)} is not in the table" for each in sorted(items - options)]
    found += [f"{pages[0]}: lacks command {each}" for each in commands
              if not re.search(rf"\b{re.escape(each)}\b", text)]
print("\n".join(found), end="")
sys.exit(bool(found))
