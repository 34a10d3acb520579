import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Browser, BrowserContext } from "playwright-core";
import { startChromium } from "../../../clients/example-expo/tests/support/browser.ts";
import { startService, type RunningService } from "../../../clients/typescript/tests/support/service.ts";
import { Screen, type Look } from "./screen.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const PASSWORD = "demo-password"; // pragma: allowlist secret
const FIRST_BYTES: Record<string, Uint8Array> = {
  jpg: Uint8Array.of(0xff, 0xd8, 0xff, 0xe0),
  mp4: Buffer.from("\0\0\0\x20ftypisom"),
  pdf: Buffer.from("%PDF-1.7\n"),
};

/** A record, as the service returns it. */
export interface Recorded {
  id: string;
  file_name: string;
  path: string;
  status: string;
  size: number;
}

/** The service with its console, and a browser. */
export class World {
  readonly folder = mkdtempSync(join(tmpdir(), "s3-file-uploader-console-"));
  service!: RunningService;
  site = "";
  private browser!: Browser;
  private readonly states = new Map<string, Awaited<ReturnType<BrowserContext["storageState"]>>>();
  /** While this file exists, the scanner of the service is down. */
  readonly scannerSwitch = join(this.folder, "data/scanner-is-down");
  private readonly environment = {
    DATA_DIR: join(this.folder, "data"),
    DJANGO_SETTINGS_MODULE: "tests.support.console_settings",
  };
  private readonly ends: (() => unknown)[] = [];

  async start(): Promise<void> {
    this.ends.push(() => rmSync(this.folder, { recursive: true, force: true }));
    const { stop, ...service } = await startService({ environment: this.environment });
    this.ends.push(stop);
    this.service = service;
    this.site = new URL(service.baseUrl).origin;
    this.browser = (await startChromium()) as Browser;
    this.ends.push(() => this.browser.close());
  }

  async stop(): Promise<void> {
    for (const end of this.ends.reverse()) await end();
  }

  /** Return the cookies of a user; they sign in once. */
  private async signedIn(as: "user" | "staff") {
    const state = this.states.get(as) ?? (await this.signIn(`demo_${as}`));
    this.states.set(as, state);
    return state;
  }

  private async signIn(username: string) {
    const context = await this.browser.newContext();
    const page = await context.newPage();
    await page.goto(this.site);
    await page.locator("[name=username]").fill(username);
    await page.locator("[name=password]").fill(PASSWORD);
    await Promise.all([page.waitForURL(`${this.site}/`), page.locator("[type=submit]").click()]);
    const state = await context.storageState();
    await context.close();
    return state;
  }

  /** Open a folder of a bucket in a browser profile of its own, as a user who is signed in. */
  async open(bucket: string, { folder = "", as = "user", ...look }: Opening = {}): Promise<Screen> {
    const screen = await Screen.open(this.browser, await this.signedIn(as), look);
    await screen.page.goto(this.address(bucket, folder));
    await screen.page.getByRole("main").waitFor();
    return screen;
  }

  /** Open the page in a profile without cookies. */
  async openSignedOut(look: Look = {}): Promise<Screen> {
    const screen = await Screen.open(this.browser, undefined, look);
    await screen.page.goto(this.site);
    return screen;
  }

  address(bucket: string, folder = ""): string {
    return `${this.site}/?${new URLSearchParams({ bucket, ...(folder ? { folder } : {}) })}`;
  }

  /** Create a bucket; the settings of the tests have policies for some prefixes. */
  async bucket(prefix = "plain"): Promise<string> {
    const bucket = `${prefix}-${randomBytes(6).toString("hex")}`;
    await this.ask("POST", "bucket/create/", { as: "staff", json: { bucket } });
    return bucket;
  }

  /** Write a file, of random bytes unless they are given, and return its path. */
  file(path: string, content: number | string): string {
    const target = join(this.folder, path);
    mkdirSync(dirname(target), { recursive: true });
    const bytes = typeof content === "string" ? Buffer.from(content) : randomBytes(content);
    if (typeof content === "number") bytes.set(FIRST_BYTES[path.split(".").at(-1) ?? ""] ?? []);
    writeFileSync(target, bytes);
    return target;
  }

  /** Store a file by the service itself, under its path. */
  async put(bucket: string, path: string, content: string | Buffer, as: "user" | "staff" = "user"): Promise<void> {
    const form = new FormData();
    form.set("bucket", bucket);
    form.set("file_name", path);
    form.set("file", new Blob([new Uint8Array(Buffer.from(content))]), path.split("/").at(-1));
    const headers = { Authorization: this.service[as] };
    const response = await fetch(`${this.service.baseUrl}/file/upload/`, { method: "POST", headers, body: form });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  }

  /** Ask the service with a token. */
  async ask<T>(method: string, path: string, { as = "user", json }: Asking = {}): Promise<T> {
    const response = await fetch(`${this.service.baseUrl}/${path}`, {
      method,
      headers: { Authorization: this.service[as], ...(json ? { "Content-Type": "application/json" } : {}) },
      ...(json ? { body: JSON.stringify(json) } : {}),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text ? JSON.parse(text) : undefined) as T;
  }

  /** Scan the files that wait, as a timer of the operator does. */
  async scan(): Promise<void> {
    await this.python("manage.py", "s3_scan");
  }

  /** Run a program of Python beside the service, with its database. */
  async python(...command: string[]): Promise<void> {
    const DATABASE_URL = `sqlite:///${join(this.folder, "data/demo.sqlite3")}`;
    const env = { ...process.env, ...this.environment, DATABASE_URL, PYTHONPATH: ROOT };
    const python = process.env.PYTHON ?? join(ROOT, ".venv/bin/python");
    await promisify(execFile)(python, command, { cwd: ROOT, env });
  }

  /** Return the records of a bucket, oldest first. */
  async records(bucket: string): Promise<Recorded[]> {
    const { results } = await this.ask<{ results: Recorded[] }>("GET", `uploads/?bucket=${bucket}&page_size=1000`);
    return results.reverse();
  }

  /** Return the SHA-256 of what S3 holds of a record. */
  async storedHash(bucket: string, record: Recorded): Promise<string> {
    const query = new URLSearchParams({ bucket, file_name: record.file_name });
    const { url } = await this.ask<{ url: string }>("GET", `file/presigned/url/?${query}`);
    return hash(new Uint8Array(await (await fetch(url)).arrayBuffer()));
  }
}

type Opening = Look & { folder?: string; as?: "user" | "staff" };

interface Asking {
  as?: "user" | "staff";
  json?: unknown;
}

export function hashOf(path: string): string {
  return hash(readFileSync(path));
}

function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
