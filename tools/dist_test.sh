#!/usr/bin/env bash
# Test on several GPUs, one process for each:
#
#     tools/dist_test.sh CONFIG CHECKPOINT GPUS [OPTION ...]
#
# GPUS, NNODES, NODE_RANK, MASTER_ADDR and PORT are those of dist_train.sh.
set -eu

if [ $# -lt 3 ]; then
  echo "usage: ${0##*/} CONFIG CHECKPOINT GPUS [OPTION ...]" >&2
  exit 2
fi
config=$1 checkpoint=$2 gpus=$3
shift 3

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$tools/dist_options.sh"
PYTHONPATH=$(dirname "$tools")${PYTHONPATH:+:$PYTHONPATH} exec torchrun "${options[@]}" --nproc_per_node "$gpus" \
  -- "$tools/test.py" "$config" "$checkpoint" --launcher pytorch "$@"
