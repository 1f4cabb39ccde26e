# Sourced by scripts/services: what each service is told, whichever way it is started.
# shellcheck shell=bash disable=SC2034,SC2154

OWNER=bulkhead_test # the superuser of both clusters

# fsync stays on: the crash tests kill a cluster and count on what it had promised.
postgres_settings() {
  local connections=200
  [[ $1 == cell ]] && connections=60
  printf '%s\n' "max_connections=$connections" shared_buffers=256MB wal_level=logical password_encryption=scram-sha-256
}

# write_config NAME: as the backend's servers will see it. The backend says where the service listens and where main is.
write_config() {
  local file=$STATE/conf/$1 password
  password=$(<"$STATE/secret")
  (
    umask 077
    case $1 in
      pgbouncer) pgbouncer_config "$1" 200 "$password" >"$file.ini" ;;
      pgbouncer_plain) pgbouncer_config "$1" 0 "$password" >"$file.ini" ;;
      valkey) valkey_config "$password" >"$file.conf" ;;
      nats) nats_config >"$file.conf" ;;
      *) printf '%s' "$password" >"$file.password" ;;
    esac
    if [[ $1 == pgbouncer* ]]; then printf '"%s" "%s"\n' "$OWNER" "$password" >"$file.users"; fi
  )
}

# Any role made later can log in through it: its password is looked up in main when it first comes.
# The look-up has a database of its own, so that it never keeps a tenant's database from being dropped.
pgbouncer_config() {
  local host at
  read -r host at <<<"$(backend address main)"
  cat <<INI
[databases]
* = host=$host port=$at
[pgbouncer]
listen_addr = $(backend listen "$1" host)
listen_port = $(backend listen "$1" port)
unix_socket_dir =
pool_mode = transaction
max_prepared_statements = $2
auth_type = scram-sha-256
auth_file = $(backend inside "$STATE/conf/$1.users")
auth_user = $OWNER
auth_dbname = postgres
auth_query = SELECT usename, passwd FROM pg_catalog.pg_shadow WHERE usename = \$1
admin_users = $OWNER
max_client_conn = 500
default_pool_size = 20
max_db_connections = 60
server_idle_timeout = 60
ignore_startup_parameters = extra_float_digits
INI
}

valkey_config() {
  cat <<CONF
bind $(backend listen valkey host)
port $(backend listen valkey port)
requirepass $1
dir $(backend inside "$STATE/data/valkey")
appendonly yes
save ""
CONF
}

# No password: clients differ in whether they take one from a URL, and tests that need accounts start their own.
nats_config() {
  cat <<CONF
listen: "$(backend listen nats host):$(backend listen nats port)"
jetstream { store_dir: "$(backend inside "$STATE/data/nats")" }
CONF
}
