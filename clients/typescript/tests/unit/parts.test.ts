import { beforeEach, describe, expect, test, vi } from "vitest";
import type { UploadOptions } from "../../src/uploads/options.js";
import { bytes, clientOf, failure, ScriptedServer, settle } from "../support/scripted.js";

let server: ScriptedServer;

beforeEach(() => {
  vi.useFakeTimers();
  server = new ScriptedServer();
});

function start(size: number, options: Partial<UploadOptions> = {}, clientOptions: Parameters<typeof clientOf>[1] = {}) {
  return clientOf(server, clientOptions).upload(bytes(size), {
    bucket: "bucket",
    fileName: "a.bin",
    checksum: false,
    ...options,
  });
}

function partPuts(part: number): number {
  return server.seen.filter(({ query, route }) => route.startsWith("PUT s3/") && query.get("part") === String(part))
    .length;
}

/** Let the next PUTs of any part fail so. */
function failPuts(...faults: Parameters<ScriptedServer["next"]>[1][]): void {
  server.next("PUT s3/*", ...faults);
}

/** Wait until the service has announced the upload. */
async function announced(): Promise<void> {
  while (!server.uploads.size) await vi.advanceTimersByTimeAsync(1);
}

describe("an upload in parts", () => {
  test("sends each part once and stores the file", async () => {
    const record = await settle(start(95).result);
    expect(record.status).toBe("stored");
    expect(server.stored()).toEqual(bytes(95));
    expect([1, 2, 9, 10].map(partPuts)).toEqual([1, 1, 1, 1]);
    expect(
      server
        .routes()
        .filter((route) => !route.startsWith("PUT"))
        .slice(0, 2),
    ).toEqual(["POST uploads/", `POST uploads/${record.id}/parts/`]);
    expect(server.count(`GET uploads/${record.id}/parts/`)).toBe(0);
  });

  test.each([1, 2, 3, 7])("never has more than concurrency %i in flight", async (concurrency) => {
    await settle(start(300, { concurrency }).result);
    expect(server.mostInFlight).toBe(concurrency);
    expect(server.stored()).toEqual(bytes(300));
  });

  test("has three parts in flight by default", async () => {
    await settle(start(300).result);
    expect(server.mostInFlight).toBe(3);
  });

  test("holds fewer parts at once if each lies in memory", async () => {
    server.partSize = 12 * 1024 * 1024;
    const read = vi.fn((_offset: number, size: number) => Promise.resolve({ body: new Uint8Array(size) }));
    const source = { name: "a.bin", type: "", size: 4 * server.partSize, holdsChunks: true, read };
    const files = { open: () => Promise.resolve(source) };
    const task = clientOf(server, { files }).upload({}, { bucket: "bucket", checksum: false });
    await vi.waitFor(() => expect(server.inFlight).toBe(2));
    expect(server.mostInFlight).toBe(2);
    await settle(task.cancel());
  });

  test("signs the URLs that it needs, in batches", async () => {
    server.partSize = 1;
    await settle(start(120, { concurrency: 5 }).result);
    const batches = server.seen
      .filter(({ route }) => /^POST uploads\/.+\/parts\/$/.test(route))
      .map(({ json }) => (json.part_numbers as number[]).length);
    expect(batches).toEqual([50, 50, 18]);
  });

  test("sends fewer parts at once after failures, and more again after successes", async () => {
    server.partSize = 1;
    vi.spyOn(Math, "random").mockReturnValue(0.5); // Else the second failure may slow down after the first is made good.
    failPuts(...Array<"pass">(12).fill("pass"), "refuse", "refuse");
    const task = start(100, { concurrency: 4 });
    await settle(task.result);
    const { levels } = server;
    expect(Math.max(...levels.slice(0, 12))).toBe(4);
    // Two parts wait, two go on; then the number is halved by each failure.
    expect(levels.slice(14).join("")).toMatch(/^2+1{6,}2/);
    expect(Math.max(...levels.slice(-20))).toBe(4); // One more after every eight successes.
  });

  test("signs fresh URLs after a 403, and goes on", async () => {
    const task = start(95);
    await announced();
    await vi.advanceTimersByTimeAsync(30);
    server.expireUrls();
    await settle(task.result);
    expect(server.stored()).toEqual(bytes(95));
    expect(server.count("POST uploads/")).toBe(1);
  });

  test("fails with storage_refused if S3 refuses fresh URLs again and again", async () => {
    server.always("PUT s3/*", { status: 403, text: "<Code>SignatureDoesNotMatch</Code>" });
    await expect(settle(start(95).result)).rejects.toMatchObject({ code: "storage_refused", status: 403 });
    expect(server.routes().filter((route) => route.startsWith("PUT")).length).toBeLessThan(20);
    expect(server.inFlight).toBe(0);
  });

  test("signs a fresh URL after a lost part: a refusal can look like one", async () => {
    failPuts("refuse");
    const task = start(25);
    await settle(task.result);
    const urls = server.seen.filter(({ query }) => query.get("part") === "1").map(({ query }) => query.get("signed"));
    expect(new Set(urls).size).toBe(2);
  });

  test("asks before it sends a part again whose answer was lost", async () => {
    failPuts("swallow");
    const task = start(25, { concurrency: 1 });
    const record = await settle(task.result);
    expect(server.stored()).toEqual(bytes(25));
    expect(partPuts(1)).toBe(1);
    expect(server.count(`GET uploads/${record.id}/parts/`)).toBe(1);
    expect(task.progress).toMatchObject({ storedBytes: 25, sentBytes: 25 });
  });

  test("sends a part again that was lost with its answer", async () => {
    failPuts("cut");
    const task = start(25, { concurrency: 1 });
    await settle(task.result);
    expect(server.stored()).toEqual(bytes(25));
    expect(partPuts(1)).toBe(2);
  });

  test.each([
    { status: 500 },
    { status: 503, text: "<Code>SlowDown</Code>" },
    { status: 408 },
    { status: 429 },
    { status: 400, text: "<Code>RequestTimeout</Code>" },
    { status: 400, text: "<Code>IncompleteBody</Code>" },
    { status: 400, text: "<Code>BadDigest</Code>" },
    { status: 400, text: "<Code>XAmzContentSHA256Mismatch</Code>" },
    { status: 502, text: "<html>Bad Gateway</html>" },
  ])("sends a part again after $status $text", async (fault) => {
    failPuts(fault);
    const task = start(25);
    await settle(task.result);
    expect(server.stored()).toEqual(bytes(25));
    expect(partPuts(1)).toBe(2);
  });

  test.each(["BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"])(
    "of one request with a wrong checksum (%s) ends with checksum_mismatch",
    async (code) => {
      server.always("PUT s3/*", { status: 400, text: `<Code>${code}</Code>` });
      await expect(settle(start(5).result)).rejects.toMatchObject({ code: "checksum_mismatch", status: 400 });
      expect(server.routes().filter((route) => route.startsWith("PUT"))).toHaveLength(3);
    },
  );

  test("waits as long as the Retry-After of S3 says", async () => {
    failPuts({ status: 503, headers: { "Retry-After": "11" } });
    const task = start(25, { concurrency: 1 });
    await settle(task.result);
    const [first, second] = server.seen.filter(({ query }) => query.get("part") === "1").map(({ at }) => at);
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(11_000);
  });

  test.each(["EntityTooLarge", "InvalidArgument"])("ends with what no repetition mends: %s", async (code) => {
    server.always("PUT s3/*", { status: 400, text: `<Code>${code}</Code><Message>Not so.</Message>` });
    await expect(settle(start(95).result)).rejects.toMatchObject({
      code: "storage_refused",
      status: 400,
      message: expect.stringContaining("HTTP 400: Not so.") as string,
    });
  });

  test("one part that fails for good aborts the others", async () => {
    server.latency = 20;
    failPuts("hang", "hang", { status: 400, text: "" });
    const task = start(95);
    await expect(settle(task.result)).rejects.toMatchObject({ code: "storage_refused" });
    expect(server.inFlight).toBe(0);
    expect(server.routes().filter((route) => route.startsWith("PUT"))).toHaveLength(3);
  });

  test("a file that cannot be read any more fails with file_unreadable", async () => {
    const read = () => Promise.reject(new Error("EIO"));
    const files = { open: () => Promise.resolve({ name: "a", type: "", size: 95, holdsChunks: false, read }) };
    await expect(settle(start(95, {}, { files }).result)).rejects.toMatchObject({
      code: "file_unreadable",
      message: "The file cannot be read: EIO",
    });
  });

  test("a stalled part is sent again", async () => {
    failPuts("hang");
    const task = start(25, { concurrency: 1 }, { stallSeconds: 5 });
    const began = Date.now();
    await settle(task.result);
    expect(Date.now() - began).toBeGreaterThanOrEqual(5000);
    expect(Date.now() - began).toBeLessThan(12_000);
    expect(server.stored()).toEqual(bytes(25));
  });

  test("a part that S3 answers 404 although the upload is stored elsewhere ends the sending", async () => {
    const task = start(25);
    await announced();
    const [upload] = server.uploads.values();
    for (const part of [1, 2, 3]) upload?.parts.set(part, bytes(25).slice(part * 10 - 10, part * 10));
    if (upload) upload.record.status = "stored"; // Another device completed the upload.
    expect((await settle(task.result)).status).toBe("stored");
  });

  test("404 of a pending upload is upload_not_found", async () => {
    server.always("PUT s3/*", { status: 404, text: "<Code>NoSuchUpload</Code>" });
    await expect(settle(start(25).result)).rejects.toMatchObject({ code: "upload_not_found", status: 404 });
  });

  test("a service that signs nothing is bad_answer, not an endless loop", async () => {
    const task = start(95);
    server.always("POST uploads/*/parts/", { status: 200, text: '{"parts": [], "expires_at": ""}' });
    await expect(settle(task.result)).rejects.toMatchObject({ code: "bad_answer" });
  });

  test("parts that S3 lost before the completion are sent again", async () => {
    const progress: number[] = [];
    const task = start(25, { onProgress: ({ storedBytes }) => progress.push(storedBytes) });
    await announced();
    const [upload] = server.uploads.values();
    server.next(`POST uploads/${upload?.record.id ?? ""}/complete/`, {
      ...failure(409, "parts_missing"),
    });
    const losing = setInterval(() => {
      if (server.routes().some((route) => route.endsWith("/complete/"))) {
        upload?.parts.delete(2);
        clearInterval(losing);
      }
    }, 1);
    await settle(task.result);
    expect(server.stored()).toEqual(bytes(25));
    expect(partPuts(2)).toBe(2);
    expect(partPuts(1)).toBe(1);
    expect(Math.max(...progress)).toBe(25);
    expect(progress).toEqual([...progress].sort((one, other) => one - other));
  });

  test("parts that are missing again and again end with parts_missing", async () => {
    const task = start(25);
    await announced();
    const [id = ""] = server.uploads.keys();
    server.always(`POST uploads/${id}/complete/`, failure(409, "parts_missing"));
    await expect(settle(task.result)).rejects.toMatchObject({ code: "parts_missing" });
    expect(server.count(`POST uploads/${id}/complete/`)).toBe(3);
  });
});
