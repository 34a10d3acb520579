// @vitest-environment happy-dom
import { act } from "react";
import { beforeEach, expect, test, vi } from "vitest";
import { createClient, type Client } from "../../src/client.js";
import { cancelled } from "../../src/errors.js";
import { ConnectionError, type HttpResponse, type Transport } from "../../src/http/transport.js";
import { useFiles } from "../../src/react.js";
import { renderHook, type Rendered } from "../support/rendered.js";

/** A request for a page, which the test answers in the order of its own. */
interface Asked {
  path: string;
  query: URLSearchParams;
  isAborted: boolean;
  answer(names: string[], cursor?: string): Promise<void>;
  fail(status: number, code: string): Promise<void>;
}

const ADDRESS = "https://service.test/api";
let asked: Asked[];
let client: Client;
/** False: an answer comes although the request was aborted, as it was on its way already. */
let heedsAbort: boolean;

beforeEach(() => {
  vi.spyOn(console, "error").mockImplementation((...words) => {
    throw new Error(`React complains: ${words.join(" ")}`);
  });
  asked = [];
  heedsAbort = true;
  client = createClient({ baseUrl: ADDRESS, transport });
});

const transport: Transport = ({ signal, url }) =>
  new Promise<HttpResponse>((resolve, reject) => {
    if (signal?.aborted) {
      reject(cancelled());
      return;
    }
    const { pathname, searchParams } = new URL(url);
    const reply = (status: number, body: object) =>
      act(async () => {
        resolve({ status, text: JSON.stringify(body), header: () => null });
        await new Promise((done) => setTimeout(done));
      });
    const request: Asked = {
      path: pathname.slice("/api/".length),
      query: searchParams,
      isAborted: false,
      answer: (names, cursor) => reply(200, pageOf(names, cursor)),
      fail: (status, code) => reply(status, { code, detail: `Detail of ${code}.` }),
    };
    signal?.addEventListener("abort", () => {
      request.isAborted = true;
      if (heedsAbort) reject(cancelled());
    });
    asked.push(request);
  });

function pageOf(names: string[], cursor?: string): object {
  const results = names.map((file_name) => ({ file_name, size: 1, etag: "", changed_at: "2026-11-29T10:00:00Z" }));
  return { results, prefixes: [], next: cursor ? `${ADDRESS}/buckets/b/files/?cursor=${cursor}&page_size=2` : null };
}

interface Props {
  bucket: string;
  prefix?: string;
  pageSize?: number;
}

function show(props: Props = { bucket: "b" }, isStrict = false): Rendered<Props, ReturnType<typeof useFiles>> {
  return renderHook(({ bucket, ...options }: Props) => useFiles(client, bucket, options), props, isStrict);
}

const namesOf = ({ current }: ReturnType<typeof show>) => current.files.map(({ file_name }) => file_name);
/** Wait until a request has reached the transport: the client signs it first. */
const sent = (count: number) => act(() => vi.waitFor(() => expect(asked).toHaveLength(count)));

test("useFiles lists page after page", async () => {
  const hook = show({ bucket: "b", prefix: "in/", pageSize: 2 });
  expect(hook.current).toMatchObject({ files: [], isLoading: true, hasMore: false });
  await sent(1);
  expect(asked[0]?.path).toBe("buckets/b/files/");
  expect(Object.fromEntries(asked[0]?.query ?? [])).toEqual({ page_size: "2", prefix: "in/" });
  await asked[0]?.answer(["a", "b"], "after-b");
  expect(hook.current).toMatchObject({ isLoading: false, hasMore: true });

  act(() => void hook.current.more());
  await sent(2);
  expect(hook.current).toMatchObject({ isLoading: true });
  expect(asked[1]?.query.get("cursor")).toBe("after-b");
  await asked[1]?.answer(["c"]);

  expect(namesOf(hook)).toEqual(["a", "b", "c"]);
  expect(hook.current).toMatchObject({ isLoading: false, hasMore: false, error: undefined });
  await act(() => hook.current.more());
  expect(asked).toHaveLength(2);
});

test("more, called twice at once or by an earlier render, loads a page once", async () => {
  const hook = show();
  await sent(1);
  await asked[0]?.answer(["a"], "after-a");
  const { more } = hook.current;
  act(() => {
    void more();
    void more();
  });
  await sent(2);
  await asked[1]?.answer(["b"], "after-b");
  act(() => void more());
  await sent(3);
  await asked[2]?.answer(["c"]);

  expect(namesOf(hook)).toEqual(["a", "b", "c"]);
});

