import { cdp } from "vitest/browser";
import { afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { sendByXhr } from "../../src/http/xhr.js";
import type { Transport, UploadState } from "../../src/index.js";
import { createBytes, createFile, hash } from "./files.js";
import { createBucket, createTestClient, follow, hashStored, measureMemory, readLog, switchNetwork } from "./world.js";

const MIB = 1024 * 1024;
const PASSWORD = "demo-password"; // pragma: allowlist secret
let bucket: string;

beforeAll(async () => {
  bucket = await createBucket();
});
afterEach(async () => {
  localStorage.clear();
  await follow();
});

describe("kinds of files", () => {
  test.each([
    ["File", createFile("file.bin", 100_000)],
    ["Blob", new Blob([createBytes("blob", 100_000)], { type: "text/plain" })],
    ["Uint8Array in the middle of its buffer", createBytes("bytes", 300_000).subarray(1000, 101_000)],
    ["empty File", createFile("empty.bin", 0)],
    ["Blob in parts", new Blob([createBytes("parts", 11 * MIB)])],
    ["Uint8Array in parts", createBytes("view", 12 * MIB).subarray(5, 11 * MIB)],
  ])("%s", async (name, file) => {
    const client = createTestClient();
    const record = await client.upload(file, { bucket, fileName: `${name}.bin` }).result;
    const bytes = file instanceof Blob ? await file.arrayBuffer() : file;
    expect(record).toMatchObject({ status: "stored", size: bytes.byteLength });
    expect(await hashStored(client, bucket, record.file_name)).toBe(await hash(bytes));
  });
});

test("a Blob of 128 MiB is not read into the memory of the page", { timeout: 120_000 }, async () => {
  const size = 128 * MIB;
  const blob = new Blob(Array<Uint8Array<ArrayBuffer>>(128).fill(createBytes("block", MIB)));
  const client = createTestClient({ stallSeconds: 30 });
  const grown = await measureMemory(async () => {
    expect(await client.upload(blob, { bucket, fileName: "large.bin" }).result).toMatchObject({ size });
  });
  const whole = await measureMemory(async () => {
    expect((await blob.arrayBuffer()).byteLength).toBe(size);
  });
  console.log(`128 MiB: the page grew by ${toMib(grown)} MiB; read whole, by ${toMib(whole)} MiB`);
  expect(grown).toBeLessThan(32 * MIB);
  expect(whole).toBeGreaterThan(64 * MIB); // Otherwise nothing was measured.
});

describe("network of the device", () => {
  const session = cdp();
  const setOffline = (offline: boolean) =>
    session.send("Network.overrideNetworkState", {
      offline,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput: -1,
    });

  test("offline: no request leaves; online: the upload goes on at once", async () => {
    const states: UploadState[] = [];
    const client = createTestClient();
    await follow({ seed: 1, rate: 1, kinds: ["slow"] });
    const upload = client.upload(createFile("train.bin", 22 * MIB), { bucket, onState: (state) => states.push(state) });
    await until(() => upload.progress.sentBytes > 6 * MIB);
    await setOffline(true);
    await switchNetwork(2000);
    await until(() => upload.state === "waiting");
    await sleep(500);
    const before = await readLog();
    await sleep(1500);
    expect(await readLog()).toHaveLength(before.length);
    expect(upload.state).toBe("waiting");
    const online = Date.now();
    await setOffline(false);
    await until(() => upload.state !== "waiting");
    expect(await upload.result).toMatchObject({ status: "stored", size: 22 * MIB });
    const next = (await readLog()).find(({ startedAt }) => startedAt >= online);
    expect((next?.startedAt ?? Infinity) - online).toBeLessThan(1500);
    expect(states).toContain("waiting");
    expect(states[states.length - 1]).toBe("stored");
  });
});

describe("session login on the same origin", () => {
  const readCookie = (name: string) => new RegExp(`${name}=([^;]*)`).exec(document.cookie)?.[1] ?? "";

  async function signIn(): Promise<void> {
    await fetch("/admin/login/");
    const form = { username: "demo_staff", password: PASSWORD, csrfmiddlewaretoken: readCookie("csrftoken") };
    await fetch("/admin/login/?next=/admin/jsi18n/", { method: "POST", body: new URLSearchParams(form) });
  }

  test("the CSRF header goes to the service, and never to S3", async () => {
    await signIn();
    const headers = () => ({ "X-CSRFToken": readCookie("csrftoken") });
    const client = createTestClient({ authorization: () => null, headers });
    const direct = await client.upload(createFile("direct.bin", 7 * MIB), { bucket }).result;
    const through = await client.upload(createFile("through.bin", 1000), { bucket, via: "server" }).result;
    expect([direct.status, through.status]).toEqual(["stored", "stored"]);
    const sent = (await readLog()).filter(({ headers }) => headers.includes("x-csrftoken"));
    expect(new Set(sent.map(({ side }) => side))).toEqual(new Set(["service"]));
  });

  test("without the header, the service says that it is missing", async () => {
    await signIn();
    const client = createTestClient({ authorization: () => null });
    const upload = client.upload(createFile("refused.bin", 10), { bucket });
    await expect(upload.result).rejects.toMatchObject({ code: "permission_denied", status: 403 });
    await expect(upload.result).rejects.toThrow("CSRF");
  });
});

describe("S3 cannot be reached from the browser", () => {
  const rewrite =
    (address: string): Transport =>
    (request) =>
      sendByXhr({ ...request, url: request.url.replace(inject("proxy"), address) });

  test.each([
    ["nothing listens at its address", inject("closed")],
    ["a host without CORS answers", new URL(inject("service").baseUrl).origin],
  ])("%s: the file goes through the server, and so do later ones at once", async (_, address) => {
    const client = createTestClient({ transport: rewrite(address) });
    const first = createFile("first.bin", 8 * MIB);
    const record = await client.upload(first, { bucket }).result;
    expect(record).toMatchObject({ status: "stored", size: 8 * MIB });
    expect(await hashStored(client, bucket, record.file_name)).toBe(await hash(await first.arrayBuffer()));
    const abandoned = (await client.records({ bucket, status: "pending" }).all()).length;
    expect(abandoned).toBe(0);

    await follow();
    await client.upload(createFile(`second-${crypto.randomUUID()}.bin`, 1000), { bucket }).result;
    expect((await readLog()).map(({ method, side }) => `${method} ${side}`)).toEqual(["PUT service"]);
    await client.delete(bucket, record.file_name);
  });

  test("an app that insists on parts gets the reason, and can go on later", async () => {
    const client = createTestClient({ transport: rewrite(inject("closed")), patienceSeconds: 1.5 });
    const upload = client.upload(createFile("insisting.bin", 8 * MIB), { bucket, via: "parts" });
    await expect(upload.result).rejects.toMatchObject({ code: "connection_lost" });
    expect(await client.pending()).toHaveLength(1);
    const other = createTestClient();
    const left = await other.pending();
    const record = await left[0]?.resume(createFile("insisting.bin", 8 * MIB)).result;
    expect(record).toMatchObject({ status: "stored", size: 8 * MIB });
  });
});

function toMib(bytes: number): number {
  return Math.round(bytes / MIB);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(10);
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
