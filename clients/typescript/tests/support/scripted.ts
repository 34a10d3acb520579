import { vi } from "vitest";
import { Client, type ClientOptions } from "../../src/client.js";
import { cancelled } from "../../src/errors.js";
import { ConnectionError, type Body, type HttpRequest, type HttpResponse } from "../../src/http/transport.js";
import type { components } from "../../src/schema.js";
import type { UploadRecord } from "../../src/uploads/announced.js";
import type { KeyValueStorage } from "../../src/uploads/storage.js";

type Schemas = components["schemas"];

/** A request as the server saw it. `route` is method and path: `PUT s3/parts/3`, `POST uploads/`. */
export interface Seen {
  route: string;
  query: URLSearchParams;
  headers: Record<string, string>;
  json: Record<string, unknown>;
  /** Milliseconds of the clock. */
  at: number;
}

/** An answer of its own. */
export interface Answer {
  status: number;
  text?: string;
  headers?: Record<string, string>;
}

/**
 * - `pass`: the server acts as usual.
 * - `refuse`: no connection; no byte leaves.
 * - `cut`: the connection ends after all bytes have left; the server does not act.
 * - `swallow`: the server acts, and its answer is lost.
 * - `hang`: nothing moves any more.
 */
export type Fault = Answer | "pass" | "refuse" | "cut" | "swallow" | "hang";

interface StartedUpload {
  record: UploadRecord;
  key: string;
  announcement: Schemas["S3UploadStartRequest"];
  strategy: "put" | "multipart";
  parts: Map<number, Uint8Array>;
}

export const BASE_URL = "https://service.test/api";
const LARGEST_PUT = 16;

/** The service and S3 in memory, with the protocol of the real ones, and failures as a test scripts them. */
export class ScriptedServer {
  readonly seen: Seen[] = [];
  readonly uploads = new Map<string, StartedUpload>();
  /** Bytes of stored files by key. */
  readonly files = new Map<string, Uint8Array>();
  partSize = 10;
  /** Milliseconds that each request takes. */
  latency = 20;
  /** PUTs to S3 that are on their way, and how many were so at each PUT. */
  inFlight = 0;
  readonly levels: number[] = [];
  private readonly script = new Map<string, Fault[]>();
  private readonly lasting = new Map<string, Fault>();
  private signed = 0;
  private oldestValid = 0;

  /** Let the next requests of a route fail so, one after the other. `*` in a route stands for one segment. */
  next(route: string, ...faults: Fault[]): void {
    this.script.set(route, [...(this.script.get(route) ?? []), ...faults]);
  }

  /** Let all requests of a route fail so, until `pass`. */
  always(route: string, fault: Fault): void {
    this.lasting.set(route, fault);
  }

  /** Every URL that was signed until now is refused from now on. */
  expireUrls(): void {
    this.oldestValid = this.signed + 1;
  }

  get mostInFlight(): number {
    return Math.max(...this.levels);
  }

  /** How often each route was requested. */
  count(route: string): number {
    return this.routes().filter((seen) => seen === route).length;
  }

  routes(): string[] {
    return this.seen.map(({ route }) => route);
  }

  /** The bytes of the one upload. */
  stored(): Uint8Array | undefined {
    return [...this.files.values()][0];
  }

  readonly transport = async (request: HttpRequest): Promise<HttpResponse> => {
    if (request.signal?.aborted) throw cancelled();
    const url = new URL(request.url);
    const path = url.host === "s3.test" ? `s3${url.pathname}` : url.pathname.slice("/api/".length);
    const route = `${request.method} ${path}`;
    const json = typeof request.body === "string" ? (JSON.parse(request.body) as Record<string, unknown>) : {};
    const seen = { route, query: url.searchParams, headers: request.headers ?? {}, json, at: Date.now() };
    this.seen.push(seen);
    if (!path.startsWith("s3/")) return this.respond(seen, request);
    this.inFlight += 1;
    this.levels.push(this.inFlight);
    try {
      return await this.respond(seen, request);
    } finally {
      this.inFlight -= 1;
    }
  };

