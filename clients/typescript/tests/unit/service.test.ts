import { beforeEach, describe, expect, test, vi } from "vitest";
import { UploaderError } from "../../src/errors.js";
import { clientOf, failure, ok, ScriptedServer, settle, BASE_URL } from "../support/scripted.js";

const HTML = "<html><head><title>502</title></head><body><h1>Bad  Gateway</h1></body></html>";
let server: ScriptedServer;

beforeEach(() => {
  vi.useFakeTimers();
  server = new ScriptedServer();
});

function usage(options: Parameters<typeof clientOf>[1] = {}): Promise<unknown> {
  return settle(clientOf(server, options).usage("bucket"));
}

/** Let the requests for the usage be answered so, the last one with success. */
function answer(...answers: Parameters<ScriptedServer["next"]>[1][]): void {
  server.next("GET uploads/usage/", ...answers, ok({ bytes: 1 }));
}

describe("a call", () => {
  test.each([408, 429, 500, 502, 503, 504])("is repeated after HTTP %i", async (status) => {
    answer(failure(status, "storage_unavailable"), { status, text: HTML });
    expect(await usage()).toEqual({ bytes: 1 });
    expect(server.seen).toHaveLength(3);
  });

  test("is repeated while another request completes the upload", async () => {
    answer(failure(409, "upload_in_progress"));
    expect(await usage()).toEqual({ bytes: 1 });
  });

  test.each(["quota_exceeded", "storage_not_configured", "storage_error"])(
    "ends with %s, also at 503",
    async (code) => {
      answer(failure(503, code));
      await expect(usage()).rejects.toMatchObject({ code, status: 503 });
      expect(server.seen).toHaveLength(1);
    },
  );

  test("is repeated after a lost connection", async () => {
    answer("refuse", "cut", "swallow");
    expect(await usage()).toEqual({ bytes: 1 });
    expect(server.seen).toHaveLength(4);
  });

  test("waits as long as Retry-After says, in seconds or as a date", async () => {
    answer(failure(429, "throttled", {}, { "Retry-After": "7" }));
    await usage();
    const date = new Date(Date.now() + 9000).toUTCString();
    answer(failure(503, "storage_unavailable", {}, { "Retry-After": date }));
    await usage();
    const [first, second, third, fourth] = server.seen.map(({ at }) => at);
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(7000);
    expect((fourth ?? 0) - (third ?? 0)).toBeGreaterThanOrEqual(8000); // A date has no fractions of a second.
  });

  test("ignores a Retry-After that says nothing", async () => {
    answer(failure(503, "storage_unavailable", {}, { "Retry-After": "soon" }));
    await usage();
    expect((server.seen[1]?.at ?? 0) - (server.seen[0]?.at ?? 0)).toBeLessThan(600);
  });

  test("fails at once if Retry-After is longer than its patience", async () => {
    const start = Date.now();
    answer(failure(429, "throttled", {}, { "Retry-After": "3600" }));
    await expect(usage()).rejects.toMatchObject({ code: "throttled", retryAfter: 3600 });
    expect(Date.now() - start).toBeLessThan(1000);
  });

  test("gives up with connection_lost after 20 s", async () => {
    server.always("GET uploads/usage/", "refuse");
    const start = Date.now();
    await expect(usage()).rejects.toMatchObject({ code: "connection_lost", status: 0 });
    expect(Date.now() - start).toBeLessThan(60_000);
    expect(server.seen.length).toBeGreaterThan(3);
  });

  test("gives up with connection_lost when nothing moves", async () => {
    server.always("GET uploads/usage/", "hang");
    const start = Date.now();
    await expect(usage({ stallSeconds: 5 })).rejects.toMatchObject({ code: "connection_lost" });
    // Twice the stall for each answer: two attempts are over before the patience is.
    expect(Date.now() - start).toBeGreaterThanOrEqual(20_000);
    expect(Date.now() - start).toBeLessThan(60_000);
  });

  test("that has an effect is not repeated after a lost answer", async () => {
    const client = clientOf(server);
    server.always("POST shares/", "swallow");
    await expect(settle(client.share("bucket", "name"))).rejects.toMatchObject({
      code: "connection_lost",
      message: expect.stringContaining("Look before you try again") as string,
    });
    expect(server.seen).toHaveLength(1);
  });

  test("sends query, JSON and headers to the address below baseUrl", async () => {
    const client = clientOf(server, {
      baseUrl: `${BASE_URL}//`,
      headers: () => ({ "X-CSRFToken": "test-csrf" }),
      authorization: () => "Token test-token",
    });
    server.next("POST shares/", ok({ url: "https://service.test/s" }));
    await settle(client.share("bucket", "ä b.txt", { expiresIn: 60 }));
    server.next("GET file/presigned/url/", ok({ url: "u" }));
    await settle(client.downloadUrl("bucket", "a&b=c.txt", { disposition: "inline" }));
    expect(server.seen[0]).toMatchObject({
      route: "POST shares/",
      json: { bucket: "bucket", file_name: "ä b.txt", expires_in: 60 },
      headers: {
        "Content-Type": "application/json",
        Accept: "application/json",
        "X-CSRFToken": "test-csrf",
        Authorization: "Token test-token",
      },
    });
    expect(Object.fromEntries(server.seen[1]?.query ?? [])).toEqual({
      bucket: "bucket",
      file_name: "a&b=c.txt",
      disposition: "inline",
    });
  });

  test.each(["..", ".", "a/../b", "a/./b"])("refuses the name %s, which would reach another address", async (name) => {
    const client = clientOf(server);
    await expect(settle(client.delete("bucket", name))).rejects.toMatchObject({ code: "invalid" });
    await expect(
      settle(client.upload(new Uint8Array(3), { bucket: "..", via: "server" }).result),
    ).rejects.toMatchObject({
      code: "invalid",
    });
    expect(server.seen).toHaveLength(0);
  });
});

