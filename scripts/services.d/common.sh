# Sourced by scripts/services: notes, lock, ports, process identity, readiness, the environment.
# shellcheck shell=bash disable=SC2154

note() { printf 'services: %s\n' "$*" >&2; }

random_hex() { head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }

# One command at a time changes the services of a checkout. Daemons must not inherit the lock (9>&-).
lock() {
  if ! command -v flock >/dev/null; then return; fi
  exec 9>"$STATE/lock"
  flock -w 1200 9 || { note 'another services command has held the lock for 20 minutes'; exit 1; }
}
unlock() { exec 9>&-; }

# What tells a process from a later one that was given the same id: when it was born. Nothing for a dead one.
birth() {
  local stat fields
  if [[ -d /proc/self ]]; then
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    read -ra fields <<<"${stat##*) }"
    [[ ${fields[0]} != Z ]] || return 1
    echo "${fields[19]}"
  else
    ps -o lstart= -p "$1"
  fi
}

others_use_it() {
  local file
  for file in "$STATE"/users/*; do
    [[ -e $file ]] || continue
    if [[ -s $file && $(birth "${file##*/}" || true) == "$(<"$file")" ]]; then return 0; fi
    rm -f "$file"
  done
  return 1
}

port() { sed -n "s/^$1=//p" "$STATE/ports"; }

port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Ports outlive a restart. One is chosen anew only if its service is down and somebody else has taken it.
# 20000-32000 is below the range outgoing connections take theirs from.
assign_ports() {
  local name chosen fresh=''
  touch "$STATE/ports"
  for name in "${SERVICES[@]}"; do
    chosen=$(port "$name")
    if ! backend running "$name"; then
      while [[ -z $chosen || $fresh == *"=$chosen"$'\n'* ]] || ! port_is_free "$chosen"; do
        chosen=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
      done
      if [[ $name == main && $chosen != "$(port main)" ]]; then
        backend stop pgbouncer
        backend stop pgbouncer_plain
      fi
    fi
    fresh+="$name=$chosen"$'\n'
  done
  printf '%s' "$fresh" >"$STATE/ports"
}

# Says what a client would say and looks at the answer, so that no client has to be installed.
answers() {
  local password begin
  password=$(<"$STATE/secret")
  case $1 in
    main | cell | pgbouncer*)
      # A startup packet: length, protocol 3.0, user, database. 'R' asks for the password; 'E' would be "starting up".
      printf -v begin '\\0\\0\\0\\x%02x\\0\\003\\0\\0user\\0%s\\0database\\0postgres\\0\\0' $((33 + ${#OWNER})) "$OWNER"
      [[ $(ask "$1" "$begin" 1) == R ]]
      ;;
    valkey) [[ $(ask "$1" "AUTH $password\\r\\nPING\\r\\n" 12) == *+PONG* ]] ;;
    nats) [[ $(ask "$1" '' 5) == INFO* ]] ;;
  esac
}

# ask NAME BYTES COUNT: sends the bytes, prints the first COUNT characters of the answer.
ask() {
  local said=''
  exec 3<>"/dev/tcp/127.0.0.1/$(port "$1")" || return 0
  # shellcheck disable=SC2059
  printf "$2" >&3
  IFS= read -r -d '' -n "$3" -t 2 -u 3 said || true
  printf '%s' "$said"
} 2>/dev/null

# write_browser START PROFILE: the browser as one executable. START begins the command line; the profile is used when
# the caller names none.
write_browser() {
  mkdir -p "$STATE/bin"
  cat >"$STATE/bin/chromium.new" <<SH
#!/bin/bash
flags=(--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
  --disable-component-update --disable-sync --disable-breakpad --log-level=3)
[[ " \$*" == *' --user-data-dir='* ]] || flags+=(--user-data-dir='$2')
$1 "\${flags[@]}" "\$@"
SH
  chmod 755 "$STATE/bin/chromium.new"
  mv "$STATE/bin/chromium.new" "$STATE/bin/chromium"
}

variable() {
  case $1 in
    main) echo BULKHEAD_TEST_POSTGRES_URL ;;
    *) echo "BULKHEAD_TEST_${1^^}_URL" ;;
  esac
}

given() {
  local name
  name=$(variable "$1")
  [[ -n ${!name:-} ]]
}

url() {
  local password at
  password=$(<"$STATE/secret")
  at=127.0.0.1:$(port "$1")
  case $1 in
    valkey) echo "redis://default:$password@$at" ;;
    nats) echo "nats://$at" ;;
    *) echo "postgres://$OWNER:$password@$at/postgres" ;;
  esac
}

write_env() {
  local name lines=''
  for name in $(wanted); do lines+="$(variable "$name")=$(url "$name")"$'\n'; done
  if [[ -n $lines ]]; then lines+="BULKHEAD_TEST_PG_CTL=$HERE/services"$'\n'; fi
  if [[ -x $STATE/bin/chromium ]]; then lines+="BULKHEAD_TEST_CHROMIUM=$STATE/bin/chromium"$'\n'; fi
  lines+="BULKHEAD_TEST_SERVICES_DIR=$STATE"$'\n'
  (umask 077 && printf '%s' "$lines" >"$STATE/env.new")
  mv "$STATE/env.new" "$STATE/env"
}

# What was given wins over what is in the file.
load_env() {
  local name value
  if [[ -z $(wanted) ]] && ! [[ -s $STATE/env ]]; then return; fi
  [[ -s $STATE/env ]] || { note 'not up: scripts/services up'; exit 1; }
  while IFS='=' read -r name value; do
    if [[ -z ${!name:-} ]]; then export "$name=$value"; fi
  done <"$STATE/env"
}

print_env() {
  local name
  for name in "${!BULKHEAD_TEST_@}"; do printf 'export %s=%q\n' "$name" "${!name}"; done
}
