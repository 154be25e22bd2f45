#!/usr/bin/env bash
# A Slurm of one node on this machine, to try `npm run cluster -- --executor slurm` before a real cluster: from Debian's packages
# (apt-get install slurm-wlm munge), as root. No accounting: squeue says how jobs are doing.
#   bash scripts/slurm.sh start | stop
set -euo pipefail
state=/var/tmp/zsaq-slurm conf=/etc/slurm/slurm.conf mark='# made by zsaq: scripts/slurm.sh'
fail() { echo "slurm.sh: $1" >&2; exit 1; }
stop() { for d in slurmd slurmctld; do [ -f "$state/$d.pid" ] && kill "$(cat "$state/$d.pid")" 2>/dev/null || true; done; }

case "${1:-}" in
start)
  [ "$(id -u)" = 0 ] || fail "needs root: Slurm's daemons start jobs of any user"
  for p in slurmctld slurmd munged; do command -v $p > /dev/null || fail "$p is not there: apt-get install slurm-wlm munge"; done
  [ ! -f $conf ] || grep -q "$mark" $conf || fail "$conf is another cluster's: nothing was changed"
  stop
  mkdir -p /etc/slurm "$state/state" "$state/spool" /run/munge
  chown munge:munge /run/munge
  munge -n > /dev/null 2>&1 || runuser -u munge -- munged
  cat > $conf <<EOF
$mark
ClusterName=zsaq
SlurmctldHost=$(hostname -s)
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$state/state
SlurmdSpoolDir=$state/spool
SlurmctldPidFile=$state/slurmctld.pid
SlurmdPidFile=$state/slurmd.pid
SlurmctldLogFile=$state/slurmctld.log
SlurmdLogFile=$state/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
$(slurmd -C | head -n 1) State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
EOF
  slurmctld
  slurmd
  for _ in $(seq 20); do [ "$(sinfo -h -o %t 2>/dev/null || true)" = idle ] && { sinfo; exit 0; }; sleep 1; done
  fail "no idle node after 20 s: see $state/slurmctld.log and slurmd.log" ;;
stop)
  stop
  [ -f $conf ] && grep -q "$mark" $conf && rm $conf
  rm -rf "$state" ;;
*) fail "start or stop" ;;
esac
