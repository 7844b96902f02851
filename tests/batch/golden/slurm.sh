#!/bin/bash
# Jobs of a dlscan scan on Slurm: job N of the array trains the points in line N of jobs.txt.
# The same points again, by hand, from this directory: sbatch --array=N slurm.sh
#SBATCH --job-name=dlscan-0a1b2c3d-3
#SBATCH --array=1-3%2
#SBATCH --output=%a.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@120
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=8
#SBATCH --gres=gpu:1
#SBATCH --mem=32768M
#SBATCH --time=04:00:00
#SBATCH --partition=gpu
#SBATCH --account=lcd

launch=('/opt/python 3/bin/python')

scan=/scans/lcd
directory=/scans/lcd/submissions/0003

export DLSCAN_JOB=${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}
export DLSCAN_CPUS=${SLURM_CPUS_PER_TASK:-8}
export OMP_NUM_THREADS=$DLSCAN_CPUS TF_NUM_INTRAOP_THREADS=$DLSCAN_CPUS TF_NUM_INTEROP_THREADS=$DLSCAN_CPUS

# What is said here goes to N.log in the submission's directory, what training prints to the log of its first point.
exec >>"$directory/$SLURM_ARRAY_TASK_ID.log" 2>&1
say() { echo "$(date '+%Y-%m-%d %H:%M:%S') $DLSCAN_JOB on ${SLURMD_NODENAME:-$(hostname)}: $*"; }
read -r -a points < <(sed -n "${SLURM_ARRAY_TASK_ID}p" "$directory/jobs.txt")
logs=("$scan/points/$(printf %04d "$((10#${points[0]}))")"-*)
export DLSCAN_LOG=${logs[0]}/log.txt

# The signal before the time limit reaches this shell alone. Training ignores it until it is ready for it, so it
# is told again and again. SIGTERM reaches everybody: a cancelled, preempted or requeued job.
training= limit= ended= woken=
trap 'limit=yes woken=yes; while kill -USR1 "$training" && sleep 10; do :; done 2>/dev/null &' USR1
trap 'ended=yes woken=yes' TERM

say "points ${points[*]}${CUDA_VISIBLE_DEVICES:+, GPU $CUDA_VISIBLE_DEVICES}"
(
  trap '' USR1
  exec "${launch[@]}" -P -m dlscan train "$scan" --point "${points[@]}" --stopped-exit-code 85
) >>"$DLSCAN_LOG" 2>&1 &
training=$!
code=
while [ -z "$code" ] || [ -n "$woken" ]; do # a signal ends `wait`, not the training
  woken=
  wait "$training"
  code=$?
done
# SIGTERM may have reached the training first.
[ "$code" != 85 ] || [ -n "$limit$ended" ] || sleep 1
say "exit code $code${limit:+, before the time limit}${ended:+, told to end}"

# 85: stopped, its state is saved. Whoever told it to end decides whether it comes back; else it sees to that itself.
if [ "$code" = 85 ]; then
  if [ -z "$ended" ] && ! scontrol requeue "$DLSCAN_JOB"; then
    say "cannot be requeued; the next \`dlscan scan\` submits it again"
  fi
  exit 0
fi
exit "$code"
