# shellcheck shell=bash
# A private apt: own sources, lists and state in the cache, so that hosts of any Debian release see the same suite and
# the machine's own configuration is left alone. Proxies and trust come from the machine.

readonly APT_SUITE=trixie
readonly APT_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# The mirror is the one the machine uses for Debian itself; RBUILDS_MIRROR overrides it.
apt_mirror() {
    local line site codename
    if [[ -n ${RBUILDS_MIRROR:-} ]]; then printf '%s' "$RBUILDS_MIRROR"; return; fi
    # Before the first apt-get update no origin is known, only what the sources say.
    codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    while IFS='|' read -r line site; do
        case $line in
            Debian,Debian,* | ",,$codename") printf '%s' "${site%/}"; return ;;
        esac
    done < <(apt-get indextargets --format '$(ORIGIN),$(LABEL),$(RELEASE)|$(REPO_URI)' 'Created-By: Packages' |
        grep -vE -- '-security|-backports|-updates' | sort -r)
    die "$EX_CONFIG" "no Debian mirror in this machine's apt sources; name one in RBUILDS_MIRROR"
}

apt_configure() {
    local folder=$CACHE/apt mirror
    mirror=$(apt_mirror)
    [[ -r $APT_KEYRING ]] || die "$EX_CONFIG" "the archive keyring $APT_KEYRING is missing; install debian-archive-keyring"
    mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
    printf '%s [signed-by='"$APT_KEYRING"'] %s '"$APT_SUITE"' main\n' deb "$mirror" deb-src "$mirror" >"$folder/sources.list"
    cat >"$folder/apt.conf" <<END
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Default-Release;
Dir::Etc::SourceList "$folder/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State "$folder";
Dir::State::Lists "$folder/lists";
Dir::State::status "/dev/null";
Dir::Cache "$folder/cache";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Sandbox::User "$(id -un)";
Acquire::Languages "none";
Acquire::Retries "3";
END
}

# private COMMAND...: run an apt tool on the private configuration.
private() { APT_CONFIG=$CACHE/apt/apt.conf "$@"; }

# apt_refresh [always]: fetch the index unless one of the last day is there.
apt_refresh() {
    apt_configure
    if [[ ${1:-} != always && -n $(find "$CACHE/apt/fresh" -mtime -1 2>/dev/null) ]]; then return 0; fi
    say "reading the package index of $APT_SUITE"
    run_logged apt-index private apt-get -q -o APT::Update::Error-Mode=any update
    : >"$CACHE/apt/fresh"
}

# apt_offer PACKAGE: print "VERSION FILE SHA256" of what the suite offers for a binary package.
apt_offer() {
    local record version uri sha
    record=$(private apt-cache show --no-all-versions "$1" 2>/dev/null) ||
        die "$EX_UNAVAILABLE" "$APT_SUITE offers no package $1"
    version=$(first_field Version "$record")
    uri=$(first_field Filename "$record")
    sha=$(first_field SHA256 "$record")
    printf '%s %s %s\n' "$version" "${uri##*/}" "$sha"
}

# first_field KEY RECORD: no pipe, for under pipefail a reader that leaves early makes the writer fail.
first_field() { sed -n "s/^$1: //p;T;q" <<<"$2"; }

# apt_offer_source PACKAGE: print one "VERSION FILE SHA256" line for each file of a source package.
apt_offer_source() {
    local version
    version=$(private apt-cache showsrc --only-source "$1" 2>/dev/null | sed -n 's/^Version: //p' | sort -V | tail -n 1)
    [[ -n $version ]] || die "$EX_UNAVAILABLE" "$APT_SUITE offers no source package $1"
    private apt-get -q source --print-uris --only-source "$1=$version" 2>/dev/null |
        sed -nE "s/^'[^']*' ([^ ]+) [0-9]+ SHA256:([0-9a-f]{64})\$/\\1 \\2/p" | sed "s/^/$version /"
}

# apt_has PACKAGE VERSION KIND: is that version still offered?
apt_has() {
    if [[ $3 == source ]]; then
        private apt-cache showsrc --only-source "$1" 2>/dev/null | grep -xF "Version: $2" >/dev/null
    else
        private apt-cache show "$1" 2>/dev/null | grep -xF "Version: $2" >/dev/null
    fi
}

# Host packages: build tools come from the machine's own distribution.
host_packages() {
    local package
    local -a missing=()
    for package; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
    done
    ((${#missing[@]} > 0)) || return 0
    ((EUID == 0)) || die "$EX_UNAVAILABLE" "these packages are missing: ${missing[*]}; install them or run once as root"
    say "installing from the distribution: ${missing[*]}"
    [[ -n $(find /var/lib/apt/lists -maxdepth 1 -name '*Packages*' -print -quit) ]] ||
        run_logged apt-host apt-get -q update
    run_logged apt-host env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y -o DPkg::Lock::Timeout=600 install --no-install-recommends "${missing[@]}"
}
