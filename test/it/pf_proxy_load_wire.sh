#!/bin/sh
# The load of pf_proxy_load.sh through a near side and its far side.
# shellcheck disable=SC2034  # for what is read
TARGET=wire
. "$(dirname "$0")/pf_proxy_load.sh"
