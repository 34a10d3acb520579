import { beforeEach, describe, expect, test, vi } from "vitest";
import { UploaderError } from "../../src/errors.js";
import { Patience, sleep } from "../../src/http/retry.js";
import { ConnectionError } from "../../src/http/transport.js";
import { settle } from "../support/scripted.js";

const lost = new ConnectionError("lost");
const online = { isOnline: () => true, subscribe: () => () => undefined };

/** A network that a test switches. */
function network() {
  const listeners = new Set<() => void>();
  const state = {
    online: true,
    isOnline: () => state.online,
    subscribe(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    set(value: boolean) {
      state.online = value;
      if (value) for (const listener of listeners) listener();
    },
    listeners,
  };
  return state;
}

async function timeOf(promise: Promise<unknown>): Promise<number> {
  const start = Date.now();
  let end = start;
  await settle(
    promise.then(() => (end = Date.now())),
    10,
  );
  return end - start;
}

beforeEach(() => {
  vi.useFakeTimers();
});

describe("Patience", () => {
  test("waits a random time below a bound that doubles up to 30 s", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    const patience = new Patience(online, 900);
    const waits: number[] = [];
    for (let attempt = 0; attempt < 9; attempt += 1) waits.push(await timeOf(patience.wait(lost, undefined)));
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  });

  test("waits use the full range of the jitter", async () => {
    const waits: number[] = [];
    for (const random of [0, 0.999]) {
      vi.spyOn(Math, "random").mockReturnValue(random);
      waits.push(await timeOf(new Patience(online, 900).wait(lost, undefined)));
    }
    expect(waits[0]).toBeLessThan(10);
    expect(waits[1]).toBeGreaterThanOrEqual(490);
  });

  test("waits at least Retry-After", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    expect(await timeOf(new Patience(online, 900).wait(lost, undefined, 7))).toBe(7250);
  });

  test("a success starts the doubling anew", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    const patience = new Patience(online, 900);
    for (let attempt = 0; attempt < 5; attempt += 1) await settle(patience.wait(lost, undefined));
    patience.succeeded();
    expect(await timeOf(patience.wait(lost, undefined))).toBe(250);
  });

  test("gives up with connection_lost after the time since the first failure", async () => {
    const patience = new Patience(online, 60);
    await vi.advanceTimersByTimeAsync(3_600_000); // One request may take an hour, and then fail.
    const start = Date.now();
    const giving = (async () => {
      for (;;) await patience.wait(lost, undefined);
    })();
    await expect(settle(giving)).rejects.toMatchObject({ code: "connection_lost", cause: lost });
    expect(Date.now() - start).toBeGreaterThanOrEqual(60_000);
    expect(Date.now() - start).toBeLessThan(91_000);
  });

  test("gives up with the error of the service if it has one", async () => {
    const throttled = new UploaderError("throttled", "Slow down.", { status: 429 });
    await expect(new Patience(online, 0).wait(throttled, undefined)).rejects.toBe(throttled);
  });

  test("gives up at once if Retry-After is longer than the patience", async () => {
    const throttled = new UploaderError("throttled", "Tomorrow.", { status: 429, retryAfter: 86_400 });
    const start = Date.now();
    await expect(settle(new Patience(online, 900).wait(throttled, undefined, 86_400))).rejects.toBe(throttled);
    expect(Date.now() - start).toBeLessThan(100);
  });

  test("waits while offline as long as that takes, and goes on when online", async () => {
    const connectivity = network();
    connectivity.set(false);
    const patience = new Patience(connectivity, 60);
    const waiting = patience.wait(lost, undefined);
    await vi.advanceTimersByTimeAsync(7_200_000);
    connectivity.set(true);
    expect(await timeOf(waiting)).toBeLessThan(1000);
    await expect(settle(patience.wait(lost, undefined))).resolves.toBeUndefined();
    expect(connectivity.listeners.size).toBe(0);
  });

  test("time in which the app was suspended does not count", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    const patience = new Patience(online, 60);
    const waiting = patience.wait(lost, undefined);
    await vi.advanceTimersByTimeAsync(100);
    vi.setSystemTime(Date.now() + 3_600_000); // Timers stand still while the clock goes on.
    await settle(waiting);
    await expect(settle(patience.wait(lost, undefined))).resolves.toBeUndefined();
  });

  test("an abort ends the wait as cancelled", async () => {
    const abort = new AbortController();
    const waiting = new Patience(online, 900).wait(lost, abort.signal, 600);
    abort.abort();
    await expect(settle(waiting)).rejects.toMatchObject({ code: "cancelled" });
    expect(vi.getTimerCount()).toBe(0);
  });
});

test("sleep ends early when the network comes back", async () => {
  const connectivity = network();
  const sleeping = sleep(60_000, undefined, connectivity);
  await vi.advanceTimersByTimeAsync(1000);
  connectivity.set(true);
  expect(await timeOf(sleeping)).toBeLessThan(100);
});
