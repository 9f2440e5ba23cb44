#!/usr/bin/env bash
# An environment for each Python from 3.11 on that is here, in build/verifier, with what verifying needs and nothing else.
# Does nothing where they are there.
set -euo pipefail
cd "$(dirname "$0")/../.."

for python in python3.11 python3.12 python3.13 python3.14 "$HOME"/.pyenv/versions/3.1[1-9]*/bin/python; do
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
    target=build/verifier/$version
    if [ ! -e "$target/.installed" ]; then
        echo "installing what a verifier needs for Python $version"
        "$python" -m venv "$target"
        "$target/bin/python" -m pip --disable-pip-version-check --quiet install --require-hashes -r tests/verifier/requirements.txt
        touch "$target/.installed"
    fi
done
