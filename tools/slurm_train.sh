#!/usr/bin/env bash
# Train on GPUs of a Slurm cluster, one process for each:
#
#     [GPUS=8] tools/slurm_train.sh PARTITION JOB_NAME CONFIG [WORK_DIR] [OPTION ...]
#
# WORK_DIR may be left out; the options follow. GPUS is the number in all (default: 8), GPUS_PER_NODE that on each
# machine (default: GPUS, at most 8), CPUS_PER_TASK the cores for each GPU (default: 5), PORT the port on the first
# machine (default: one that follows from the number of the job), SRUN_ARGS further options of srun.
set -eu

if [ $# -lt 3 ]; then
  echo "usage: ${0##*/} PARTITION JOB_NAME CONFIG [WORK_DIR] [OPTION ...]" >&2
  exit 2
fi
partition=$1 job=$2 config=$3
shift 3
if [ $# -gt 0 ] && [ "${1#-}" = "$1" ]; then
  work_dir=$1
  shift
  set -- --work-dir "$work_dir" "$@"
fi

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$tools/slurm_options.sh"
exec srun "${options[@]}" python -u "$tools/train.py" "$config" --launcher slurm "$@"
