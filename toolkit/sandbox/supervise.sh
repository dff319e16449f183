# Runs a command, and ends all of it when the process that wants it is gone.
#
#   sh supervise.sh STDIN GROUPS REMOVAL COMMAND...
#
# STDIN    number of the file that the command reads as its standard input
# GROUPS   control groups to run it in, a line each; they are removed at the end
# REMOVAL  command that removes the container it runs in, or nothing
#
# Our own standard input is a pipe into which nobody writes: it ends with our parent,
# however that dies. (A death signal would come when the parent's thread ends.)
stdin=$1 groups=$2 removal=$3
shift 3

clean() {
  $removal
  IFS='
'
  for group in $groups; do
    tries=40
    until rmdir "$group" || [ $tries = 0 ]; do
      kill -9 $(cat "$group/cgroup.procs")
      [ $tries -gt 35 ] || sleep 0.02
      tries=$((tries - 1))
    done
  done
}

exec 3<&0 4>&2 2>/dev/null
{
  read -r _ <&3
  clean
  kill -9 0
} >/dev/null 4>&1 &
lifeline=$!
(
  IFS='
'
  for group in $groups; do echo 0 >"$group/cgroup.procs" || exit 125; done
  unset IFS
  exec <"/dev/fd/$stdin" 2>&4 3<&- 4>&-
  exec "$@"
)
code=$?
kill -9 $lifeline
wait $lifeline
clean >/dev/null
exit $code
