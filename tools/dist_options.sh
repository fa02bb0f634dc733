# The options of torchrun that follow from NNODES, NODE_RANK, MASTER_ADDR and PORT; for dist_train.sh and dist_test.sh.
if [ "${NNODES:-1}" = 1 ] && [ -z "${PORT:-}" ]; then
  options=(--standalone)
else
  options=(--nnodes "${NNODES:-1}" --node_rank "${NODE_RANK:-0}" --master_addr "${MASTER_ADDR:-127.0.0.1}"
    --master_port "${PORT:-29500}")
fi
