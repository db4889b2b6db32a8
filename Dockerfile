# docker build -t tinker-mock . ; docker-compose.yml shows how to run it.
FROM python:3.11-slim AS build
WORKDIR /source
COPY requirements/runtime.txt requirements/build.txt requirements/
RUN python -m venv /opt/tinker-mock \
    && /opt/tinker-mock/bin/pip install --no-cache-dir --require-hashes -r requirements/runtime.txt \
    && python -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md LICENSE openapi.yaml ./
COPY mock_server mock_server
COPY contracts contracts
# The tools that build the wheel stay behind in this stage.
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
    && /opt/tinker-mock/bin/pip install --no-cache-dir --no-deps --no-index /wheel/*.whl

FROM python:3.11-slim
# The data directory belongs to the user, so that a volume mounted there is made writable for them.
RUN useradd --create-home --uid 10001 tinker && install -d -o tinker /data
COPY --from=build /opt/tinker-mock /opt/tinker-mock
ENV PATH=/opt/tinker-mock/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TINKER_MOCK_DATA_DIR=/data
USER tinker
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["tinker-mock", "healthcheck"]
# Inside the container every interface is the container's own; which of them the host shows is the port mapping's choice.
ENTRYPOINT ["tinker-mock", "serve", "--host", "0.0.0.0", "--allow-remote"]