  private async respond(seen: Seen, request: HttpRequest): Promise<HttpResponse> {
    const fault = this.faultOf(seen.route);
    const size = sizeOf(request.body);
    if (fault === "refuse") {
      await pass(this.latency / 2, request.signal);
      throw new ConnectionError("refused");
    }
    await pass(this.latency / 2, request.signal);
    if (size) request.onSent?.(Math.floor(size / 2));
    if (fault === "hang") await pass(Infinity, request.signal);
    await pass(this.latency / 2, request.signal);
    if (size) request.onSent?.(size);
    if (fault === "cut") throw new ConnectionError("cut");
    if (typeof fault === "object") return reply(fault);
    const answer = await this.act(seen, request.body);
    if (fault === "swallow") throw new ConnectionError("swallowed");
    return reply(answer);
  }

  private faultOf(route: string): Fault {
    const scripted = [...this.script].find(([pattern, faults]) => fits(route, pattern) && faults.length);
    const lasting = [...this.lasting].find(([pattern]) => fits(route, pattern));
    return scripted?.[1].shift() ?? lasting?.[1] ?? "pass";
  }

  private async act({ headers, json, query, route }: Seen, body: Body | undefined): Promise<Answer> {
    const [method = "", path = ""] = route.split(" ");
    const [root, id = "", action] = path.split("/");
    if (root === "s3") return this.store(id, query, await bytesOf(body));
    if (path === "health/live/") return ok({ live: true });
    if (root === "buckets") return this.receive(path, headers, await bytesOf(body));
    if (root !== "uploads") return failure(404, "file_not_found");
    if (method === "POST" && !id) return this.start(headers["Idempotency-Key"] ?? "", json as never);
    const upload = this.uploads.get(id);
    if (!upload) return failure(404, "upload_not_found");
    if (action === "parts") return ok(method === "POST" ? this.sign(upload, json) : this.held(upload));
    if (action === "complete") return this.complete(upload);
    if (method === "DELETE") return this.uploads.delete(id) ? { status: 204 } : failure(404, "upload_not_found");
    return ok(upload.record);
  }

  private start(key: string, announcement: Schemas["S3UploadStartRequest"]): Answer {
    let upload = [...this.uploads.values()].find((other) => other.key === key);
    if (!upload) {
      const { file_name, size, strategy } = announcement;
      const parts = strategy === "multipart" || (strategy === "auto" && size > LARGEST_PUT);
      const id = `id${this.uploads.size + 1}-${this.seen.length}`;
      const record = recordOf({ id, bucket: announcement.bucket, file_name, original_name: file_name, size });
      upload = { record, key, announcement, strategy: parts ? "multipart" : "put", parts: new Map() };
      this.uploads.set(id, upload);
    }
    const transfer = upload.record.status === "pending" ? this.plan(upload) : null;
    return ok({ ...upload.record, transfer }, 201);
  }

  private plan(upload: StartedUpload): object {
    const expires_at = new Date(Date.now() + 3_600_000).toISOString();
    if (upload.strategy === "put") {
      const headers = { "Content-Type": "text/plain", "x-signed": "1" };
      return { strategy: "put", method: "PUT", url: this.urlOf(upload, 0), headers, expires_at };
    }
    const part_count = Math.max(1, Math.ceil(upload.announcement.size / this.partSize));
    const first = Array.from({ length: Math.min(2, part_count) }, (_, index) => index + 1);
    const { parts } = this.sign(upload, { part_numbers: first });
    return { strategy: "multipart", part_size: this.partSize, part_count, parts, expires_at };
  }

  private urlOf({ record }: StartedUpload, part: number): string {
    this.signed += 1;
    return `https://s3.test/${record.id}?part=${part}&signed=${this.signed}`;
  }

  private sign(upload: StartedUpload, { part_numbers = [] }: { part_numbers?: number[] }): Schemas["S3SignedParts"] {
    const parts = part_numbers.map((part_number) => ({
      part_number,
      url: this.urlOf(upload, part_number),
      offset: (part_number - 1) * this.partSize,
      size: this.partSize,
    }));
    return { parts, expires_at: new Date(Date.now() + 3_600_000).toISOString() };
  }

  private held(upload: StartedUpload): Schemas["S3UploadProgress"] {
    const count = Math.ceil(upload.announcement.size / this.partSize);
    const missing = Array.from({ length: count }, (_, index) => index + 1).filter((part) => !upload.parts.has(part));
    const parts = [...upload.parts].map(([part_number, { byteLength }]) => ({
      part_number,
      size: byteLength,
      etag: "",
    }));
    return { parts, missing };
  }

