# Our Strapi application with its admin panel. Built from stack/strapi, as compose.yaml says.
FROM node:22-bookworm AS packages

WORKDIR /strapi
COPY package.json package-lock.json .npmrc ./
# better-sqlite3 is compiled where no ready build of it can be had: this image has the compiler, the next one has not.
RUN npm ci --omit=dev --no-audit --no-fund
COPY . .
RUN NODE_ENV=production node node_modules/@strapi/strapi/bin/strapi.js build

FROM node:22-bookworm-slim

ENV NODE_ENV=production
WORKDIR /strapi
COPY --from=packages /strapi ./
# Volumes that are mounted here take over their owner: the images of products, and the tokens shared with the bridge.
RUN install -d -m 0755 -o 1000 -g 1000 public/uploads && install -d -m 0700 -o 1000 -g 1000 /tokens

USER 1000:1000
CMD ["node", "node_modules/@strapi/strapi/bin/strapi.js", "start"]
