# An image with nothing in it but the program and the certificates that it trusts: docker build -t tinyforge-reconciler .
#
# What may be chosen with --build-arg:
#   BUILDER_IMAGE  where it is built: cargo, a C compiler, CA certificates. On Alpine the program comes out linked statically.
#   BASE_IMAGE     what it runs on. What a builder with glibc makes needs a base with glibc: rust:1.95-bookworm and
#                  gcr.io/distroless/cc-debian12
#   PROGRAM        a program that is built already, as dist/tinyforge-reconciler: it is taken, and nothing is built
#   REVISION       the commit, for the labels
#
# No syntax of BuildKit's: Debian's Docker builds it too.
ARG BUILDER_IMAGE=rust:1.95-alpine
ARG BASE_IMAGE=scratch

FROM ${BUILDER_IMAGE} AS builder
ARG PROGRAM=
WORKDIR /src
COPY . .
RUN set -eu; \
    program=$PROGRAM; \
    if [ -z "$program" ]; then \
        [ -e /usr/include/stdio.h ] || apk add --no-cache musl-dev; \
        cargo build --release --locked --package tinyforge-reconciler; \
        program=target/release/tinyforge-reconciler; \
    fi; \
    mkdir -p /image/usr/local/bin /image/etc/ssl/certs /data; \
    mkdir -m 1777 /image/tmp; \
    cp "$program" /image/usr/local/bin/tinyforge-reconciler; \
    chmod 755 /image/usr/local/bin/tinyforge-reconciler; \
    cp -L /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/

FROM ${BASE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="tinyforge-reconciler" \
      org.opencontainers.image.description="Keeps tinyforge's index of Docker containers true." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=builder /image /
# A new volume that is mounted there gets this owner.
COPY --from=builder --chown=65532:65532 /data /data
USER 65532:65532
# The default database is data/tinyforge.db.
WORKDIR /
VOLUME /data
# The API listens on 127.0.0.1:8787 unless told otherwise: reached by `healthcheck` and by nobody outside.
EXPOSE 8787
HEALTHCHECK --interval=30s --timeout=6s --start-period=30s --retries=3 \
    CMD ["/usr/local/bin/tinyforge-reconciler", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/tinyforge-reconciler"]
