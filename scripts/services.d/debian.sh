# Sourced by scripts/services: the services in a Debian 13 root file system made by debootstrap, as an unprivileged user.
# Every daemon has a mount namespace of its own (services.d/enter), so nothing is ever mounted on the machine itself.
# shellcheck shell=bash disable=SC2154

CACHE=${BULKHEAD_SERVICES_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bulkhead}
ROOT=$CACHE/debian-13
SERVICE_UID=58117
BASE_PACKAGES='postgresql-17 postgresql-17-pgvector pgbouncer valkey-server nats-server'
BROWSER_PACKAGES='chromium fonts-dejavu-core'

debian_available() {
  [[ $(id -u) == 0 && $(uname) == Linux ]] || return 1
  grep -qE '^ID(_LIKE)?=.*debian' /etc/os-release && command -v apt-get flock unshare >/dev/null || return 1
  unshare --mount --propagation private true 2>/dev/null
}

debian_prepare() { debian_install base "$BASE_PACKAGES"; }

debian_prepare_browser() {
  debian_install browser "$BROWSER_PACKAGES"
  write_browser "exec unshare --mount --propagation private -- $(printf '%q ' "$HERE/services.d/enter" --browser "$ROOT" "$STATE")" \
    /home/browser/profile
}

# debian_install SET PACKAGES: does nothing when the stamp in the root file system already names these packages.
debian_install() {
  local stamp=$ROOT/var/lib/bulkhead/$1 began=$SECONDS
  [[ -s $stamp && $(<"$stamp") == "$2" ]] && return
  mkdir -p "$CACHE"
  (
    flock -w 1200 8
    if ! [[ -d $ROOT ]]; then debian_bootstrap; fi
    if ! [[ -s $stamp && $(<"$stamp") == "$2" ]]; then
      note "installing into $ROOT: $2"
      debian_add "$ROOT" "$1" "$2"
    fi
  ) 8>"$CACHE/lock"
  note "$1 packages ready after $((SECONDS - began)) s"
}

debian_bootstrap() {
  local new mirror options=(--variant=minbase)
  # A fresh machine has no package lists yet: neither the package nor the mirror's label is known before an update.
  [[ -n $(debian_mirror) ]] || host_apt update || true
  if ! command -v debootstrap >/dev/null; then
    host_apt install -y --no-install-recommends debootstrap debian-archive-keyring || { tail -20 "$CACHE/apt.log" >&2; exit 1; }
  fi
  mirror=$(debian_mirror)
  if [[ $mirror == https:* ]]; then options+=(--include=ca-certificates); fi
  rm -rf "$CACHE"/debian-13.new.*
  new=$(mktemp -d "$CACHE/debian-13.new.XXXXXX")
  chmod 755 "$new"
  note "building a Debian 13 root file system in $ROOT (once; about a minute)"
  unshare --mount --propagation private -- debootstrap "${options[@]}" trixie "$new" ${mirror:+"$mirror"} \
    >"$new.log" 2>&1 9>&- || { tail -20 "$new.log" >&2; exit 1; }
  mkdir -p "$new/etc/postgresql-common" "$new/var/lib/bulkhead"
  printf 'create_main_cluster = false\n' >"$new/etc/postgresql-common/createcluster.conf"
  printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d"
  chmod 755 "$new/usr/sbin/policy-rc.d"
  printf 'force-unsafe-io\npath-exclude=/usr/share/doc/*\npath-exclude=/usr/share/man/*\npath-exclude=/usr/share/locale/*\n' \
    >"$new/etc/dpkg/dpkg.cfg.d/bulkhead"
  printf '127.0.0.1 localhost\n' >"$new/etc/hosts"
  printf 'bulkhead:x:%s:%s::/nonexistent:/usr/sbin/nologin\n' "$SERVICE_UID" "$SERVICE_UID" >>"$new/etc/passwd"
  printf 'bulkhead:x:%s:\n' "$SERVICE_UID" >>"$new/etc/group"
  # Whatever else this machine needs to reach its mirror.
  apt-config dump | grep -E '^Acquire::https?::[^ ]+ "[^"]' >"$new/etc/apt/apt.conf.d/50bulkhead" || true
  if [[ $mirror == https:* ]]; then cp -L /etc/ssl/certs/ca-certificates.crt "$new/etc/ssl/certs/" || true; fi
  debian_add "$new" base "$BASE_PACKAGES"
  mv "$new" "$ROOT"
  rm -f "$new.log"
}

