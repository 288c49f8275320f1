# opsci-bridge, the engine with no terminal, and the server of the web client. Built from the top of the repository,
# as compose.yaml says.
FROM node:22-bookworm-slim AS web

WORKDIR /web
COPY stack/web/package.json stack/web/package-lock.json stack/web/.npmrc ./
RUN npm ci --omit=dev --no-audit --no-fund --ignore-scripts

FROM python:3.11-slim-bookworm

ENV PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /opsci

# What changes seldom comes first: the packages stay in the cache when only our code changes.
COPY stack/locks/run.txt stack/locks/run.txt
RUN python -m pip install --no-input --disable-pip-version-check --require-hashes -r stack/locks/run.txt

COPY pyproject.toml README.md LICENSE ./
COPY bridge bridge
COPY tui tui
COPY stack stack
COPY configs configs
COPY --from=web /web/node_modules/mqtt/dist/mqtt.esm.js /web/mqtt.esm.js
# The build backend is in the lock, so nothing else is fetched for this.
RUN python -m pip install --no-input --disable-pip-version-check --no-index --no-deps --no-build-isolation -e .

# The user of the Strapi image too: it is the owner of the token's file.
USER 1000:1000
CMD ["opsci-bridge", "run"]
