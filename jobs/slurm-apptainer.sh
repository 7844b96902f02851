#!/bin/bash
# Slurm with a container: dlscan and the framework are in an image, nothing but Apptainer is on the nodes.
#
#   batch:
#     system: slurm
#     template: jobs/slurm-apptainer.sh     # relative to the experiment file
#     options: {partition: gpu, constraint: "a100|h100"}
#
# --nv lets the GPUs in, --bind the places of scans and data; signals reach Python as without a container.
@options@

launch=(apptainer exec --nv --bind /data,/scratch "$HOME/images/dlscan.sif" python3)

@train@
