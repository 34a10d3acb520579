import { randomBytes } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { createClient } from "../../src/node.js";
import { hashUrl } from "../support/random.js";
import { createBucket, freePort } from "../support/service.js";
import { service, bucket, user, staff, clientOf, sha256Of, SMALL } from "../support/clients.js";

describe("files, records and usage", () => {
  let own: string;

  beforeAll(async () => {
    own = await createBucket(service);
    const user = clientOf(service.user);
    for (const name of ["a/1.txt", "a/2.txt", "b.txt"]) {
      await user.upload(randomBytes(10), { bucket: own, fileName: name, via: "server" }).result;
    }
  });

  test("files lists by prefix, by folder and by pages", async () => {
    expect((await user.files(own).all()).map(({ file_name }) => file_name)).toEqual(["a/1.txt", "a/2.txt", "b.txt"]);
    expect(await user.files(own, { prefix: "a/" }).all()).toHaveLength(2);
    const page = await user.files(own, { delimiter: "/" }).page();
    expect(page).toMatchObject({ prefixes: ["a/"], isLast: true, items: [{ file_name: "b.txt", size: 10 }] });
    expect(await user.files(own, { pageSize: 1 }).all()).toHaveLength(3);
    expect(await user.files(own, { pageSize: 1 }).page()).toMatchObject({ isLast: false });
  });

  test("folder lists direct uploads by their paths, and deeper folders", async () => {
    const { id } = await user.upload(randomBytes(10), { bucket: own, fileName: "a/direct.txt" }).result;
    const page = await user.folder(own).page();
    expect(page).toMatchObject({ prefixes: ["a/"], isLast: true, items: [{ path: "b.txt" }] });
    const inside = await user.folder(own, { prefix: "a/", pageSize: 2 }).all();
    expect(inside.map(({ path }) => path)).toEqual(["a/1.txt", "a/2.txt", "a/direct.txt"]);
    const record = await user.record(id);
    expect(inside[2]).toEqual(record);
    expect(await staff.folder(own, { prefix: "a/", userId: record.user_id ?? "" }).all()).toHaveLength(3);
    await user.delete(own, record.file_name);
  });

  test("records lists by every filter, and record returns one", async () => {
    const records = await user.records({ bucket: own, pageSize: 2 }).all();
    expect(records.map(({ file_name }) => file_name)).toEqual(["b.txt", "a/2.txt", "a/1.txt"]);
    const [newest] = records;
    expect(await user.record(newest?.id ?? "")).toEqual(newest);
    const filter = { bucket: own, status: "stored", fileName: "2", createdAfter: "2020-01-01" } as const;
    expect(await user.records(filter).all()).toHaveLength(1);
    expect(await user.records({ bucket: own, createdBefore: "2020-01-01T00:00:00Z" }).all()).toEqual([]);
    expect(await user.records({ bucket: own, contentType: "image/png" }).all()).toEqual([]);
    expect(await staff.records({ bucket: own, userId: newest?.user_id ?? "" }).all()).toHaveLength(3);
  });

  test("usage counts bytes and files, of others for staff", async () => {
    expect(await user.usage(own)).toMatchObject({ bytes: 30, files: 3, quota_bytes: null });
    const [record] = await user.records({ bucket: own }).all();
    expect(await staff.usage(own, { userId: record?.user_id ?? "" })).toMatchObject({ files: 3 });
    expect(await staff.usage(own)).toMatchObject({ files: 0 });
  });

  test("delete removes file and record", async () => {
    await user.delete(own, "b.txt");
    expect(await user.files(own).all()).toHaveLength(2);
    await expect(user.downloadUrl(own, "b.txt")).rejects.toMatchObject({ code: "file_not_found", status: 404 });
  });

  test("a record that does not exist is upload_not_found", async () => {
    await expect(user.record("00000000-0000-4000-8000-000000000000")).rejects.toMatchObject({
      code: "upload_not_found",
    });
  });
});

describe("links", () => {
  test("downloadUrl lives as long and shows as asked", async () => {
    await user.upload(SMALL, { bucket, fileName: "link.png", via: "server", contentType: "application/octet-stream" })
      .result;
    const signed = await user.downloadUrl(bucket, "link.png", { expiresIn: 60, disposition: "attachment" });
    expect(signed.expires_in).toBe(60);
    const response = await fetch(signed.url);
    expect(response.headers.get("Content-Disposition")).toContain("attachment");
  });

  test("share makes a link that anybody opens until it is revoked", async () => {
    await user.upload(SMALL, { bucket, fileName: "shared.bin", via: "server" }).result;
    const link = await user.share(bucket, "shared.bin", { expiresIn: 600, maxDownloads: 5 });
    expect(link).toMatchObject({ max_downloads: 5, file_name: "shared.bin" });
    expect(await hashUrl(link.url)).toBe(sha256Of(SMALL));
    const listed = await user.shares({ bucket, fileName: "shared.bin" }).all();
    expect(listed).toMatchObject([{ id: link.id, downloads: 1 }]);
    await user.revokeShare(link.id);
    expect((await fetch(link.url)).status).toBe(404);
  });

  test("share of a file that does not exist is file_not_found", async () => {
    await expect(user.share(bucket, "no-such-file")).rejects.toMatchObject({ code: "file_not_found" });
  });
});

describe("buckets", () => {
  test("staff create, list and remove them", async () => {
    const name = `test-${randomBytes(6).toString("hex")}`;
    expect(await staff.createBucket(name)).toMatchObject({ name });
    expect((await staff.buckets()).map((found) => found.name)).toContain(name);
    await expect(staff.createBucket(name)).rejects.toMatchObject({ code: "bucket_exists" });
    await staff.removeBucket(name);
    expect((await staff.buckets()).map((found) => found.name)).not.toContain(name);
  });

  test("others may not create them", async () => {
    await expect(user.createBucket("test-not-allowed")).rejects.toMatchObject({
      code: "permission_denied",
      status: 403,
    });
  });
});

describe("credentials", () => {
  test("that are wrong are asked for again, and then used", async () => {
    const asked: boolean[] = [];
    const client = createClient({
      baseUrl: service.baseUrl,
      authorization: ({ rejected }) => {
        asked.push(rejected);
        return rejected ? service.user : "Token test-expired";
      },
    });
    expect(await client.usage(bucket)).toMatchObject({ quota_bytes: null });
    expect(asked).toEqual([false, true]);
  });

  test("that are missing are not_authenticated", async () => {
    const client = createClient({ baseUrl: service.baseUrl });
    await expect(client.buckets()).rejects.toMatchObject({ code: "not_authenticated", status: 401 });
  });
});

describe("an address", () => {
  test("that is not the service's is bad_answer, with what it said", async () => {
    const client = createClient({ baseUrl: new URL("/admin", service.baseUrl).href });
    await expect(client.buckets()).rejects.toMatchObject({ code: "bad_answer" });
  });

  test.each(["/relative", "localhost:8000", "ftp://localhost"])("%s is refused by Node.js", async (baseUrl) => {
    await expect(createClient({ baseUrl }).buckets()).rejects.toMatchObject({ code: "invalid" });
  });

  test("at which nothing listens is connection_lost", async () => {
    const client = createClient({ baseUrl: `http://127.0.0.1:${await freePort()}` });
    await expect(client.createBucket("test-nowhere")).rejects.toMatchObject({ code: "connection_lost" });
  });
});
