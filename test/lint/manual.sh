#!/bin/sh
# Manual pages are mdoc without a warning.
command -v mandoc >/dev/null || { echo "mandoc is missing (make deps)"; exit 1; }
mandoc -Tlint -Wwarning man/*.[1-8]