  private store(id: string, query: URLSearchParams, bytes: Uint8Array): Answer {
    const upload = this.uploads.get(id);
    if (!upload || upload.record.status !== "pending") return { status: 404, text: "<Code>NoSuchUpload</Code>" };
    if (Number(query.get("signed")) < this.oldestValid) return { status: 403, text: "<Code>AccessDenied</Code>" };
    upload.parts.set(Number(query.get("part")), bytes);
    return { status: 200 };
  }

  private complete(upload: StartedUpload): Answer {
    const { announcement, parts, record } = upload;
    if (record.status === "stored") return ok(record);
    const whole = [...parts].sort(([one], [other]) => one - other).flatMap(([, bytes]) => [...bytes]);
    if (whole.length !== announcement.size) return failure(409, "parts_missing");
    record.status = "stored";
    this.files.set(record.file_name, new Uint8Array(whole));
    return ok(record);
  }

  private receive(path: string, headers: Record<string, string>, bytes: Uint8Array): Answer {
    const [, bucket = "", , ...rest] = path.split("/").map(decodeURIComponent);
    const file_name = rest.slice(0, -1).join("/");
    const record = recordOf({
      id: `server-${headers["Idempotency-Key"] ?? ""}`,
      bucket,
      file_name,
      original_name: file_name,
    });
    this.files.set(file_name, bytes);
    return ok({ ...record, size: bytes.byteLength, status: "stored" }, 201);
  }
}

/** Return a client of the server, by which small files go to S3, too, unless a test says otherwise. */
export function clientOf(server: ScriptedServer, options: Partial<ClientOptions> = {}): Client {
  return new Client({ baseUrl: BASE_URL, transport: server.transport, smallFileBytes: 0, ...options });
}

/** A storage of which a test sees the lines. */
export function memoryStorage(lines = new Map<string, string>()): KeyValueStorage {
  return {
    get: (key) => lines.get(key) ?? null,
    set: (key, value) => lines.set(key, value),
    delete: (key) => lines.delete(key),
    keys: () => [...lines.keys()],
  };
}

/** Run the fake clock until the promise is settled, and return or throw its outcome. */
export async function settle<T>(promise: Promise<T>, step = 50): Promise<T> {
  const state = { settled: false };
  const end = () => (state.settled = true);
  promise.then(end, end);
  for (let rounds = 0; !state.settled; rounds += 1) {
    if (rounds > 100_000) throw new Error("The promise is not settled after 100,000 steps of the clock.");
    await vi.advanceTimersByTimeAsync(step);
  }
  return promise;
}

/** Bytes 0, 1, 2, ... */
export function bytes(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => index % 251);
}

export function ok(body: object, status = 200): Answer {
  return { status, text: JSON.stringify(body) };
}

/** An error of the service. */
export function failure(status: number, code: string, more: object = {}, headers: Record<string, string> = {}): Answer {
  return { status, text: JSON.stringify({ code, detail: `Detail of ${code}.`, ...more }), headers };
}

export function recordOf(fields: Partial<UploadRecord>): UploadRecord {
  return {
    id: "id",
    user_id: "1",
    bucket: "bucket",
    file_name: "name",
    path: "name",
    original_name: "name",
    size: null,
    content_type: "text/plain",
    etag: "etag",
    checksum_sha256: "",
    status: "pending",
    status_reason: "",
    created_at: "2026-11-29T00:00:00Z",
    completed_at: null,
    url: null,
    ...fields,
  };
}

function reply({ headers = {}, status, text = "" }: Answer): HttpResponse {
  return { status, text, header: (name) => headers[name] ?? null };
}

function fits(route: string, pattern: string): boolean {
  const segments = pattern.split("/");
  const parts = route.split("/");
  return (
    parts.length === segments.length && segments.every((segment, place) => segment === "*" || segment === parts[place])
  );
}

function sizeOf(body: Body | undefined): number {
  if (body === undefined || typeof body === "string") return 0;
  if (body instanceof Uint8Array) return body.byteLength;
  return "size" in body ? body.size : 0;
}

async function bytesOf(body: Body | undefined): Promise<Uint8Array> {
  if (body instanceof Uint8Array) return body;
  if (body instanceof Blob) return new Uint8Array(await body.arrayBuffer());
  return new Uint8Array();
}

function pass(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(cancelled());
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort, { once: true });
    if (Number.isFinite(milliseconds)) setTimeout(resolve, milliseconds);
  });
}
