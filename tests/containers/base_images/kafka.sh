#!/bin/sh
# What the official image does: the mounted file, the environment's settings behind it, format once, start.
set -eu
file=/opt/kafka/config/server.properties
cp /mnt/shared/config/server.properties "$file"
env | while IFS='=' read -r name value; do
    case $name in
        KAFKA_HEAP_OPTS | KAFKA_OPTS) ;;
        KAFKA_*) printf '\n%s=%s' "$(echo "${name#KAFKA_}" | tr 'A-Z_' 'a-z.')" "$value" >>"$file" ;;
    esac
done
export CLASSPATH='/opt/kafka/libs/*'
java -Xmx128m kafka.tools.StorageTool format --ignore-formatted -t "${CLUSTER_ID:-5L6g3nShT-eMCtK--X86sw}" -c "$file" >/dev/null
# shellcheck disable=SC2086
exec java ${KAFKA_HEAP_OPTS:-} ${KAFKA_OPTS:-} kafka.Kafka "$file"
