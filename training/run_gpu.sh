#!/usr/bin/env bash
# One call on a GPU machine: training/run_gpu.sh STAGE MINUTES [arguments of training.train]
#   STAGE   text | tasks | qat   (qat reads the tasks shards)
#   MINUTES wall clock of the training process, compilation included; shards come on top of it
# State stays in $RUN (default $HOME/run), so a later call on the same machine goes on from it:
#   $RUN/shards/{text,tasks}  $RUN/{text,tasks,qat}  $RUN/inductor (compiled code)
# Generators run on after this script ends. $OUT (optional) receives $PIECES: weights or average (in parts), log.jsonl, loss.png.
# Environment: SHARDS_TEXT, SHARDS_TASKS, ROWS_PER_SHARD, PROCS, SEED, CORPUS, PIECES.
set -euo pipefail
cd "$(dirname "$0")/.."
stage=$1 minutes=$2
shift 2
run=${RUN:-$HOME/run}
gpus=$(python3 -c 'import torch; print(max(1, torch.cuda.device_count()))')
procs=${PROCS:-$(($(nproc) - 2 * gpus))}
mkdir -p "$run"
corpus=${CORPUS:-.cache/corpus}
[ -d "$corpus" ] || { echo "no corpus in $corpus: a fresh machine has lost what earlier calls left; send it again" >&2; exit 2; }
export TORCHINDUCTOR_CACHE_DIR=$run/inductor TRITON_CACHE_DIR=$run/triton PYTHONUNBUFFERED=1
export OMP_NUM_THREADS=2 TORCHINDUCTOR_COMPILE_THREADS=8

generate() { # STAGE SHARDS: starts the generators once, detached from this call
  local out=$run/shards/$1
  [ -e "$out/started" ] && return
  mkdir -p "$out"
  touch "$out/started"
  OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 setsid nohup nice -n 15 python3 -m training.data.generate \
    --corpus "$corpus" --out "$out" --stage "$1" --shards "$2" \
    --rows-per-shard "${ROWS_PER_SHARD:-512}" --seed "${SEED:-1}" --procs "$procs" \
    >"$run/generate-$1.log" 2>&1 </dev/null &
}

data=$stage
[ "$stage" = qat ] && data=tasks
case $data in
  text) generate text "${SHARDS_TEXT:-1024}" ;;
  tasks) generate tasks "${SHARDS_TASKS:-4096}" ;;
esac
if [[ " $* " == *" --text-share "* ]]; then generate text "${SHARDS_TEXT:-1024}"; fi
# While text trains, the cores already make the tasks shards of the next call.
[ "$stage" = text ] && generate tasks "${SHARDS_TASKS:-4096}"

launch=(python3)
[ "$gpus" -gt 1 ] && launch=(torchrun --standalone --nproc_per_node "$gpus")
status=0
"${launch[@]}" -m training.train --stage "$stage" --shards "$run/shards/$data" --run-dir "$run" \
  --text-shards "$run/shards/text" --minutes "$minutes" --seed "${SEED:-1}" "$@" 2>&1 | tee -a "$run/$stage.txt" || status=$?

echo "shards: text $(ls "$run/shards/text" 2>/dev/null | grep -c npy$ || true)," \
  "tasks $(ls "$run/shards/tasks" 2>/dev/null | grep -c npy$ || true)"
tail -n 3 "$run"/generate-*.log || true
if [ -n "${OUT:-}" ]; then
  for name in ${PIECES:-weights log.jsonl loss.png}; do
    if [ -e "$run/$stage/$name.safetensors" ]; then
      python3 -m training.export --split "$run/$stage/$name.safetensors" --out "$OUT"
    elif [ -e "$run/$stage/$name" ]; then
      cp "$run/$stage/$name" "$OUT/$stage.${name##*.}"
    fi
  done
fi
exit "$status"
