# The image of mirrorboard, see docs/deployment.md. scripts/check-deployment.sh and scripts/try-image.sh test it.
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# The compiler's binary is an optional package, so these are needed here.
RUN npm ci --include=dev --include=optional --ignore-scripts
COPY tsconfig.json LICENSE ./
COPY bin bin
COPY scripts/build.sh scripts/build-app.mjs scripts/build-page.mjs scripts/
COPY docs/errors.md docs/
COPY src src
# A checkout runs even with type errors, but an image must have none. Files keep the modes of the build machine, whatever
# its umask: the user of the image must be able to read everything.
RUN node_modules/.bin/tsc -p tsconfig.json --noEmit \
    && node_modules/.bin/tsc -p src/page/browser/tsconfig.json \
    && sh scripts/build.sh \
    && mkdir -p /out/dist \
    && cp -R bin LICENSE package.json package-lock.json .npmrc /out/ \
    && cp -R dist/app /out/dist/app \
    && chmod -R a+rX,go-w /out

FROM ${NODE_IMAGE}
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The optional packages are a Node for checkouts; the image has its own.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --cache=/tmp/npm \
    && rm -rf /tmp/npm \
    && mkdir -p /var/lib/mirrorboard \
    && chown 10001:10001 /var/lib/mirrorboard \
    && ln -s /app/bin/mirrorboard /usr/local/bin/mirrorboard
COPY --from=build /out/ ./

# Both override the configuration file, which could name a path that is not writable with a read-only root.
ENV NODE_ENV=production \
    UV_THREADPOOL_SIZE=16 \
    MIRRORBOARD_STORE=/var/lib/mirrorboard/mirrorboard.db \
    MIRRORBOARD_STATE=/var/lib/mirrorboard/mirrorboard.state

# After the slow layers, because these change with each build.
ARG NODE_IMAGE
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="mirrorboard" \
      org.opencontainers.image.description="Mirrors TensorBoard log directories, exactly and continuously" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="${NODE_IMAGE}"

# A number, so that a kubelet can see that it is not root.
USER 10001:10001
WORKDIR /var/lib/mirrorboard
VOLUME ["/var/lib/mirrorboard"]
# Without a shell or init, signals reach the process. It handles SIGTERM itself and starts no others.
ENTRYPOINT ["node", "--max-semi-space-size=4", "--disable-warning=ExperimentalWarning", "/app/dist/app/main.js"]
CMD ["watch"]
