# What is in the image, and why, is in charts/image. Node's version is that of the optional dependencies in package.json,
# which bring the binary: this base only builds, and gives the C library that Node loads.
FROM docker.io/library/node:26.10.0-bookworm-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends binutils ca-certificates
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm pack --pack-destination /tmp && charts/image/rootfs.sh /tmp/isthmus-*.tgz /rootfs

FROM scratch
COPY --from=build /rootfs /
ENV PATH=/usr/local/bin SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
WORKDIR /var/lib/isthmus
ENTRYPOINT ["/usr/local/bin/isthmus"]
