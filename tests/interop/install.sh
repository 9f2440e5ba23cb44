#!/usr/bin/env bash
# Installs the verifiers that others wrote into build/interop: Go's sumdb (Debian packages) and aics-tlog (Python 3.12 or newer).
# Does nothing where they are there. What can not be had is said and left out; its tests skip with that reason.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=build/interop
mkdir -p "$target"

sources=/usr/share/gocode
if ! command -v go >/dev/null || [ ! -d "$sources/src/golang.org/x/mod/sumdb" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing golang-go and golang-golang-x-mod-dev"
        apt-get update -qq >/dev/null && apt-get install -y -qq golang-go golang-golang-x-mod-dev >/dev/null
    else
        echo "no Go verifier: it takes Debian's golang-go and golang-golang-x-mod-dev, and root to install them" >&2
    fi
fi
if command -v go >/dev/null && [ tests/interop/verify.go -nt "$target/verify" ]; then
    GO111MODULE=off GOPATH="$sources" GOFLAGS= go build -o "$target/verify" tests/interop/verify.go
fi

if [ ! -x "$target/venv/bin/aics-tlog" ]; then
    for python in python3.12 python3.13 python3 "$HOME"/.pyenv/versions/3.1[2-9]*/bin/python; do
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then
            echo "installing aics-tlog"
            "$python" -m venv "$target/venv"
            "$target/venv/bin/python" -m pip --disable-pip-version-check --quiet install --require-hashes -r tests/interop/requirements.txt
            break
        fi
    done
    [ -x "$target/venv/bin/aics-tlog" ] || echo "no aics-tlog: it takes Python 3.12 or newer" >&2
fi
