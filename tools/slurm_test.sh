#!/usr/bin/env bash
# Test on GPUs of a Slurm cluster, one process for each:
#
#     [GPUS=8] tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [OPTION ...]
#
# The variables are those of slurm_train.sh.
set -eu

if [ $# -lt 4 ]; then
  echo "usage: ${0##*/} PARTITION JOB_NAME CONFIG CHECKPOINT [OPTION ...]" >&2
  exit 2
fi
partition=$1 job=$2 config=$3 checkpoint=$4
shift 4

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$tools/slurm_options.sh"
exec srun "${options[@]}" python -u "$tools/test.py" "$config" "$checkpoint" --launcher slurm "$@"
