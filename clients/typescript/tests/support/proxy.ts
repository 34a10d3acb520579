import { once } from "node:events";
import {
  Agent,
  createServer,
  request as sendUpstream,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { answerFault, type Answer } from "./answers.js";
import { chooseFault, type Fault, type FaultKind, type PlanOptions, type RequestFacts } from "./faults.js";
import {
  breakOff,
  deliver,
  lengthOf,
  readAll,
  readShare,
  readSignature,
  truncate,
  type LoggedRequest,
  type Passing,
} from "./passing.js";

const EXPIRED: Fault = { kind: "expire", share: 1 };
const OFFLINE_MILLISECONDS = 400;
const SLOW_MILLISECONDS = 1000;
const UUID = /[0-9a-f]{8}-[0-9a-f-]{27}/g;
const RANDOM_BUCKET = /test-[0-9a-f]{12}/;
const SERVICE_PATHS = /^\/(modules|auth|admin|api|static)\//;

/** A way to the service and to the store that fails as a plan says, and remembers everything that passed. */
export class FaultProxy {
  log: LoggedRequest[] = [];
  /** Where requests of the service go: `http://127.0.0.1:8000`. Set before the first request. */
  service = "";
  /** Where requests of S3 go. Their `Host` stays: presigned URLs are signed for the address of the proxy. */
  store = "";
  private plan: PlanOptions = { seed: 0, rate: 0 };
  private offlineUntil = 0;
  private readonly attempts = new Map<string, number>();
  private readonly expired = new Set<string>();
  private readonly names = new Map<string, string>();
  private readonly sockets = new Set<Socket>();
  private readonly agent = new Agent({ keepAlive: true });
  private readonly failures: Record<FaultKind, (passing: Passing, share: number) => void | Promise<void>> = {
    "drop-before": ({ request }) => breakOff(request),
    "drop-during": async ({ request }, share) => {
      await readShare(request, share);
      breakOff(request);
    },
    "lose-answer": async (passing) => {
      await this.pass(passing);
      breakOff(passing.request);
    },
    truncate: async (passing, share) => truncate(passing, await this.pass(passing), share),
    stall: ({ request }, share) => readShare(request, share),
    "stall-answer": async (passing) => {
      await this.pass(passing);
    },
    "error-500": (passing) => this.refuse(passing, "error-500"),
    "error-502": (passing) => this.refuse(passing, "error-502"),
    "error-after": async (passing) => {
      await this.pass(passing);
      deliver(passing, answerFault("error-500", passing.entry.side));
    },
    "busy-503": (passing) => this.refuse(passing, "busy-503"),
    expire: async (passing) => {
      await this.expire(passing.request);
      await this.refuse(passing, "expire");
    },
    slow: (passing) => this.answer(passing),
    "switch-network": () => this.switchNetwork(),
  };
  private readonly server: Server = createServer((request, response) => void this.handle(request, response));

  async listen(): Promise<string> {
    this.server.on("connection", (socket) => this.admit(socket));
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.close();
    this.breakConnections();
    this.agent.destroy();
    await once(this.server, "close");
  }

  /** Fail as `plan` says from now on, and forget what passed. */
  follow(plan: PlanOptions): void {
    this.plan = plan;
    this.log = [];
    this.attempts.clear();
  }

  /** Break every connection, and refuse new ones for a while, as when a phone leaves its Wi-Fi. */
  switchNetwork(milliseconds = OFFLINE_MILLISECONDS): void {
    this.offlineUntil = Date.now() + milliseconds;
    this.breakConnections();
  }

  private breakConnections(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  private admit(socket: Socket): void {
    if (Date.now() < this.offlineUntil) {
      socket.resetAndDestroy();
      return;
    }
    this.sockets.add(socket);
    socket.on("close", () => this.sockets.delete(socket));
    socket.on("error", () => undefined); // A broken connection is the business of the client.
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const passing = await this.note(request, response);
      await this.serve(passing, this.isExpired(request) ? EXPIRED : chooseFault(this.plan, passing.entry));
    } catch (error) {
      // The client went away, or its connection was broken on purpose.
      if (!request.socket.destroyed) throw error;
    }
  }

  private async note(request: IncomingMessage, response: ServerResponse): Promise<Passing> {
    const startedAt = Date.now();
    const { headers, method = "GET", url = "" } = request;
    const [path = "", query = ""] = url.split("?");
    const side = SERVICE_PATHS.test(path) ? "service" : "store";
    const json = headers["content-type"] === "application/json" ? await readAll(request) : undefined;
    const part = Number(new URLSearchParams(query).get("partNumber") ?? 1);
    const label = `${method} ${this.nameRequest(side, path, json)} ${part}`;
    const attempt = (this.attempts.get(label) ?? 0) + 1;
    this.attempts.set(label, attempt);
    const bytes = json?.length ?? 0;
    const names = Object.keys(headers);
    const entry: LoggedRequest = { side, method, path, part, label, attempt, startedAt, bytes, headers: names };
    this.log.push(entry);
    if (!json) request.on("data", (bytes: Buffer) => (entry.bytes += bytes.length)).pause();
    return { request, response, entry, json };
  }

  /** Ids and buckets differ in each run, the names of files do not. */
  private nameRequest(side: RequestFacts["side"], path: string, json: Buffer | undefined): string {
    if (side === "store") return path.split("/").pop() ?? "";
    const announced = /"file_name":\s*"([^"]+)"/.exec(json?.toString() ?? "")?.[1] ?? "";
    return path.replace(UUID, (id) => this.names.get(id) ?? "").replace(RANDOM_BUCKET, "") + announced;
  }

  private async serve(passing: Passing, fault: Fault | undefined): Promise<void> {
    if (!fault) return this.answer(passing);
    passing.entry.fault = fault.kind;
    await this.failures[fault.kind](passing, fault.share);
  }

  private async answer(passing: Passing): Promise<void> {
    deliver(passing, await this.pass(passing));
  }

  /** Send the request to where it belongs, and return the whole answer. */
  private async pass({ entry, json, request }: Passing): Promise<Answer> {
    const { headers, method, socket, url } = request;
    const target = entry.side === "store" ? this.store : this.service;
    const upstream = sendUpstream(`${target}${url ?? ""}`, { method, headers, agent: this.agent });
    const abort = () => upstream.destroy(new Error("The client went away."));
    socket.once("close", abort);
    try {
      const response = once(upstream, "response") as Promise<[IncomingMessage]>;
      const state = { isAnswered: false };
      response.then(
        () => (state.isAnswered = true),
        () => undefined,
      );
      const pause = entry.fault === "slow" ? SLOW_MILLISECONDS / Math.max(1, lengthOf(request) / 65_536) : 0;
      for await (const bytes of json ? [json] : request) {
        if (pause) await sleep(pause);
        if (!upstream.write(bytes) && !state.isAnswered) await Promise.race([once(upstream, "drain"), response]);
      }
      upstream.end();
      const [message] = await response;
      const body = await readAll(message);
      entry.upstreamStatus = message.statusCode ?? 0;
      entry.answeredAt = Date.now();
      if (entry.side === "service") this.learnName(body.toString());
      const { "transfer-encoding": _, ...answered } = message.headers;
      return { status: message.statusCode ?? 0, headers: answered, body };
    } finally {
      socket.off("close", abort);
    }
  }

  private async refuse(passing: Passing, kind: FaultKind): Promise<void> {
    await readShare(passing.request, 1);
    deliver(passing, answerFault(kind, passing.entry.side));
  }

  /** A started upload answers its id and its name. */
  private learnName(body: string): void {
    const id = /"id":\s*"([0-9a-f-]{36})"/.exec(body)?.[1];
    const name = /"original_name":\s*"([^"]+)"/.exec(body)?.[1];
    if (id && name) this.names.set(id, name);
  }

  private isExpired({ method, url = "" }: IncomingMessage): boolean {
    return method === "PUT" && this.expired.has(readSignature(url));
  }

  /** Refuse this URL for ever. Two URLs of the same second are equal, so the refusal waits for the next one. */
  private async expire(request: IncomingMessage): Promise<void> {
    this.expired.add(readSignature(request.url ?? ""));
    await sleep(1000 - (Date.now() % 1000));
  }
}
