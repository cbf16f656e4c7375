#!/usr/bin/env bash
# A private SLURM cluster on this one machine: two nodes, each with fake GPUs, loopback only.
# It needs no systemd, no cgroups and no network, and touches no other SLURM on the machine.
#
#   cluster.sh install   install Debian's packages (root)
#   cluster.sh up        start munged, slurmctld and the nodes; does nothing to what runs already
#   cluster.sh down      stop them, and the cluster's jobs
#   cluster.sh status    show nodes and jobs
#   cluster.sh env       print what makes sbatch, squeue and so on talk to this cluster:
#                        eval "$(cluster.sh env)"
#
# Settings, from the environment:
#   CLUSTER_DIR    state, logs and keys; two folders are two clusters (default: under TMPDIR)
#   CLUSTER_NODES  number of nodes (2)
#   CLUSTER_CPUS   CPUs of a node, whatever the machine has (4)
#   CLUSTER_GPUS   fake GPUs of a node (2)
#   CLUSTER_MEMORY memory of a node in MB (8000)
#   CLUSTER_GRACE  seconds between the signal and the end of a job that is pushed out (30)
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
DIR=${CLUSTER_DIR:-${TMPDIR:-/tmp}/tratree-cluster-$(id -u)}
NODES=${CLUSTER_NODES:-2}
CPUS=${CLUSTER_CPUS:-4}
GPUS=${CLUSTER_GPUS:-2}
MEMORY=${CLUSTER_MEMORY:-8000}
GRACE=${CLUSTER_GRACE:-30}
export SLURM_CONF=$DIR/etc/slurm.conf
PACKAGES=(slurmctld slurmd slurm-client munge)

source "$HERE/processes.sh"
source "$HERE/configuration.sh"

install_packages() {
  dpkg -s "${PACKAGES[@]}" >/dev/null 2>&1 && return
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${PACKAGES[@]}" >/dev/null
}

up() {
  local program
  for program in munged slurmctld slurmd; do
    command -v "$program" >/dev/null || fail "$program is missing: run '$0 install' as root"
  done
  [ "$(id -u)" = 0 ] || fail "only root can start the nodes (they change users and make devices)"
  write_configuration
  start munged munged --foreground --force --num-threads=2 \
    --socket="$DIR/run/munge.socket" --key-file="$DIR/munge/key" --seed-file="$DIR/munge/seed" \
    --pid-file="$DIR/run/munged.own" --log-file="$DIR/log/munged.log"
  wait_for 10 munge -S "$DIR/run/munge.socket" -n || fail "munged did not start: see $DIR/log"
  start slurmctld slurmctld -D -f "$SLURM_CONF"
  local node
  for node in $(seq "$NODES"); do
    start "slurmd.n$node" slurmd -D -N "n$node" -f "$SLURM_CONF"
  done
  start release bash "$HERE/release_requeued.sh" "$DIR/state"
  wait_for 60 all_nodes_up || fail "the nodes did not come up: see $DIR/log"
}

all_nodes_up() {
  [ "$(sinfo -h -N -p main -t idle,mixed,allocated -o %N | sort -u | wc -l)" = "$NODES" ]
}

down() {
  [ -d "$DIR/run" ] || return 0
  if running slurmctld; then
    scancel --user="$(id -un)" || true
    wait_for 10 no_jobs || true
  fi
  local file
  for file in "$DIR"/run/{release,slurmd.n*,slurmctld}.pid; do
    [ -e "$file" ] && stop "$(basename "$file" .pid)" &
  done
  wait
  stop munged
}

no_jobs() {
  [ -z "$(squeue -h -o %i)" ]
}

case "${1:-}" in
  install) install_packages ;;
  up) up ;;
  down) down ;;
  status) sinfo -N -o '%N %t %c %G' && squeue ;;
  env) echo "export SLURM_CONF='$SLURM_CONF' PATH='$DIR/bin':\"\$PATH\"" ;;
  *) sed -n '2,20s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
esac
