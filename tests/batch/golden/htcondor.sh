#!/bin/bash
# Jobs of a dlscan scan on HTCondor: job CLUSTER.N trains the points in line N+1 of jobs.txt.
# The lines that begin with #CONDOR are the submit description. The same jobs again, by hand, from this directory:
#   sed -n 's/^#CONDOR //p' htcondor.sh | (cd / && condor_submit)
#CONDOR universe = vanilla
#CONDOR executable = /bin/bash
#CONDOR transfer_executable = false
#CONDOR arguments = "-c 'exec bash $(DOLLAR)''/data/it\''s ""mine"" $(DOLLAR)(x) ü\nnew/scans/demo/submissions/0004/htcondor.sh'' $(DOLLAR)0' $(ClusterId).$(ProcId)"
#CONDOR initialdir = /tmp
#CONDOR output = /dev/null
#CONDOR error = /dev/null
# The scan is read and written where it is: the nodes see it under the same path.
#CONDOR should_transfer_files = IF_NEEDED
#CONDOR transfer_output_files = ""
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
#CONDOR +JobFlavour = "tomorrow"
#CONDOR accounting_group = group_u_ATLAS
#CONDOR stream_error = true
#CONDOR queue 3

launch=('/opt/it'"'"'s mine/bin/python')

scan=$'/data/it\'s "mine" $(x) ü\nnew/scans/demo'
directory=$'/data/it\'s "mine" $(x) ü\nnew/scans/demo/submissions/0004'

export DLSCAN_JOB=$1
export DLSCAN_CPUS=8
export OMP_NUM_THREADS=$DLSCAN_CPUS TF_NUM_INTRAOP_THREADS=$DLSCAN_CPUS TF_NUM_INTEROP_THREADS=$DLSCAN_CPUS
# the number that HTCondor gives to jobs without a GPU
[ "${CUDA_VISIBLE_DEVICES:-}" != 10000 ] || CUDA_VISIBLE_DEVICES=
export KERAS_BACKEND=jax

# What is said here goes to N+1.log in the submission's directory, what training prints to the log of its first point.
number=$((${DLSCAN_JOB#*.} + 1))
exec >>"$directory/$number.log" 2>&1
say() { echo "$(date '+%Y-%m-%d %H:%M:%S') $DLSCAN_JOB on $(hostname): $*"; }
read -r -a points < <(sed -n "${number}p" "$directory/jobs.txt")
logs=("$scan/points/$(printf %04d "$((10#${points[0]}))")"-*)

say "points ${points[*]}${CUDA_VISIBLE_DEVICES:+, GPU $CUDA_VISIBLE_DEVICES}"
exec "${launch[@]}" -P -m dlscan train "$scan" --point "${points[@]}" --stopped-exit-code 85 >>"${logs[0]}/log.txt" 2>&1
