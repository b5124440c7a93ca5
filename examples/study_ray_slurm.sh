#!/bin/bash
# A transfer study on a Slurm cluster: one Ray instance over the nodes of a job, one driver.
#   sbatch examples/study_ray_slurm.sh study.toml
# Each node runs one `ray start`; the driver on the first node writes every row. A job that ends
# before the study does is submitted again: what is finished is kept.
#SBATCH --job-name=study
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-node=4
#SBATCH --mem=0
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@120
set -euo pipefail

STUDY=${1:?name a study.toml}
HEAD=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
PORT=${RAY_PORT:-6379}
export OMP_NUM_THREADS=1 RAY_USAGE_STATS_ENABLED=0

srun --nodes=1 --ntasks=1 --nodelist="$HEAD" \
    ray start --head --node-ip-address="$HEAD" --port="$PORT" \
    --num-cpus="$SLURM_CPUS_PER_TASK" --block &
sleep 30
if [ "$SLURM_JOB_NUM_NODES" -gt 1 ]; then
    srun --nodes=$((SLURM_JOB_NUM_NODES - 1)) --ntasks=$((SLURM_JOB_NUM_NODES - 1)) --exclude="$HEAD" \
        ray start --address="$HEAD:$PORT" --num-cpus="$SLURM_CPUS_PER_TASK" --block &
    sleep 30
fi

# a quarter of a GPU for each encoder: sixteen of a node at a time
unibridge study "$STUDY" --executor ray --workers $((16 * SLURM_JOB_NUM_NODES)) \
    --set "run.options={address='$HEAD:$PORT', cpus=1, gpus=0.25, memory_gb=8}"
