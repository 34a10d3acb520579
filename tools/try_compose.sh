#!/bin/sh
# Start every service of compose.yaml with Docker, upload a file through nginx, read it back, and stop.
# Needs Docker with Compose 2.24 or later, curl and openssl. Removes its containers and volumes at the end.
set -eu
cd "$(dirname "$0")/.."
environment=$(mktemp)
compose() { docker compose --project-name try-s3-file-uploader --env-file "$environment" "$@"; }
trap 'status=$?; [ $status = 0 ] || compose logs --tail 30; compose down --volumes --timeout 10; rm -f "$environment"; exit $status' EXIT
cat >"$environment" <<END
DJANGO_SECRET_KEY=$(openssl rand -hex 32)
POSTGRES_PASSWORD=$(openssl rand -hex 24)
AWS_ACCESS_KEY_ID=$(openssl rand -hex 10)
AWS_SECRET_ACCESS_KEY=$(openssl rand -hex 20)
END
compose up --build --detach --wait app nginx housekeeping
compose exec -T -e DJANGO_SUPERUSER_PASSWORD="$(openssl rand -hex 12)" app \
    python manage.py createsuperuser --noinput --username staff --email staff@example.com
token=$(compose exec -T app python manage.py drf_create_token staff | cut -d ' ' -f 3)
service=http://localhost:8080/modules/s3-file-uploader/service
sent=$(mktemp)
head -c 20000000 /dev/urandom >"$sent"
send() { curl --fail --silent --show-error --header "Authorization: Token $token" "$@"; }
send --data bucket=my-first-bucket "$service/bucket/create/"
send --upload-file "$sent" "$service/buckets/my-first-bucket/files/file.bin"
send --location --output - "$service/buckets/my-first-bucket/files/file.bin/" | cmp - "$sent"
rm "$sent"
echo "The services run: a file was uploaded through nginx, and read from the store."
