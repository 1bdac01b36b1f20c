# The image of Shorepass: the program alone, static, on an empty file system, as a user
# without rights.
#
#   make image                                   (or: docker build -t shorepass .)
#   docker run --read-only -v "$PWD:/etc/shorepass:ro" -v shorepass:/data -p 5001:5001 shorepass
#
# The configuration is /etc/shorepass/shorepass.yaml, with "listen: 0.0.0.0:5001" and
# "data_dir: /data". The volume at /data holds the signing keys. Stopping takes up to 30 seconds (docker stop -t 40).
FROM golang:1.26.8-alpine AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# What "shorepass version" says of the source, whose history is not here: git describe
# and git rev-parse.
ARG VERSION REVISION
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -X github.com/shorepass/shorepass/cmd.builtVersion=$VERSION -X github.com/shorepass/shorepass/cmd.builtRevision=$REVISION" -o /out/shorepass ./cmd/shorepass \
 && mkdir -m 700 /out/data && mkdir /out/trust

FROM scratch
ARG VERSION REVISION
LABEL org.opencontainers.image.title="Shorepass" \
      org.opencontainers.image.description="Federation broker for container registries" \
      org.opencontainers.image.source="https://github.com/shorepass/shorepass" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY LICENSE /
# The public authorities, for a directory whose certificate is of one.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/shorepass /usr/local/bin/
# Where volumes go: /data for the keys, and /trust for what "shorepass registry-config
# --write-bundle" has for registries.
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build --chown=65532:65532 /out/trust /trust
USER 65532:65532
# Without it Docker takes SIGHUP for a stop, and does not start the container again when it has ended.
STOPSIGNAL SIGTERM
WORKDIR /etc/shorepass
EXPOSE 5001
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["/usr/local/bin/shorepass", "health"]
ENTRYPOINT ["/usr/local/bin/shorepass"]
CMD ["serve"]
