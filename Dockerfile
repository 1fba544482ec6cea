# Batches on a server with an NVIDIA GPU:
#   docker build --tag napari-blindspot .
#   docker run --rm --gpus all --user "$(id -u):$(id -g)" --volume "$PWD":/images napari-blindspot batch data -o results
# Torch's wheels for Linux bring CUDA along; the host needs the driver and the NVIDIA Container Toolkit only.
FROM python:3.12-slim

RUN useradd --create-home denoiser
COPY . /src
RUN pip install --no-cache-dir "/src[cluster,formats,plots]" && rm -rf /src

ENV HOME=/tmp MPLCONFIGDIR=/tmp/matplotlib
USER denoiser
WORKDIR /images
ENTRYPOINT ["napari-blindspot"]
CMD ["--help"]
