#!/usr/bin/env python3
# A terminal without a screen, where there is no tmux: runs PROGRAM on a pseudo-terminal of 100 columns and 30 rows, types
# the bytes that come on standard input, and copies what is shown to standard output without escapes and carriage returns.
#
#   terminal.py PROGRAM
#
# A line "\0resize COLUMNS ROWS" on standard input changes the size. It interprets nothing else: no cursor, no screen.
import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios


def resize(terminal, columns, rows):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def main():
    child, terminal = pty.fork()
    if child == 0:
        resize(0, 100, 30)
        os.environ["TERM"] = "xterm"
        os.execvp(sys.argv[1], sys.argv[1:])
    sources = [terminal, 0]
    while True:
        ready, _, _ = select.select(sources, [], [])
        if 0 in ready:
            typed = os.read(0, 4096)
            if not typed:
                sources.remove(0)
            elif typed.startswith(b"\0resize "):
                resize(terminal, *map(int, typed.split()[1:3]))
            else:
                os.write(terminal, typed)
        if terminal in ready:
            try:
                shown = os.read(terminal, 4096)
            except OSError:
                return
            if not shown:
                return
            os.write(1, re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]|\r", b"", shown))


main()