# debian_add ROOT SET PACKAGES
debian_add() {
  local log=$CACHE/apt.log
  cp -L /etc/resolv.conf "$1/etc/resolv.conf" 2>/dev/null || true
  # shellcheck disable=SC2016
  unshare --mount --propagation private -- bash -euc '
    mount -t proc proc "$1/proc"
    export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
    chroot "$1" dpkg --configure -a
    chroot "$1" apt-get -o Acquire::Retries=3 -q update
    chroot "$1" apt-get -o Acquire::Retries=3 -q install -y --no-install-recommends $2
    chroot "$1" apt-get clean
  ' bash "$1" "$3" >"$log" 2>&1 </dev/null 9>&- || { tail -20 "$log" >&2; exit 1; }
  rm -rf "$1"/var/lib/apt/lists/*
  printf '%s\n' "$3" >"$1/var/lib/bulkhead/$2"
}

host_apt() {
  DEBIAN_FRONTEND=noninteractive apt-get -q "$@" >"$CACHE/apt.log" 2>&1 </dev/null 9>&-
}

# The mirror this machine already gets Debian from; nothing (debootstrap's own choice) if it gets something else.
debian_mirror() {
  # shellcheck disable=SC2016
  apt-get indextargets --format '$(LABEL)|$(COMPONENT)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    sed -n 's/^Debian|main|//p' | head -1
}

debian_running() {
  local pid born
  [[ -s $STATE/pid/$1 ]] || return 1
  read -r pid born <"$STATE/pid/$1"
  [[ -n $born && $(birth "$pid" || true) == "$born" ]]
}

debian_start() {
  local data=$STATE/data/$1 conf=$STATE/conf/$1 log=$STATE/log/$1.log pid setting command
  local bin=/usr/lib/postgresql/17/bin
  chown -R "$SERVICE_UID:$SERVICE_UID" "$STATE/conf"
  case $1 in
    main | cell)
      await_end "$1"
      # Nobody works in the folder any more, so the lock file is stale. PostgreSQL itself would not see that as long as
      # the killed postmaster is a zombie, which in a container without an init it may be for ever.
      rm -f "$data/postmaster.pid"
      if ! [[ -s $data/PG_VERSION ]]; then
        rm -rf "$data" "$data.new"
        install -d -o "$SERVICE_UID" -g "$SERVICE_UID" -m 700 "$data.new"
        (debian_enter "$log" "$bin/initdb" --pgdata="$data.new" --username="$OWNER" --pwfile="$conf.password" \
          --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --data-checksums) || { debian_log "$1" >&2; exit 1; }
        mv "$data.new" "$data"
      fi
      command=("$bin/postgres" -D "$data" -p "$(port "$1")" -c listen_addresses=127.0.0.1 -c unix_socket_directories=)
      for setting in $(postgres_settings "$1"); do command+=(-c "$setting"); done
      ;;
    pgbouncer*) command=(/usr/sbin/pgbouncer "$conf.ini") ;;
    valkey) command=(/usr/bin/valkey-server "$conf.conf") ;;
    nats) command=(/usr/sbin/nats-server -c "$conf.conf") ;;
  esac
  if ! [[ -d $data ]]; then install -d -o "$SERVICE_UID" -g "$SERVICE_UID" -m 700 "$data"; fi
  debian_enter "$log" "${command[@]}" &
  pid=$!
  echo "$pid $(birth "$pid")" >"$STATE/pid/$1"
}

# debian_enter LOG COMMAND...: becomes the command, as the unprivileged user, with the root file system around it.
# For a subshell. setsid: a Ctrl-C meant for a test run must not reach the servers.
debian_enter() {
  exec setsid unshare --mount --propagation private -- "$HERE/services.d/enter" --service "$ROOT" "$STATE" "${@:2}" \
    >>"$1" 2>&1 </dev/null 9>&-
}

debian_stop() {
  local signal=TERM
  case $1 in main | cell) signal=INT ;; esac
  debian_signal "$1" "$signal" || return 0
  debian_gone "$1" 30 || { note "$1 ignores SIG$signal, killing it"; debian_kill "$1"; }
}

debian_kill() {
  debian_signal "$1" KILL || true
  debian_family "$1" | xargs -r kill -KILL 2>/dev/null || true
  debian_gone "$1" 10 || { note "cannot kill $1"; exit 1; }
  await_end "$1"
}

debian_signal() {
  local pid
  debian_running "$1" || return 1
  read -r pid _ <"$STATE/pid/$1"
  kill "-$2" "$pid" 2>/dev/null
}

debian_gone() {
  local deadline=$((SECONDS + $2))
  while debian_running "$1"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.05
  done
  rm -f "$STATE/pid/$1"
}

# Every process of our user that works in the data folder: what a killed postmaster leaves behind for a moment.
debian_family() {
  local data entry
  data=$(stat -c %d:%i "$STATE/data/$1" 2>/dev/null) || return 0
  for entry in $(stat -L -c '%d:%i=%n' /proc/[0-9]*/cwd 2>/dev/null); do
    [[ $entry == "$data="* ]] || continue
    entry=${entry#*=/proc/}
    [[ $(stat -c %u "/proc/${entry%/cwd}" 2>/dev/null) == "$SERVICE_UID" ]] && echo "${entry%/cwd}"
  done
  return 0
}

await_end() {
  local deadline=$((SECONDS + 10))
  while [[ -n $(debian_family "$1") ]]; do
    ((SECONDS < deadline)) || { note "processes of an earlier $1 are still there: $(debian_family "$1" | xargs)"; exit 1; }
    sleep 0.05
  done
}

debian_log() { tail -n 30 "$STATE/log/$1.log"; }
debian_wipe() { :; }

# Every service listens on this machine, under the paths it has here.
debian_address() { echo "127.0.0.1 $(port "$1")"; }
debian_listen() { if [[ $2 == host ]]; then echo 127.0.0.1; else port "$1"; fi; }
debian_inside() { echo "$1"; }
