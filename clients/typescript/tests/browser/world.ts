import { inject } from "vitest";
import { createClient, type Client, type ClientOptions, type UploadProgress } from "../../src/index.js";
import type { LoggedRequest } from "../support/passing.js";
import type { PlanOptions } from "../support/faults.js";
import { hash } from "./files.js";

export const BASE_URL = `${location.origin}/modules/s3-file-uploader/service`;
const service = inject("service");

/** Create a client of the service, which stands on the origin of the tests. */
export function createTestClient(options: Partial<ClientOptions> = {}): Client {
  return createClient({ baseUrl: BASE_URL, authorization: () => service.user, stallSeconds: 2, ...options });
}

/** Have the proxy fail as the plan says, and forget what passed. Without a plan nothing fails. */
export async function follow(plan: PlanOptions = { seed: 0, rate: 0 }): Promise<void> {
  await control("follow", JSON.stringify(plan));
}

/** Return all requests since the last `follow`. */
export async function readLog(): Promise<LoggedRequest[]> {
  return (await control("log")) as LoggedRequest[];
}

/** Break all connections for some milliseconds. */
export async function switchNetwork(milliseconds: number): Promise<void> {
  await control("switchNetwork", String(milliseconds));
}

/** Run something, and return the bytes by which the processes of the pages grew at most. */
export async function measureMemory(run: () => Promise<void>): Promise<number> {
  await control("startMemory");
  await run();
  return (await control("stopMemory")) as number;
}

async function control(command: string, body = ""): Promise<unknown> {
  const response = await fetch(`${inject("control")}/${command}`, { method: "POST", body });
  return response.json();
}

/** Create a bucket with a name of its own, and return the name. */
export async function createBucket(): Promise<string> {
  const bucket = `test-${crypto.randomUUID().slice(-12)}`;
  await createTestClient({ authorization: () => service.staff }).createBucket(bucket);
  return bucket;
}

/** Download a file and return its SHA-256. */
export async function hashStored(client: Client, bucket: string, fileName: string): Promise<string> {
  const { url } = await client.downloadUrl(bucket, fileName);
  const response = await fetch(url);
  if (!response.ok) throw new Error(`The file cannot be read: ${response.status}`);
  return hash(await response.arrayBuffer());
}

/** Return what is wrong with the progress of an upload: an empty list if nothing is. */
export function findFalseProgress(events: UploadProgress[], size: number): string[] {
  const errors: string[] = [];
  events.forEach((event, index) => {
    const last = events[index - 1] ?? { sentBytes: 0, storedBytes: 0, attempt: 1 };
    const shown = `${JSON.stringify(last)} -> ${JSON.stringify(event)}`;
    if (event.storedBytes < last.storedBytes) errors.push(`storedBytes fell: ${shown}`);
    if (event.attempt < last.attempt) errors.push(`attempt fell: ${shown}`);
    if (event.attempt === last.attempt && event.sentBytes < last.sentBytes) errors.push(`sentBytes fell: ${shown}`);
    if (event.sentBytes < event.storedBytes || event.sentBytes > size) errors.push(`out of range: ${shown}`);
  });
  const end = events[events.length - 1];
  if (size && (end?.storedBytes !== size || end.sentBytes !== size)) errors.push(`last: ${JSON.stringify(end)}`);
  return errors;
}

/**
 * Return the parts that left again after S3 had answered that it holds them.
 *
 * A part whose answer was lost may leave again if the service was asked, for the last time, before S3 had answered.
 */
export function findRepeatedParts(log: LoggedRequest[]): string[] {
  const puts = log.filter(({ method, side }) => side === "store" && method === "PUT");
  const isHeld = ({ upstreamStatus = 0 }: LoggedRequest) => upstreamStatus >= 200 && upstreamStatus < 300;
  const lastAsked = (put: LoggedRequest) => {
    const asked = log.filter(({ path, startedAt }) => {
      const [, id] = /\/uploads\/([0-9a-f-]{36})\/parts\/$/.exec(path) ?? [];
      return id && put.path.includes(id) && startedAt < put.startedAt;
    });
    return asked.pop()?.startedAt ?? 0;
  };
  return puts.flatMap((put) => {
    const earlier = puts.find(
      (other) =>
        other.path === put.path && other.part === put.part && isHeld(other) && (other.answeredAt ?? 0) < put.startedAt,
    );
    if (!earlier) return [];
    const asked = lastAsked(put);
    const couldNotKnow = !earlier.delivered && asked > earlier.startedAt && asked < (earlier.answeredAt ?? 0);
    return couldNotKnow ? [] : [`${put.label}: ${describe(earlier)}, then ${describe(put)}`];
  });
}

/** Return the requests that were repeated sooner than `seconds` after their first attempt. */
export function findHasty(log: LoggedRequest[], seconds: number): string[] {
  const first = (label: string) => log.find((entry) => entry.label === label && entry.attempt === 1)?.startedAt ?? 0;
  // Several parts may ask at the same time.
  const second = log.filter(({ attempt, method }) => attempt === 2 && method !== "GET");
  return second.filter(({ label, startedAt }) => startedAt - first(label) < 1000 * seconds).map(({ label }) => label);
}

function describe({ attempt, delivered, fault, upstreamStatus }: LoggedRequest): string {
  return `attempt ${attempt} (${fault ?? "no fault"}, S3 ${upstreamStatus ?? "-"}, client ${delivered ?? "-"})`;
}
