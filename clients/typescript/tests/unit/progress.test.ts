import { beforeEach, describe, expect, test, vi } from "vitest";
import { ProgressMeter, type UploadProgress } from "../../src/uploads/progress.js";
import { bytes, clientOf, ScriptedServer, settle } from "../support/scripted.js";

beforeEach(() => {
  vi.useFakeTimers();
});

type Event = UploadProgress & { at: number };

function meterOf(totalBytes: number): { meter: ProgressMeter; events: Event[] } {
  const events: Event[] = [];
  return { meter: new ProgressMeter(totalBytes, (progress) => events.push({ ...progress, at: Date.now() })), events };
}

function last(events: Event[]): Event | undefined {
  return events[events.length - 1];
}

describe("a meter", () => {
  test("reports at most every 100 ms, and the last change in any case", async () => {
    const { events, meter } = meterOf(1000);
    for (let sent = 1; sent <= 1000; sent += 1) {
      meter.sent(1, sent);
      await vi.advanceTimersByTimeAsync(1);
    }
    await vi.advanceTimersByTimeAsync(100);
    const gaps = events.slice(1).map(({ at }, index) => at - (events[index]?.at ?? 0));
    expect(events).toHaveLength(11);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(100);
    expect(last(events)?.sentBytes).toBe(1000);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("reports no change twice", async () => {
    const { events, meter } = meterOf(10);
    meter.sent(1, 5);
    meter.sent(1, 5);
    meter.flush();
    await vi.advanceTimersByTimeAsync(1000);
    expect(events).toHaveLength(1);
  });

  test("flush reports at once what waits", () => {
    const { events, meter } = meterOf(10);
    meter.sent(1, 5);
    meter.sent(1, 6);
    meter.flush();
    expect(events.map(({ sentBytes }) => sentBytes)).toEqual([5, 6]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("counts up the attempt when bytes that left are lost, and only then sentBytes falls", () => {
    const { meter } = meterOf(20);
    meter.sent(1, 5);
    meter.sent(2, 3);
    meter.lost(1);
    expect(meter.value).toEqual({ sentBytes: 3, storedBytes: 0, totalBytes: 20, attempt: 2 });
    meter.lost(7);
    expect(meter.value.attempt).toBe(2);
  });

  test("sentBytes does not fall when a platform reports fewer bytes", () => {
    const { meter } = meterOf(20);
    meter.sent(1, 5);
    meter.sent(1, 4);
    expect(meter.value.sentBytes).toBe(5);
  });

  test("sentBytes never exceeds the file, and never falls below storedBytes", () => {
    const { meter } = meterOf(20);
    meter.stored(1, 10);
    meter.sent(2, 15);
    expect(meter.value.sentBytes).toBe(20);
    meter.confirm(4);
    meter.lost(2);
    expect(meter.value).toMatchObject({ sentBytes: 10, storedBytes: 10 });
  });

  test("storedBytes never falls, and never exceeds the file when lost parts are stored again", () => {
    const { meter } = meterOf(20);
    meter.stored(1, 10);
    meter.stored(2, 10);
    meter.confirm(10); // S3 has lost a part.
    expect(meter.value.storedBytes).toBe(20);
    meter.stored(2, 10);
    expect(meter.value).toMatchObject({ sentBytes: 20, storedBytes: 20 });
  });
});

test("an upload under failures is monotonic within each attempt and ends complete", async () => {
  const server = new ScriptedServer();
  const faults = ["pass", "refuse", "cut", { status: 500 }, "swallow", { status: 403 }, "hang"] as const;
  server.next("PUT s3/*", ...Array.from({ length: 60 }, (_, index) => faults[(index * 5) % 7] ?? "pass"));
  const events: UploadProgress[] = [];
  const task = clientOf(server, { stallSeconds: 3 }).upload(bytes(495), {
    bucket: "bucket",
    checksum: false,
    onProgress: (progress) => events.push(progress),
  });
  await settle(task.result);
  expect(events.length).toBeGreaterThan(20);
  for (const [index, { attempt, sentBytes, storedBytes, totalBytes }] of events.entries()) {
    const before = events[index - 1] ?? { attempt: 1, sentBytes: 0, storedBytes: 0 };
    expect(attempt).toBeGreaterThanOrEqual(before.attempt);
    expect(storedBytes).toBeGreaterThanOrEqual(before.storedBytes);
    expect(sentBytes).toBeGreaterThanOrEqual(storedBytes);
    expect(totalBytes).toBe(495);
    if (attempt === before.attempt) expect(sentBytes).toBeGreaterThanOrEqual(before.sentBytes);
  }
  expect(events[events.length - 1]).toMatchObject({ sentBytes: 495, storedBytes: 495 });
  expect(server.stored()).toEqual(bytes(495));
});