describe("authorization", () => {
  test("is asked before every request", async () => {
    const tokens = ["one", "two"];
    const client = clientOf(server, { authorization: () => Promise.resolve(`Token ${tokens.shift() ?? ""}`) });
    server.always("GET uploads/usage/", ok({ bytes: 1 }));
    await settle(client.usage("bucket"));
    await settle(client.usage("bucket"));
    expect(server.seen.map(({ headers }) => headers.Authorization)).toEqual(["Token one", "Token two"]);
  });

  test("is asked anew, with rejected, once after a 401", async () => {
    const asked: boolean[] = [];
    const authorization = ({ rejected }: { rejected: boolean }) => {
      asked.push(rejected);
      return rejected ? "Token new" : "Token old";
    };
    answer(failure(401, "not_authenticated"));
    expect(await usage({ authorization })).toEqual({ bytes: 1 });
    expect(asked).toEqual([false, true]);
    expect(server.seen.map(({ headers }) => headers.Authorization)).toEqual(["Token old", "Token new"]);
  });

  test("that is rejected twice ends the call", async () => {
    server.always("GET uploads/usage/", failure(401, "not_authenticated"));
    await expect(usage({ authorization: () => "Token old" })).rejects.toMatchObject({ code: "not_authenticated" });
    expect(server.seen).toHaveLength(2);
  });

  test("that is absent makes the first 401 final", async () => {
    server.always("GET uploads/usage/", failure(401, "not_authenticated"));
    await expect(usage()).rejects.toMatchObject({ code: "not_authenticated", status: 401 });
    expect(server.seen).toHaveLength(1);
  });

  test("of null sends no header", async () => {
    answer();
    await usage({ authorization: () => null });
    expect(server.seen[0]?.headers).not.toHaveProperty("Authorization");
  });

  test("that fails while the app is offline is asked again", async () => {
    const tokens = [() => Promise.reject(new TypeError("Network request failed")), () => "Token new"];
    answer();
    await usage({ authorization: () => (tokens.shift() ?? (() => null))() });
    expect(server.seen[0]?.headers.Authorization).toBe("Token new");
  });

  test("that fails for good ends with connection_lost and says so", async () => {
    const authorization = () => Promise.reject(new Error("no refresh token"));
    await expect(usage({ authorization })).rejects.toMatchObject({
      code: "connection_lost",
      cause: { message: "authorization failed: no refresh token" },
    });
    expect(server.seen).toHaveLength(0);
  });

  test("that fails with an UploaderError ends the call with it", async () => {
    const signedOut = new UploaderError("signed_out", "Sign in.");
    await expect(usage({ authorization: () => Promise.reject(signedOut) })).rejects.toBe(signedOut);
  });

  test("that fails with something else is described", async () => {
    // Apps throw strings, too.
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
    await expect(usage({ authorization: () => Promise.reject("busy") })).rejects.toMatchObject({
      cause: { message: "authorization failed: busy" },
    });
  });
});

