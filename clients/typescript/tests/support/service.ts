import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The service with its embedded S3, as `make run` starts it. */
export interface RunningService {
  /** `baseUrl` of `createClient`. */
  baseUrl: string;
  /** Address of the embedded S3; signed URLs name `publicS3Url` instead if it is set. */
  s3Url: string;
  /** Authorization headers. */
  staff: string;
  user: string;
}

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const PASSWORD = "demo-password"; // pragma: allowlist secret
const READY_WITHIN_SECONDS = 60;
const ENDED_WITHIN_SECONDS = 15;
/** The server is the leader of a process group. It ends when the pipe to this process closes, so also after a kill. */
const UNTIL_PIPE_CLOSES = 'exec 3<&0; (read _ <&3; kill -TERM 0) & exec "$@" </dev/null';

/** Start the service with empty data. `publicS3Url`: where clients reach S3, such as a proxy. */
export async function startService({
  publicS3Url,
  environment = {},
}: { publicS3Url?: string; environment?: Record<string, string> } = {}): Promise<
  RunningService & { stop: () => Promise<void> }
> {
  const folder = mkdtempSync(join(tmpdir(), "s3-file-uploader-service-"));
  const port = await freePort();
  const server = launch(folder, port, {
    ...environment,
    ...(publicS3Url ? { AWS_S3_PUBLIC_ENDPOINT_URL: publicS3Url } : {}),
  });
  const stop = async () => {
    await end(server);
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  };
  const site = `http://127.0.0.1:${port}`;
  try {
    const s3Url = await untilReady(server, join(folder, "log"), site);
    const [staff, user] = await Promise.all(["demo_staff", "demo_user"].map((name) => signIn(site, name)));
    return { baseUrl: `${site}/modules/s3-file-uploader/service`, s3Url, staff: staff ?? "", user: user ?? "", stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Create a bucket with a name of its own, and return the name. */
export async function createBucket({ baseUrl, staff }: RunningService): Promise<string> {
  const bucket = `test-${randomBytes(6).toString("hex")}`;
  const response = await post(`${baseUrl}/bucket/create/`, { bucket }, { Authorization: staff });
  if (!response.ok) throw new Error(`The bucket was not created: ${response.status} ${await response.text()}`);
  return bucket;
}

/** Return a port of this machine on which nothing listens. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

function launch(folder: string, port: number, environment: Record<string, string>): ChildProcess {
  const log = openSync(join(folder, "log"), "a", 0o600);
  const python = process.env.PYTHON ?? join(ROOT, ".venv/bin/python");
  const command = [python, "manage.py", "demo", "--port", String(port)];
  return spawn("sh", ["-c", UNTIL_PIPE_CLOSES, "sh", ...command], {
    cwd: ROOT,
    env: { ...process.env, DATA_DIR: folder, PYTHONUNBUFFERED: "1", ...environment },
    stdio: ["pipe", log, log],
    detached: true,
  });
}

async function untilReady(server: ChildProcess, log: string, site: string): Promise<string> {
  const deadline = Date.now() + READY_WITHIN_SECONDS * 1000;
  for (;;) {
    const text = readFileSync(log, "utf8");
    if (server.exitCode !== null || Date.now() > deadline) throw new Error(`The service does not start:\n${text}`);
    const s3Url = /gateway\) at (\S+)/.exec(text)?.[1];
    if (s3Url && text.includes(`${site}/api/docs/`)) return s3Url;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode === null && server.signalCode === null) {
    const killing = setTimeout(() => server.kill("SIGKILL"), ENDED_WITHIN_SECONDS * 1000);
    server.kill("SIGINT"); // As Ctrl-C: the embedded S3 ends, too.
    await once(server, "exit");
    clearTimeout(killing);
  }
  server.stdin?.destroy();
}

async function signIn(site: string, username: string): Promise<string> {
  const response = await post(`${site}/auth/token/`, { username, password: PASSWORD });
  if (!response.ok) throw new Error(`No token for ${username}: ${response.status} ${await response.text()}`);
  return `Token ${((await response.json()) as { token: string }).token}`;
}

function post(url: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}
