import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { createBucket, startService, type RunningService } from "../../../typescript/tests/support/service.ts";
import { startChromium } from "./browser.ts";
import { Screen, type Look } from "./screen.ts";
import { serveSite } from "./site.ts";

const PAGE = fileURLToPath(new URL("../../dist", import.meta.url));

const FIRST_BYTES: Record<string, Uint8Array> = {
  ".jpg": Uint8Array.of(0xff, 0xd8, 0xff, 0xe0),
  ".mp4": Buffer.from("\0\0\0\x20ftypisom"),
  ".pdf": Buffer.from("%PDF-1.7\n"),
};

/** The service with one bucket, the exported page on the same origin, and a browser. */
export class World {
  readonly folder = mkdtempSync(join(tmpdir(), "s3-file-uploader-example-"));
  service!: RunningService;
  bucket = "";
  url = "";
  private browser!: Browser;
  private readonly ends: (() => unknown)[] = [];

  async start(): Promise<void> {
    const { stop, ...service } = await startService();
    this.ends.push(stop);
    this.service = service;
    this.bucket = await createBucket(service);
    const site = await serveSite(PAGE, new URL(service.baseUrl).origin);
    this.ends.push(site.stop);
    this.url = site.url;
    this.browser = await startChromium();
    this.ends.push(() => this.browser.close());
  }

  async stop(): Promise<void> {
    for (const end of this.ends.reverse()) await end();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Open the page with an empty profile. */
  async open(look: Look = {}): Promise<Screen> {
    const screen = await Screen.open(this.browser, look);
    await screen.page.goto(this.url);
    return screen;
  }

  /** Write a file of random bytes after those by which the service knows its type, and return its path. */
  file(name: string, size: number): string {
    const path = join(this.folder, name);
    const bytes = randomBytes(size);
    bytes.set(FIRST_BYTES[extname(name)] ?? []);
    writeFileSync(path, bytes);
    return path;
  }

  /** Ask the service as a user or as staff. */
  async ask<T>(method: string, path: string, as: "user" | "staff" = "user"): Promise<T> {
    const headers = { Authorization: this.service[as] };
    const response = await fetch(`${this.service.baseUrl}/${path}`, { method, headers });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text ? JSON.parse(text) : undefined) as T;
  }

  /** Return the records of the user with this file name. */
  async records(name: string): Promise<{ id: string; file_name: string; status: string }[]> {
    const query = `uploads/?bucket=${this.bucket}&file_name=${encodeURIComponent(name)}`;
    return (await this.ask<{ results: { id: string; file_name: string; status: string }[] }>("GET", query)).results;
  }

  /** Return the SHA-256 of what S3 holds under the name of a local file. */
  async storedHash(name: string): Promise<string> {
    const [record] = await this.records(name);
    const query = `bucket=${this.bucket}&file_name=${encodeURIComponent(record?.file_name ?? name)}`;
    const { url } = await this.ask<{ url: string }>("GET", `file/presigned/url/?${query}`);
    return hash(new Uint8Array(await (await fetch(url)).arrayBuffer()));
  }
}

export function hashOf(path: string): string {
  return hash(readFileSync(path));
}

export function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
