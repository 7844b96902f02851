#!/bin/bash
# Jobs of a dlscan scan on PBS: job N of the array trains the points in line N of jobs.txt.
# The same jobs again, by hand, from this directory: qsub pbs.sh
#PBS -N dlscan-0a1b2c3d-4
#PBS -S /bin/bash
#PBS -j oe
#PBS -o /dev/null
#PBS -r y
#PBS -J 1-3
#PBS -W max_run_subjobs=20
#PBS -l select=1:ncpus=8:ngpus=2:mem=32768mb
#PBS -l walltime=36:00:00
#PBS -q gpu
#PBS -A atlas

launch=('/opt/it'"'"'s mine/bin/python')

scan=$'/data/it\'s "mine" $(x) ü\nnew/scans/demo'
directory=$'/data/it\'s "mine" $(x) ü\nnew/scans/demo/submissions/0004'
seconds=129600

# OpenPBS has one name for the index, Torque the other; a single job is no array and has neither.
index=${PBS_ARRAY_INDEX:-$PBS_ARRAYID}
number=${PBS_JOBID%%[!0-9]*}
export DLSCAN_JOB=$number${index:+[$index]}
index=${index:-1}
export DLSCAN_CPUS=8
export OMP_NUM_THREADS=$DLSCAN_CPUS TF_NUM_INTRAOP_THREADS=$DLSCAN_CPUS TF_NUM_INTEROP_THREADS=$DLSCAN_CPUS
# PBS kills 10 s after it says so, unless the site has another kill_delay.
export DLSCAN_GRACE=8
export KERAS_BACKEND=jax

# PBS feeds this script to bash on stdin: nothing here may read from there.
# What is said here goes to N.log beside this script, what training prints to the log of its first point.
exec >>"$directory/$index.log" 2>&1
say() { echo "$(date '+%Y-%m-%d %H:%M:%S') job $DLSCAN_JOB on $(hostname): $*"; }
read -r -a points < <(sed -n "${index}p" "$directory/jobs.txt")
logs=("$scan/points/$(printf %04d "$((10#${points[0]}))")"-*)

# Torque lists a job's GPUs in a file, a line each: node1-gpu0
if [ -z "${CUDA_VISIBLE_DEVICES+given}" ] && [ -s "${PBS_GPUFILE:-}" ]; then
  CUDA_VISIBLE_DEVICES=$(sed 's/.*gpu//' "$PBS_GPUFILE" | paste -sd,)
  export CUDA_VISIBLE_DEVICES
fi

# Two minutes before the walltime training is told to end its epoch and save; `dlscan scan` goes on with it.
[ "$seconds" -le 240 ] || (sleep $((seconds - 120)) && kill -USR1 $$) &

say "points ${points[*]}${CUDA_VISIBLE_DEVICES:+, GPU $CUDA_VISIBLE_DEVICES}"
exec "${launch[@]}" -P -m dlscan train "$scan" --point "${points[@]}" \
  </dev/null >>"${logs[0]}/log.txt" 2>&1
