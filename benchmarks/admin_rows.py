"""Fill the tables of the admin by SQL: users, uploads, share links and audit events, as a service of two years has."""

from django.db import connection

USERS = 20_000
UPLOADS_OF_A_LINK = 10
BUCKETS = 12

# The share of a user, a bucket or a type falls with its number, so a few of them own most of the rows.
_USERS = """
INSERT INTO auth_user (password, is_superuser, username, first_name, last_name, email, is_staff, is_active,
    date_joined)
SELECT '!', false,
       'user' || lpad(n::text, 6, '0'), (ARRAY['Ada','Ben','Chen','Dana','Emre'])[1 + n %% 5],
       (ARRAY['Abel','Brandt','Cohen','Dubois','Eriksen','Fischer','Garcia'])[1 + n %% 7] || n,
       'user' || n || '@example.com',
       false, true, now() - interval '2 years'
FROM generate_series(1, %(users)s) AS n
"""
_UPLOADS = """
INSERT INTO s3_file_uploader_fileupload (id, user_id, bucket, file_name, path, location_digest, original_name, size,
    incoming_size, content_type, checksum_sha256, etag, created_at, completed_at, status, claim_id, write_id,
    claimed_until, needs_scan, scan_after, status_reason, strategy, multipart_upload_id, part_size, writable_until)
SELECT id, CASE WHEN n %% 100 = 0 THEN NULL ELSE first_user + floor(power(random(), 2) * %(users)s)::int END, bucket,
    key, name, encode(sha256(convert_to(bucket || '/' || key, 'UTF8')), 'hex'), name, size, NULL, type,
    md5(n::text) || md5((n + 1)::text), CASE WHEN status = 'pending' THEN '' ELSE md5(n::text) END, created,
    CASE WHEN status = 'pending' THEN NULL ELSE created + interval '3 seconds' END, status, id, id,
    CASE WHEN status = 'pending' THEN created + interval '1 day' END, false, NULL,
    CASE WHEN status = 'rejected' THEN 'Eicar-Test-Signature' ELSE '' END,
    (ARRAY['', 'put', 'multipart', 'post'])[1 + n %% 4], '', NULL, NULL
FROM (
    SELECT *, 'uploads/' || id || '/' || name AS key,
        'bucket-' || lpad(floor(power(random(), 3) * %(buckets)s)::text, 2, '0') AS bucket
    FROM (
        SELECT n, md5('upload' || n)::uuid AS id,
            now() - interval '2 years' + interval '2 years' * n / %(uploads)s AS created,
            (ARRAY['invoice','holiday','report','scan','contract','photo'])[1 + n %% 6] || '-' || n || '.' ||
            (ARRAY['jpg','pdf','png','docx','mp4','txt'])[1 + n %% 6] AS name,
            (ARRAY['image/jpeg','application/pdf','image/png',
            'application/vnd.openxmlformats-officedocument.wordprocessingml.document','video/mp4',
            'text/plain'])[1 + n %% 6] AS type,
            floor(exp(random() * 12) * 100)::bigint AS size,
            CASE WHEN n %% 100 = 7 THEN 'pending' WHEN n %% 1000 = 8 THEN 'quarantined'
                WHEN n %% 1000 = 9 THEN 'rejected'
                ELSE 'stored' END AS status
        FROM generate_series(1, %(uploads)s) AS n
    ) AS numbered
) AS placed, (SELECT min(id) AS first_user FROM auth_user WHERE username = 'user000001') AS base
"""
_LINKS = """
INSERT INTO s3_file_uploader_sharelink (id, digest, user_id, upload_id, etag, created_at, expires_at, revoked_at,
    max_downloads, downloads)
SELECT md5('link' || n)::uuid, md5('one' || n) || md5('two' || n), coalesce(u.user_id, first_user), u.id, u.etag,
    u.created_at, u.created_at + interval '30 days', CASE WHEN n %% 50 = 0 THEN u.created_at + interval '1 hour' END,
    CASE WHEN n %% 3 = 0 THEN 10 END, n %% 7
FROM generate_series(1, %(links)s) AS n
JOIN s3_file_uploader_fileupload AS u ON u.id = md5('upload' || n * %(uploads_of_a_link)s)::uuid,
    (SELECT min(id) AS first_user FROM auth_user WHERE username = 'user000001') AS base
"""
_EVENTS = """
INSERT INTO s3_file_uploader_auditevent (created_at, user_id, user_name, address, action, bucket, file_name, object_id,
    location_digest, outcome)
SELECT now() - interval '2 years' + interval '2 years' * n / %(events)s, coalesce(u.user_id::text, ''),
    coalesce('user' || lpad((u.user_id - first_user + 1)::text, 6, '0'), ''), '203.0.113.' || n %% 250,
    CASE WHEN n %% 997 = 0 THEN 'share_revoke' WHEN n %% 997 = 1 THEN 'bucket_create'
        ELSE (ARRAY['file_upload','file_redirect','file_presign','upload_start','file_delete'])[1 + n %% 5] END,
    u.bucket, u.file_name, u.id::text, u.location_digest, CASE WHEN n %% 200 = 0 THEN 'file_not_found' ELSE 'ok' END
FROM generate_series(1, %(events)s) AS n
JOIN s3_file_uploader_fileupload AS u ON u.id = md5('upload' || 1 + (n::bigint * 7919) %% %(uploads)s)::uuid,
    (SELECT min(id) AS first_user FROM auth_user WHERE username = 'user000001') AS base
"""


def fill(uploads: int) -> None:
    """Insert the rows, and give the planner its statistics.

    Args:
        uploads: the number of uploads, and of audit events; a tenth of them has a share link.
    """
    numbers = {"users": USERS, "uploads": uploads, "events": uploads, "links": uploads // UPLOADS_OF_A_LINK}
    numbers |= {"buckets": BUCKETS, "uploads_of_a_link": UPLOADS_OF_A_LINK}
    with connection.cursor() as cursor:
        for statement in (_USERS, _UPLOADS, _LINKS, _EVENTS):
            cursor.execute(statement, numbers)
        cursor.execute("VACUUM ANALYZE")
