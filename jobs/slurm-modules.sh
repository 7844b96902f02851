#!/bin/bash
# Slurm, GPU partition, software by modules: dlscan is in a virtual environment that wants its modules loaded.
#
#   batch:
#     system: slurm
#     template: jobs/slurm-modules.sh       # relative to the experiment file
#     time: 4h
#     memory: 32G
#     options: {partition: gpu, account: my-group}
#
# What stands before the options of the experiment are this site's defaults; the experiment has the last word.
#SBATCH --partition=gpu
#SBATCH --mail-type=FAIL
@options@

module purge
module load cuda/12.4 python/3.11
launch=("$HOME/venvs/dlscan/bin/python")

@train@