test("more can be repeated after an error", async () => {
  const hook = show();
  await sent(1);
  await asked[0]?.answer(["a"], "after-a");
  act(() => void hook.current.more());
  await sent(2);
  await asked[1]?.fail(403, "permission_denied");
  expect(hook.current).toMatchObject({ error: { code: "permission_denied" }, hasMore: true, isLoading: false });

  act(() => void hook.current.more());
  await sent(3);
  await asked[2]?.answer(["b"]);

  expect(namesOf(hook)).toEqual(["a", "b"]);
  expect(hook.current.error).toBeUndefined();
});

test.each([true, false])(
  "of two lists at once, the one asked for last is shown (abort in time: %s)",
  async (inTime) => {
    heedsAbort = inTime;
    const hook = show();
    await sent(1);
    await asked[0]?.answer(["old"]);
    act(() => void hook.current.refresh());
    await sent(2);
    act(() => void hook.current.refresh());
    await sent(3);
    expect(hook.current).toMatchObject({ isLoading: true, error: undefined });
    await asked[2]?.answer(["newest"]);
    await asked[1]?.answer(["stale"]);

    expect(asked.map(({ isAborted }) => isAborted)).toEqual([false, true, false]);
    expect(namesOf(hook)).toEqual(["newest"]);
    expect(hook.current).toMatchObject({ isLoading: false, error: undefined });
  },
);

test("refresh keeps what is shown until the answer is there, and asks for as many files", async () => {
  const hook = show({ bucket: "b", pageSize: 2 });
  await sent(1);
  await asked[0]?.answer(["a", "b"], "after-b");
  act(() => void hook.current.more());
  await sent(2);
  await asked[1]?.answer(["c", "d"], "after-d");
  act(() => void hook.current.refresh());
  await sent(3);

  expect(namesOf(hook)).toEqual(["a", "b", "c", "d"]);
  expect(asked[2]?.query.get("page_size")).toBe("4");
  expect(asked[2]?.query.get("cursor")).toBeNull();
  await asked[2]?.answer(["a", "b", "c", "new"], "after-new");
  expect(namesOf(hook)).toEqual(["a", "b", "c", "new"]);
});

test("another bucket shows nothing of the one before, also if that answers late", async () => {
  const hook = show({ bucket: "one" });
  await sent(1);
  await asked[0]?.answer(["of-one"]);
  act(() => void hook.current.refresh());
  await sent(2);
  hook.render({ bucket: "two" });
  expect(hook.current).toMatchObject({ files: [], isLoading: true });
  await sent(3);
  expect(asked[1]?.isAborted).toBe(true);
  await asked[1]?.answer(["of-one"]);
  expect(namesOf(hook)).toEqual([]);

  await asked[2]?.answer(["of-two"]);
  expect(asked[2]?.path).toBe("buckets/two/files/");
  expect(namesOf(hook)).toEqual(["of-two"]);
});

test("an error is shown until the list is there again", async () => {
  const hook = show();
  await sent(1);
  await asked[0]?.fail(404, "bucket_not_found");
  expect(hook.current).toMatchObject({ isLoading: false, error: { code: "bucket_not_found" }, files: [] });

  act(() => void hook.current.refresh());
  await sent(2);
  await asked[1]?.answer(["a"]);

  expect(hook.current.error).toBeUndefined();
  expect(namesOf(hook)).toEqual(["a"]);
});

test("leaving the screen aborts the list", async () => {
  const hook = show();
  await sent(1);
  hook.unmount();

  expect(asked[0]?.isAborted).toBe(true);
});

test("in strict mode, one list is shown once", async () => {
  const hook = show({ bucket: "b" }, true);
  await sent(1);
  await asked[0]?.answer(["a"]);

  expect(namesOf(hook)).toEqual(["a"]);
  expect(hook.current.error).toBeUndefined();
});

test("a connection that fails is an error, too", async () => {
  const failing = createClient({
    baseUrl: ADDRESS,
    transport: () => Promise.reject(new ConnectionError("The connection was lost.")),
  });
  vi.useFakeTimers();
  const hook = renderHook(() => useFiles(failing, "b"), undefined);
  await act(() => vi.advanceTimersByTimeAsync(120_000));
  vi.useRealTimers();

  expect(hook.current).toMatchObject({ isLoading: false, error: { code: "connection_lost" } });
});
