#!/bin/bash
# Jobs of a dlscan scan on HTCondor: job CLUSTER.N trains the points in line N+1 of jobs.txt.
# The lines that begin with #CONDOR are the submit description. The same jobs again, by hand, from this directory:
#   sed -n 's/^#CONDOR //p' htcondor.sh | (cd / && condor_submit)
#CONDOR universe = vanilla
#CONDOR executable = /bin/bash
#CONDOR transfer_executable = false
#CONDOR arguments = "htcondor.sh $(ClusterId).$(ProcId)"
#CONDOR error = /dev/null
# Nodes do not see the scan: the directories of a job's points travel with it, come back when it ends, and wait in
# the queue's spool while it is interrupted.
#CONDOR initialdir = /data/it's "mine" $(DOLLAR)(x) ü/scans/demo/points
#CONDOR scan_files = ../submissions/0004/htcondor.sh, ../submissions/0004/jobs.txt, ../plan.json
#CONDOR dataset = /data/it's "mine" $(DOLLAR)(x) ü/prepared/lcd $(DOLLAR)(y)
#CONDOR number = $(ProcId) + 1
#CONDOR output = ../submissions/0004/$INT(number).log
#CONDOR transfer_input_files = $(scan_files), $(dataset), $(directories)
#CONDOR transfer_output_files = $(directories)
#CONDOR transfer_checkpoint_files = $(directories)
#CONDOR should_transfer_files = YES
#CONDOR when_to_transfer_output = ON_EXIT_OR_EVICT
# Told to leave, a job has this long to end its epoch or step and save; then it waits in the queue and goes on.
#CONDOR kill_sig = SIGTERM
#CONDOR job_max_vacate_time = 60
# With this exit code training says that it stopped with its state saved: HTCondor starts it again.
#CONDOR checkpoint_exit_code = 85
#CONDOR JobBatchName = dlscan-0a1b2c3d-4
#CONDOR request_cpus = 8
#CONDOR request_gpus = 2
#CONDOR request_memory = 32768M
#CONDOR allowed_job_duration = 129600
#CONDOR periodic_release = (HoldReasonCode == 46 || HoldReasonCode == 47) && ExitCode =?= 85 && ExitBySignal =!= true
#CONDOR periodic_remove = JobStatus == 5 && (HoldReasonCode == 34 || ((HoldReasonCode == 46 || HoldReasonCode == 47) && !(ExitCode =?= 85 && ExitBySignal =!= true)))
#CONDOR max_materialize = 2
#CONDOR should_transfer_files = true
#CONDOR queue directories from (
#CONDOR 0001-width=1, 0002-width=2
#CONDOR 0003-width=3, 0004-width=4
#CONDOR 0005-width=5, 0006-width=6
#CONDOR )

launch=('/opt/it'"'"'s mine/bin/python')

# where the job finds the dataset: beside its other files, unless this script brought it elsewhere
dataset=${dataset:-$PWD/'lcd $(y)'}

export DLSCAN_JOB=$1
export DLSCAN_CPUS=8
export OMP_NUM_THREADS=$DLSCAN_CPUS TF_NUM_INTRAOP_THREADS=$DLSCAN_CPUS TF_NUM_INTEROP_THREADS=$DLSCAN_CPUS
# the number that HTCondor gives to jobs without a GPU
[ "${CUDA_VISIBLE_DEVICES:-}" != 10000 ] || CUDA_VISIBLE_DEVICES=
export KERAS_BACKEND=jax

# What is said here comes back as N+1.log in the submission's directory, what training prints in its first point's log.
exec 2>&1
say() { echo "$(date '+%Y-%m-%d %H:%M:%S') $DLSCAN_JOB on $(hostname): $*"; }
read -r -a points < <(sed -n "$((${DLSCAN_JOB#*.} + 1))p" jobs.txt)
directories=()
for point in "${points[@]}"; do
  directories+=("$(printf %04d "$((10#$point))")"-*)
done

training= ended=
trap 'ended=yes; [ -z "$training" ] || kill -TERM "$training"' TERM

say "points ${points[*]}${CUDA_VISIBLE_DEVICES:+, GPU $CUDA_VISIBLE_DEVICES}"
"${launch[@]}" -P -m dlscan.batch.sandbox there "$dataset" "${directories[@]}" || exit 1
"${launch[@]}" -P -m dlscan train scan --point "${points[@]}" --stopped-exit-code 85 >>"${directories[0]}/log.txt" 2>&1 &
training=$!
[ -z "$ended" ] || kill -TERM "$training"
wait "$training"
code=$?
while kill -0 "$training" 2>/dev/null; do # a signal ends `wait`, not the training
  wait "$training"
  code=$?
done
"${launch[@]}" -P -m dlscan.batch.sandbox home "${directories[@]}" || exit 1
say "exit code $code${ended:+, told to end}"
exit "$code"
