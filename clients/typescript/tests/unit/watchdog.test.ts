import { beforeEach, describe, expect, test, vi } from "vitest";
import { cancelled } from "../../src/errors.js";
import type { HttpRequest, HttpResponse } from "../../src/http/transport.js";
import { sendWatched } from "../../src/http/watchdog.js";
import { settle } from "../support/scripted.js";

const response: HttpResponse = { status: 200, text: "", header: () => null };

/** A transport that reports bytes at these milliseconds, and answers at the end, unless it is aborted. */
function transportOf(events: { after: number; bytes: number }[], answerAfter: number) {
  return ({ onSent, signal }: HttpRequest) =>
    new Promise<HttpResponse>((resolve, reject) => {
      for (const { after, bytes } of events) setTimeout(() => onSent?.(bytes), after);
      const answering = setTimeout(() => resolve(response), answerAfter);
      signal?.addEventListener("abort", () => {
        clearTimeout(answering);
        reject(cancelled());
      });
    });
}

async function outcome(promise: Promise<unknown>): Promise<{ after: number; error?: unknown }> {
  const start = Date.now();
  let after = 0;
  const timed = promise.finally(() => (after = Date.now() - start));
  const error: unknown = await settle(timed, 10).then(
    () => undefined,
    (error: unknown) => error,
  );
  return error === undefined ? { after } : { after, error };
}

const put = { method: "PUT", url: "https://s3.test/", body: new Uint8Array(100) };

beforeEach(() => {
  vi.useFakeTimers();
});

describe("a watched request", () => {
  test("may take as long as bytes leave", async () => {
    const events = Array.from({ length: 50 }, (_, index) => ({ after: 9000 * (index + 1), bytes: index + 1 }));
    expect(await outcome(sendWatched(transportOf(events, 455_000), put, 10))).toEqual({ after: 455_000 });
  });

  test("counts as lost when no byte has left for so long", async () => {
    const found = await outcome(sendWatched(transportOf([{ after: 5000, bytes: 1 }], 99_000), put, 10));
    expect(found).toMatchObject({ after: 15_000, error: { name: "ConnectionError" } });
  });

  test("waits twice as long for the answer once all bytes have left", async () => {
    const found = await outcome(sendWatched(transportOf([{ after: 5000, bytes: 100 }], 99_000), put, 10));
    expect(found).toMatchObject({ after: 25_000, error: { name: "ConnectionError" } });
  });

  test.each([undefined, "", { uri: "file:///a" }])("with the body %j waits twice as long", async (body) => {
    const found = await outcome(sendWatched(transportOf([], 99_000), { ...put, body }, 10));
    expect(found).toMatchObject({ after: 20_000, error: { name: "ConnectionError" } });
  });

  test.each(["text", new Blob(["text"])])("with a body of known size waits once as long", async (body) => {
    const found = await outcome(sendWatched(transportOf([], 99_000), { ...put, body }, 10));
    expect(found).toMatchObject({ after: 10_000, error: { name: "ConnectionError" } });
  });

  test("that is aborted is cancelled, not lost", async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 1000);
    const found = await outcome(sendWatched(transportOf([], 99_000), { ...put, signal: abort.signal }, 10));
    expect(found).toMatchObject({ after: 1000, error: { code: "cancelled" } });
  });

  test("that was aborted before is aborted inside", async () => {
    const transport = vi.fn(({ signal }: HttpRequest) =>
      signal?.aborted ? Promise.reject(cancelled()) : Promise.resolve(response),
    );
    await expect(sendWatched(transport, { ...put, signal: AbortSignal.abort() }, 10)).rejects.toMatchObject({
      code: "cancelled",
    });
  });

  test("leaves no timer, and hears of no bytes after its answer", async () => {
    const onSent = vi.fn();
    await outcome(sendWatched(transportOf([{ after: 2000, bytes: 50 }], 1000), { ...put, onSent }, 10));
    await vi.advanceTimersByTimeAsync(5000);
    expect(onSent).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });
});
