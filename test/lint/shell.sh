#!/bin/sh
# Every shell script, known by its name or its first line, through shellcheck.
command -v shellcheck >/dev/null || { echo "shellcheck is missing (make deps)"; exit 1; }
# What is sourced is named at run time, and is checked as a file of its own.
find .ci rbuilds test bench tools -type f ! -name '*.py' -exec awk '
    FNR == 1 && (/^#!.*[\/ ](sh|bash)( |$)/ || FILENAME ~ /\.sh$/) { printf "%s%c", FILENAME, 0 }
    { nextfile }' {} + 2>/dev/null | xargs -0 shellcheck -e SC1090,SC1091 -f gcc
