# docker build -t vl-bias-lab .                          a build of torch for processors
# docker build -t vl-bias-lab --build-arg DEVICE=cuda .  one for NVIDIA GPUs; run it with --gpus all
# A Space builds it too: user 1000 and no volume are a Space's rules (deploy/space/README.md).
FROM python:3.11-slim
ARG DEVICE=cpu
RUN useradd --uid 1000 --create-home --home-dir /home/lab lab
WORKDIR /lab
COPY constraints-torch.txt constraints.txt ./
RUN if [ "$DEVICE" = cuda ]; then \
      pip install --no-cache-dir -r constraints-torch.txt; \
    else \
      pip install --no-cache-dir -r constraints-torch.txt --index-url https://download.pytorch.org/whl/cpu; \
    fi \
  && pip install --no-cache-dir --require-hashes -r constraints.txt
COPY . .
USER 1000
ENV HOME=/home/lab VLCORE_HOME=/home/lab PYTHONDONTWRITEBYTECODE=1
EXPOSE 8501
HEALTHCHECK --start-period=60s --timeout=10s \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8501/_stcore/health', timeout=8)"]
CMD ["streamlit", "run", "app.py", "--server.headless", "true"]
