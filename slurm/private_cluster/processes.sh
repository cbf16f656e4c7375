# Starting and stopping the cluster's programs. A pid counts only while it is still that program.

fail() {
  echo "error: $*" >&2
  exit 1
}

wait_for() { # SECONDS COMMAND...: until the command succeeds
  local tries=$(($1 * 10))
  shift
  while ! "$@" >/dev/null 2>&1; do
    ((tries-- > 0)) || return 1
    sleep 0.1
  done
}

running() { # NAME: whether the program that `start` started under this name still runs
  local pid program
  read -r pid program 2>/dev/null <"$DIR/run/$1.pid" || return 1
  [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$program" ]
}

start() { # NAME PROGRAM ARGUMENTS...
  local name=$1
  shift
  running "$name" && return
  setsid "$@" </dev/null >>"$DIR/log/$name.out" 2>&1 &
  echo "$! $1" >"$DIR/run/$name.pid"
}

stop() { # NAME
  local pid program
  if running "$1"; then
    read -r pid program <"$DIR/run/$1.pid"
    kill "$pid" || true
    wait_for 10 not_running "$1" || kill -KILL "$pid"
  fi
  rm -f "$DIR/run/$1.pid"
}

not_running() {
  ! running "$1"
}
