import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createClient } from "../../src/client.js";
import { sendByXhr } from "../../src/http/xhr.js";

/** XMLHttpRequest as far as the transport uses it; the browser tests run the real one. */
class FakeXhr {
  static last: FakeXhr;
  status = 0;
  responseText = "";
  withCredentials = false;
  onload?: () => void;
  onerror?: () => void;
  ontimeout?: () => void;
  onabort?: () => void;
  readonly upload: { onprogress?: (event: { loaded: number }) => void } = {};
  readonly headers: Record<string, string> = {};
  opened: string[] = [];
  sent: unknown;

  constructor() {
    FakeXhr.last = this;
  }

  open(method: string, url: string): void {
    this.opened = [method, url];
  }

  setRequestHeader(name: string, value: string): void {
    this.headers[name] = value;
  }

  getResponseHeader(name: string): string | null {
    return name === "Retry-After" ? "7" : null;
  }

  send(body: unknown): void {
    this.sent = body;
  }

  abort(): void {
    this.onabort?.();
  }
}

beforeEach(() => {
  vi.stubGlobal("XMLHttpRequest", FakeXhr);
});

afterEach(() => {
  vi.unstubAllGlobals();
});

const get = { method: "GET", url: "https://service.test/" };

describe("sendByXhr", () => {
  test("sends method, URL, headers and body, and returns the answer", async () => {
    const body = new Uint8Array(3);
    const sending = sendByXhr({ ...get, method: "PUT", headers: { Accept: "a/b" }, body, credentials: true });
    const xhr = FakeXhr.last;
    expect(xhr).toMatchObject({
      opened: ["PUT", get.url],
      headers: { Accept: "a/b" },
      sent: body,
      withCredentials: true,
    });
    Object.assign(xhr, { status: 201, responseText: "text" });
    xhr.onload?.();
    const response = await sending;
    expect(response).toMatchObject({ status: 201, text: "text" });
    expect([response.header("Retry-After"), response.header("Other")]).toEqual(["7", null]);
  });

  test("listens for progress only if there is a body: a listener costs a preflight", () => {
    const onSent = vi.fn();
    void sendByXhr({ ...get, onSent });
    expect(FakeXhr.last.upload.onprogress).toBeUndefined();
    expect(FakeXhr.last.sent).toBeNull();
    expect(FakeXhr.last.withCredentials).toBe(false);
    void sendByXhr({ ...get, body: "text", onSent });
    FakeXhr.last.upload.onprogress?.({ loaded: 2 });
    expect(onSent).toHaveBeenCalledWith(2);
  });

  test.each(["onerror", "ontimeout"] as const)("%s is a ConnectionError", async (event) => {
    const sending = sendByXhr(get);
    FakeXhr.last[event]?.();
    await expect(sending).rejects.toMatchObject({ name: "ConnectionError" });
  });

  test("an abort is cancelled, and is not heard after the end", async () => {
    const abort = new AbortController();
    const sending = sendByXhr({ ...get, signal: abort.signal });
    abort.abort();
    await expect(sending).rejects.toMatchObject({ code: "cancelled" });
    const ended = new AbortController();
    const other = sendByXhr({ ...get, signal: ended.signal });
    const aborted = vi.spyOn(FakeXhr.last, "abort");
    FakeXhr.last.onload?.();
    await other;
    ended.abort();
    expect(aborted).not.toHaveBeenCalled();
  });

  test("of an aborted signal sends nothing", async () => {
    await expect(sendByXhr({ ...get, signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "cancelled" });
  });

  test("is the transport of a client by default", async () => {
    const listing = createClient({ baseUrl: "https://service.test/api" }).buckets();
    await vi.waitFor(() => expect(FakeXhr.last.opened).toEqual(["GET", "https://service.test/api/bucket/list/"]));
    Object.assign(FakeXhr.last, { status: 200, responseText: '{"buckets": [], "owner_id": "1"}' });
    FakeXhr.last.onload?.();
    expect(await listing).toEqual([]);
  });
});
