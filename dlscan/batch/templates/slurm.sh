#!/bin/bash
# Jobs of a dlscan scan on Slurm: job N of the array trains the points in line N of jobs.txt.
# The same points again, by hand, from this directory: sbatch --array=N slurm.sh
@options@

launch=(@python@)

@train@
