# Batches on a server with an NVIDIA GPU:
#   docker build --tag napari-blindspot .
#   docker run --rm --gpus all --user "$(id -u):$(id -g)" --volume "$PWD":/images napari-blindspot batch data -o results
# Torch's wheels for Linux bring CUDA along; the host needs the driver and the NVIDIA Container Toolkit only.
FROM python:3.12-slim

# Git's history stays outside: --build-arg VERSION=1.2.3 says which version this is.
ARG VERSION=0.1.0.dev0
ENV SETUPTOOLS_SCM_PRETEND_VERSION_FOR_NAPARI_BLINDSPOT=$VERSION
RUN useradd --create-home denoiser
COPY . /src
RUN pip install --no-cache-dir "/src[cluster,formats,plots]" && rm -rf /src

ENV HOME=/tmp MPLCONFIGDIR=/tmp/matplotlib
USER denoiser
WORKDIR /images
ENTRYPOINT ["napari-blindspot"]
CMD ["--help"]
