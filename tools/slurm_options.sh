# The options of srun and the environment that slurm_train.sh and slurm_test.sh share.
gpus=${GPUS:-8}
per_node=${GPUS_PER_NODE:-$((gpus < 8 ? gpus : 8))}
# One process that fails ends all others.
options=(--partition "$partition" --job-name "$job" --gres "gpu:$per_node" --ntasks "$gpus"
  --ntasks-per-node "$per_node" --cpus-per-task "${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1)
# Unquoted: several options, in one variable.
options+=(${SRUN_ARGS:-})
export PYTHONPATH=$(dirname "$tools")${PYTHONPATH:+:$PYTHONPATH}
if [ -n "${PORT:-}" ]; then
  export MASTER_PORT=$PORT
fi
