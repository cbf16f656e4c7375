#!/usr/bin/env bash
# SLURM holds a requeued job back for two minutes; this lets it start at once.
while sleep 1; do
  for job in $(squeue -h -t PENDING -o '%i %r' 2>/dev/null | awk '$2 == "BeginTime" { print $1 }'); do
    scontrol update JobId="$job" StartTime=now 2>/dev/null
  done
done
