# Shared by the scenarios of this folder: the built tools are found first. What all scenarios share
# is in programs.sh and scenario.sh. A scenario is a POSIX shell script that sources this file first.
# shellcheck shell=sh
. "$(dirname "$0")/../programs.sh"

: "${ENCLAVEBOX_BUILD:?the scenarios are run by meson test, or set ENCLAVEBOX_BUILD to the build folder}"
PATH=$ENCLAVEBOX_BUILD/tools/eif:$ENCLAVEBOX_BUILD/tools/vsockd:$ENCLAVEBOX_BUILD/tools/nsm:$PATH
PATH=$ENCLAVEBOX_BUILD/tools/vcat:$ENCLAVEBOX_BUILD/tools/initd:$ENCLAVEBOX_BUILD/tools/pipeline:$PATH
export PATH
