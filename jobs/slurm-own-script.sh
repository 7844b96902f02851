#!/bin/bash
# Slurm with a script of one's own from top to bottom, in the least number of lines: no log per point, no requeue
# before the time limit. What stops is submitted again by the next `dlscan scan`.
#
#   batch: {system: slurm, template: jobs/slurm-own-script.sh}
@options@
export DLSCAN_JOB=${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}
read -r -a points < <(sed -n "${SLURM_ARRAY_TASK_ID}p" @directory@/jobs.txt)
exec @python@ -P -m dlscan train @scan@ --point "${points[@]}"
