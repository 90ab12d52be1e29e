#!/usr/bin/env bash
# Evaluate on several GPUs, or with several CPU processes (gloo):
#   bash tools/dist_test.sh CONFIG CHECKPOINT PROCESSES [options of test.py]
#   bash tools/dist_test.sh CONFIG PROCESSES  (a method without a checkpoint)
# On several machines: NNODES, NODE_RANK, MASTER_ADDR and PORT.
set -euo pipefail
if [[ ${2:-} =~ ^[0-9]+$ ]]; then
    set -- "$1" '' "${@:2}"
fi
if [ $# -lt 3 ]; then
    echo "usage: bash $0 CONFIG CHECKPOINT PROCESSES" \
        "[options of tools/test.py]" >&2
    exit 2
fi
config=$1
checkpoint=$2
processes=$3
shift 3
exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes "${NNODES:-1}" --node-rank "${NODE_RANK:-0}" \
    --master-addr "${MASTER_ADDR:-127.0.0.1}" \
    --master-port "${PORT:-29500}" --nproc-per-node "$processes" \
    "$(dirname "$0")/test.py" "$config" ${checkpoint:+"$checkpoint"} \
    --launcher pytorch "$@"
