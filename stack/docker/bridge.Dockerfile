# opsci-bridge, the engine with no terminal, its screen, and the server of the web client. Built from the top of the
# repository, as compose.yaml says. Other base images can be named: --build-arg PYTHON_IMAGE=..., NODE_IMAGE=...
ARG NODE_IMAGE=node:22-bookworm-slim
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${NODE_IMAGE} AS web

WORKDIR /web
COPY stack/web/package.json stack/web/package-lock.json stack/web/.npmrc ./
RUN npm ci --omit=dev --no-audit --no-fund --ignore-scripts

FROM ${PYTHON_IMAGE}

ENV PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /opsci

# What changes seldom comes first: the packages stay in the cache when only our code changes.
COPY stack/locks/run.txt stack/locks/run.txt
RUN python -m pip install --no-input --disable-pip-version-check --require-hashes -r stack/locks/run.txt
COPY --from=web /web/node_modules/mqtt/dist/mqtt.esm.js /web/mqtt.esm.js

# A volume that is mounted at one of these takes over its owner and mode: the engine's MQTT client id, the password of the
# database, which PostgreSQL's group reads, Strapi's own secrets, and what compose.secure.yaml makes. That the servers mount
# elsewhere: Docker puts into an empty volume what the image has at the place where it is mounted.
RUN install -d -m 0700 -o 1000 -g 1000 /var/lib/opsci /secrets/strapi && install -d -m 0750 -o 1000 -g 999 /secrets/database \
    && install -d -m 0700 -o 1000 -g 1000 /credentials/all /credentials/engine /credentials/kafka /credentials/strapi \
        /credentials/topics /credentials/web /credentials/websockets \
    && install -d -m 0750 -o 1000 -g 1883 /credentials/mosquitto

COPY pyproject.toml README.md LICENSE ./
COPY configs configs
COPY stack stack
COPY bridge bridge
COPY tui tui
# The build backend is in the lock, so nothing else is fetched for this. Compiled here, as no container may write it.
RUN python -m pip install --no-input --disable-pip-version-check --no-index --no-deps --no-build-isolation -e . \
    && python -m compileall -q bridge stack tui

# The user of the Strapi image too: it is the owner of the token's file.
USER 1000:1000
CMD ["opsci-bridge", "run"]
