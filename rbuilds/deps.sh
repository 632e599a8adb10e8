#!/bin/sh
# Installs what a build needs from the distribution, and says what it adds. Run by `make deps`.
#
#   deps.sh            everything to build, test and document
#   deps.sh --servers  also the servers that some scenarios talk to; they skip without, since the
#                      distribution starts these where they are installed
#   deps.sh --check    exit 1 and name what is missing, change nothing
#
# Debian 12 has no Catch2 3 of its own: it comes from backports, whose entry is written next to
# the machine's other sources, for the same mirror.
set -eu

packages="build-essential pkg-config meson ninja-build python3 ca-certificates
    libuv1-dev libyaml-dev libssl-dev libcjson-dev libcbor-dev libfmt-dev libdeflate-dev
    libgnutls28-dev libnftables-dev nftables iproute2 zlib1g-dev libzstd-dev libarchive-dev libc-ares-dev catch2
    mandoc shellcheck clang clang-format libclang-rt-dev
    cpio jq openssl procps socat strace zstd bind9-dnsutils curl python3-requests"
[ "${1-}" != --servers ] || packages="$packages nginx-light chrony"

say() { printf 'deps: %s\n' "$*" >&2; }
fail() {
    say "$*"
    exit 1
}

command -v apt-get >/dev/null 2>&1 ||
    fail "this is no Debian system; install by hand what these packages hold: $packages"

# Debian 12 knows libclang-rt-14-dev, later ones the unversioned name too.
installed() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }
catch2_is_3() { pkg-config --exists 'catch2-with-main >= 3' 2>/dev/null; }

missing=
for package in $packages; do
    installed "$package" || missing="$missing $package"
done
catch2_is_3 || case " $missing " in *" catch2 "*) ;; *) missing="$missing catch2" ;; esac

[ -n "$missing" ] || exit 0
if [ "${1-}" = --check ]; then
    fail "missing:$missing (run: make deps)"
fi

as_root=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || fail "run this as root, or install sudo; missing:$missing"
    as_root=sudo
fi

say "adding:$missing"
$as_root apt-get -q update >/dev/null || fail "apt-get update failed: is the package mirror reachable?"

# shellcheck disable=SC1091
codename=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
case " $missing " in
*" catch2 "*)
    if ! apt-cache madison catch2 | awk '{print $3}' | grep -q '^3'; then
        say "adding the entry for $codename-backports (Catch2 3)"
        # shellcheck disable=SC2016  # apt-get expands it
        mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' "Codename: $codename" |
            sort -u | head -n 1)
        [ -n "$mirror" ] || fail "no package mirror for $codename found among the machine's sources"
        printf 'Types: deb\nURIs: %s\nSuites: %s-backports\nComponents: main\nSigned-By: %s\n' \
            "$mirror" "$codename" /usr/share/keyrings/debian-archive-keyring.gpg |
            $as_root tee /etc/apt/sources.list.d/enclavebox-backports.sources >/dev/null
        $as_root apt-get -q update >/dev/null || fail "apt-get update failed after adding backports"
    fi
    version=$(apt-cache madison catch2 | awk '$3 ~ /^3/ {print $3; exit}')
    missing=$(echo "$missing" | sed "s/ catch2/ catch2=$version/")
    ;;
esac

# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $missing >&2 ||
    fail "apt-get could not install:$missing"
say "done"
