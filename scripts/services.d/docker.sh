# Sourced by scripts/services: the services as containers.
# shellcheck shell=bash disable=SC2154
docker_available() { command -v docker >/dev/null && timeout 20 docker info >/dev/null 2>&1; }
