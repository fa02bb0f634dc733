#!/usr/bin/env bash
# Train on several GPUs, one process for each:
#
#     tools/dist_train.sh CONFIG GPUS [OPTION ...]
#
# GPUS is the number on this machine; without GPUs that many processes run on the CPU. On several machines, call it on
# each of them with NNODES (number of machines), NODE_RANK (0 on the first), MASTER_ADDR (address of the first) and PORT
# (default: 29500). On one machine a free port is found, unless PORT is given.
set -eu

if [ $# -lt 2 ]; then
  echo "usage: ${0##*/} CONFIG GPUS [OPTION ...]" >&2
  exit 2
fi
config=$1 gpus=$2
shift 2

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$tools/dist_options.sh"
PYTHONPATH=$(dirname "$tools")${PYTHONPATH:+:$PYTHONPATH} exec torchrun "${options[@]}" --nproc_per_node "$gpus" \
  -- "$tools/train.py" "$config" --launcher pytorch "$@"
