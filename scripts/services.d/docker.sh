# Sourced by scripts/services: the services as containers.
# Written against the images' documentation on a machine without a Docker engine: the path least tried of the three.
# shellcheck shell=bash disable=SC2154

# Containers, volumes and the network carry a name made from the checkout's path, so that two checkouts do not meet.
DOCKER_NAME=bulkhead-$(printf '%s' "$PROJECT" | cksum | cut -d' ' -f1)

docker_available() { command -v docker >/dev/null && timeout 20 docker info >/dev/null 2>&1; }

docker_image() {
  case $1 in
    main | cell) echo pgvector/pgvector:pg17 ;;
    pgbouncer*) echo edoburu/pgbouncer:latest ;; # 1.24 or newer
    valkey) echo valkey/valkey:8 ;;
    nats) echo nats:2 ;;
    browser) echo chromedp/headless-shell:stable ;;
  esac
}

docker_prepare() {
  docker network inspect "$DOCKER_NAME" >/dev/null 2>&1 || docker network create "$DOCKER_NAME" >/dev/null
}

# A browser of this machine if there is one: it can be driven over a pipe, and starts faster than a container.
docker_prepare_browser() {
  local browser
  for browser in chromium google-chrome google-chrome-stable chromium-browser; do
    browser=$(command -v "$browser") || continue
    write_browser "exec $(printf '%q' "$browser")" "$STATE/browser"
    return
  done
  browser=$(docker_image browser)
  docker image inspect "$browser" >/dev/null 2>&1 || docker pull -q "$browser" >&2
  write_browser "exec docker run --rm -i --init --network host --shm-size 512m --user $(id -u):$(id -g) \
-v /tmp:/tmp -v $(printf '%q:%q' "$PROJECT" "$PROJECT") -e HOME=/tmp --entrypoint /headless-shell/headless-shell $browser" /tmp/profile
}

docker_start() {
  local name=$1 file setting options=() arguments=()
  for file in "$STATE/conf/$name".*; do
    # Read by a user of the image; on this machine the folder around it keeps others out.
    chmod 644 "$file"
    options+=(-v "$file:/conf/${file##*/}:ro")
  done
  case $name in
    main | cell)
      options+=(--shm-size 512m -v "$DOCKER_NAME-$name:/var/lib/postgresql/data" -e "POSTGRES_USER=$OWNER" -e POSTGRES_DB=postgres
        -e "POSTGRES_PASSWORD_FILE=/conf/$name.password" -e POSTGRES_HOST_AUTH_METHOD=scram-sha-256
        -e 'POSTGRES_INITDB_ARGS=--auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --data-checksums')
      for setting in $(postgres_settings "$name"); do arguments+=(-c "$setting"); done
      ;;
    pgbouncer*) arguments=(/usr/bin/pgbouncer "/conf/$name.ini") ;;
    valkey) options+=(-v "$DOCKER_NAME-valkey:/data"); arguments=(valkey-server "/conf/valkey.conf") ;;
    nats) options+=(-v "$DOCKER_NAME-nats:/data"); arguments=(-c /conf/nats.conf) ;;
  esac
  docker rm -f "$DOCKER_NAME-$name" >/dev/null 2>&1 || true
  docker run -d --name "$DOCKER_NAME-$name" --network "$DOCKER_NAME" --stop-timeout 30 \
    -p "127.0.0.1:$(port "$name"):$(docker_listen "$name" port)" "${options[@]}" "$(docker_image "$name")" "${arguments[@]}" \
    >/dev/null 9>&-
}

docker_running() { [[ $(docker container inspect -f '{{.State.Running}}' "$DOCKER_NAME-$1" 2>/dev/null) == true ]]; }
docker_stop() { docker stop "$DOCKER_NAME-$1" >/dev/null 2>&1 || true; }
docker_kill() { docker kill "$DOCKER_NAME-$1" >/dev/null 2>&1 || true; }
docker_log() { docker logs --tail 30 "$DOCKER_NAME-$1" 2>&1; }

docker_wipe() {
  local name
  for name in "${SERVICES[@]}"; do
    docker rm -f "$DOCKER_NAME-$name" >/dev/null 2>&1 || true
    docker volume rm "$DOCKER_NAME-$name" >/dev/null 2>&1 || true
  done
  docker network rm "$DOCKER_NAME" >/dev/null 2>&1 || true
}

docker_address() { echo "$DOCKER_NAME-$1 $(docker_listen "$1" port)"; }

docker_listen() {
  case $2:$1 in
    host:*) echo 0.0.0.0 ;; # of the container; published on 127.0.0.1 alone
    port:main | port:cell) echo 5432 ;;
    port:pgbouncer*) echo 6432 ;;
    port:valkey) echo 6379 ;;
    port:nats) echo 4222 ;;
  esac
}

docker_inside() {
  case $1 in
    "$STATE"/conf/*) echo "/conf/${1##*/}" ;;
    "$STATE"/data/*) echo /data ;;
  esac
}