describe("an error", () => {
  test("carries code, status, limit and Retry-After of the service", async () => {
    const limit = { max_file_bytes: 5 };
    answer(failure(413, "file_too_large", { limit }, { "Retry-After": "3" }));
    const error = await usage().catch((error: unknown) => error);
    expect(error).toBeInstanceOf(UploaderError);
    expect(error).toMatchObject({
      code: "file_too_large",
      message: "Detail of file_too_large.",
      status: 413,
      limit,
      retryAfter: 3,
      errors: undefined,
    });
  });

  test("carries the errors of fields", async () => {
    const errors = { expires_in: [{ code: "max_value", detail: "Too long." }] };
    answer(failure(400, "invalid", { errors }));
    await expect(usage()).rejects.toMatchObject({ code: "invalid", errors });
  });

  test("of a body without detail has its code as message", async () => {
    answer(ok({ code: "file_exists" }, 409));
    await expect(usage()).rejects.toMatchObject({ code: "file_exists", message: "file_exists" });
  });

  test("of a proxy's HTML page is bad_answer, with the text of the page", async () => {
    answer({ status: 403, text: HTML });
    await expect(usage()).rejects.toMatchObject({
      code: "bad_answer",
      status: 403,
      message: expect.stringMatching(/HTTP 403.*baseUrl.*It said: 502 Bad Gateway$/) as string,
    });
  });

  test.each([HTML, "", "null", "1"])("of a success that is not the service's is bad_answer: %j", async (text) => {
    answer({ status: 200, text });
    await expect(usage()).rejects.toMatchObject({ code: "bad_answer", status: 200 });
  });

  test("of a redirect is bad_answer", async () => {
    answer({ status: 301, headers: { Location: "https://elsewhere.test" } });
    await expect(usage()).rejects.toMatchObject({ code: "bad_answer", status: 301 });
  });
});

test("every method follows a signal", async () => {
  const signal = AbortSignal.abort();
  const client = clientOf(server);
  const calls: Promise<unknown>[] = [
    client.files("b", { signal }).page(),
    client.records({ signal }).all(),
    client.record("id", { signal }),
    client.usage("b", { signal }),
    client.downloadUrl("b", "n", { signal }),
    client.delete("b", "n", { signal }),
    client.share("b", "n", { signal }),
    client.shares({ signal }).page(),
    client.revokeShare("id", { signal }),
    client.buckets({ signal }),
    client.createBucket("b", undefined, { signal }),
    client.removeBucket("b", { signal }),
    client.handOver(new Uint8Array(3), { bucket: "b", signal }),
    client.settle("id", { signal }),
    client.upload(new Uint8Array(3), { bucket: "b", signal }).result,
  ];
  const outcomes = await settle(Promise.allSettled(calls));
  for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: { code: "cancelled" } });
  expect(server.seen).toHaveLength(0);
});

test("an abort ends a call as cancelled, also while it waits", async () => {
  const abort = new AbortController();
  server.always("GET uploads/", failure(503, "storage_unavailable", {}, { "Retry-After": "15" }));
  const listing = clientOf(server).records({ signal: abort.signal }).page();
  setTimeout(() => abort.abort(), 3000);
  await expect(settle(listing)).rejects.toMatchObject({ code: "cancelled" });
  expect(server.seen).toHaveLength(1);
});
