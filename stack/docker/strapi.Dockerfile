# Our Strapi application with its admin panel. Built from stack/strapi, as compose.yaml says. Another base image can be
# named: --build-arg NODE_IMAGE=...
ARG NODE_IMAGE=node:22-bookworm-slim

FROM ${NODE_IMAGE} AS packages

WORKDIR /strapi
COPY package.json package-lock.json .npmrc ./
# No script of a package runs: the one that matters compiles SQLite's driver, and in containers PostgreSQL has the data.
RUN npm ci --omit=dev --no-audit --no-fund --ignore-scripts

FROM packages AS panel

# What the panel is made of, so that another change in src does not build it again. `none` leaves it out, which is quicker.
ARG PANEL=build
COPY config config
COPY src/access src/access
RUN mkdir -p build && test "$PANEL" = none || NODE_ENV=production node node_modules/@strapi/strapi/bin/strapi.js build

FROM packages AS slim

# What no program reads at run time: maps to sources, types, descriptions, and SQLite's driver with its sources.
RUN rm -rf node_modules/better-sqlite3 \
    && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.md' \) -delete

FROM ${NODE_IMAGE}

ENV NODE_ENV=production
WORKDIR /strapi
# Volumes that are mounted here take over their owner: the images of products, the tokens shared with the bridge, and the
# administrator's password.
RUN install -d -m 0755 -o 1000 -g 1000 public/uploads && install -d -m 0700 -o 1000 -g 1000 /tokens && install -d -m 0700 -o 1000 -g 1000 /admin
COPY --from=slim /strapi/node_modules node_modules
COPY --from=panel /strapi/build build
COPY . .

USER 1000:1000
CMD ["node", "node_modules/@strapi/strapi/bin/strapi.js", "start"]
