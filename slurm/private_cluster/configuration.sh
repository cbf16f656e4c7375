# Writes the configuration of the cluster into $DIR/etc, and what it refers to.

write_configuration() {
  mkdir -p "$DIR"/{bin,etc,log,munge,run,state}
  chmod 700 "$DIR/munge"
  [ -s "$DIR/munge/key" ] || (umask 077 && head -c 1024 /dev/urandom >"$DIR/munge/key")
  install -m 755 "$HERE/sacct" "$DIR/bin/sacct"
  # The nodes' made-up names do not resolve, so jobs of several processes meet at the loopback.
  printf '#!/bin/sh\necho export MASTER_ADDR=127.0.0.1\n' >"$DIR/etc/prolog"
  chmod 755 "$DIR/etc/prolog"
  : >"$DIR/etc/cgroup.conf"
  choose_port
  write_slurm_conf >"$DIR/etc/slurm.conf"
  write_gres_conf >"$DIR/etc/gres.conf"
}

choose_port() { # a block of free ports, the same as long as the folder lives
  if [ ! -s "$DIR/etc/port" ]; then
    local port=$((20000 + $(printf %s "$DIR" | cksum | cut -d' ' -f1) % 100 * 100))
    until claim "$port"; do port=$((port + 100)); done
    echo "$port" >"$DIR/etc/port"
  fi
  PORT=$(cat "$DIR/etc/port")
}

claim() { # no other cluster gets the port while this one comes up; then it is in use
  exec 9>"/tmp/private-cluster-$1.lock"
  flock -n 9 && ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

write_slurm_conf() {
  local host user node
  host=$(hostname -s)
  user=$(id -un)
  cat <<CONF
ClusterName=private
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$PORT
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$DIR/run/munge.socket
CredType=cred/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation=$DIR/state/controller
SlurmdSpoolDir=$DIR/state/%n
SlurmctldPidFile=$DIR/run/slurmctld.own
SlurmdPidFile=$DIR/run/slurmd.%n.own
SlurmctldLogFile=$DIR/log/slurmctld.log
SlurmdLogFile=$DIR/log/slurmd.%n.log
TaskProlog=$DIR/etc/prolog
# No cgroups, no accounting: a container has neither.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
# Nodes claim the CPUs and the memory that they are said to have.
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=256
GresTypes=gpu
# Schedule at once; remember ended jobs for an hour, for want of accounting.
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0,sched_min_interval=100000
ReturnToService=2
MinJobAge=3600
MaxArraySize=1001
KillWait=5
InactiveLimit=0
# Jobs of partition main push those of partition scavenge out, which are signalled and requeued.
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
CONF
  for node in $(seq "$NODES"); do
    echo "NodeName=n$node NodeHostname=$host NodeAddr=127.0.0.1 Port=$((PORT + node))" \
      "CPUs=$CPUS Boards=1 SocketsPerBoard=1 CoresPerSocket=$CPUS ThreadsPerCore=1" \
      "RealMemory=$MEMORY Gres=gpu:$GPUS State=UNKNOWN"
  done
  local limits="MaxTime=INFINITE DefaultTime=10 State=UP"
  echo "PartitionName=main Nodes=n[1-$NODES] Default=YES $limits PriorityTier=10 PreemptMode=OFF"
  echo "PartitionName=scavenge Nodes=n[1-$NODES] $limits PriorityTier=1 PreemptMode=REQUEUE" \
    "GraceTime=$GRACE"
}

write_gres_conf() { # a GPU is a device file: here one that reads as /dev/null
  local node gpu
  for gpu in $(seq 0 $((GPUS - 1))); do
    [ -c "$DIR/run/gpu$gpu" ] || mknod "$DIR/run/gpu$gpu" c 1 3
    for node in $(seq "$NODES"); do
      echo "NodeName=n$node Name=gpu File=$DIR/run/gpu$gpu"
    done
  done
}
