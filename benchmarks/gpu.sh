#!/bin/sh
# How busy a GPU is, on JAX and PyTorch, in 8 minutes: see `python -m benchmarks.gpu --help`, which gets all arguments.
#
#   benchmarks/gpu.sh --out "$OUT"
#   benchmarks/gpu.sh --rehearse --out rehearsal   # without a GPU: that each case works
#
# Packages that are missing are installed from wheels in .whl beside this checkout's files, if there are any:
#   pip download --no-deps -d .whl keras h5py ...
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
if [ -d .whl ]; then
  site=$(mktemp -d)
  "$python" -m pip install -q --no-index --no-deps --target "$site" .whl/*.whl
  PYTHONPATH=$site${PYTHONPATH:+:$PYTHONPATH}
fi
PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH}
export PYTHONPATH
exec "$python" -m benchmarks.gpu "$@"
