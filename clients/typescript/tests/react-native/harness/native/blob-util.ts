/** The native side of react-native-blob-util, after its codegenSpecs/NativeBlobUtils.js. */

import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync, statSync, unlinkSync } from "node:fs";
import { Agent } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Device } from "./device.ts";
import { exchange, type Exchange } from "./http.ts";

const FILE_PREFIX = "ReactNativeBlobUtil-file://";

type Done = (error: string | null, rawType?: string, data?: string, info?: object) => void;

/** Return the native module `ReactNativeBlobUtil`. Its files lie in `cache`, and `emit` sends events to JavaScript. */
export function createBlobUtil(device: Device, cache: string, emit: (event: string, args: unknown) => void) {
  const agent = new Agent({ keepAlive: true });
  const exchanges = new Map<string, Exchange>();

  async function send(taskId: string, method: string, url: string, headers: Record<string, string>, body: string) {
    const path = body.startsWith(FILE_PREFIX) ? body.slice(FILE_PREFIX.length) : "";
    if (!existsSync(path)) throw new Error(`No such file '${path}'`);
    const length = statSync(path).size;
    const onSent = (written: number) => {
      emit("ReactNativeBlobUtilProgress-upload", { taskId, written: String(written), total: String(length) });
    };
    const payload = { type: null, length, chunks: () => createReadStream(path) };
    const running = exchange({ method, url, headers: { ...headers }, payload, agent, onSent });
    exchanges.set(taskId, running);
    return running.answer.finally(() => exchanges.delete(taskId));
  }

  const module = {
    addListener: () => undefined,
    removeListeners: () => undefined,
    getConstants: () => ({ CacheDir: cache, DocumentDir: cache }),
    enableUploadProgressReport: () => undefined,
    stat(path: string, done: (error: string | null, stat?: object) => void): void {
      if (!existsSync(path)) done(`failed to stat path \`${path}\` because it does not exist or it is not a folder`);
      else done(null, { size: String(statSync(path).size), path, type: "file", lastModified: "0" });
    },
    async slice(source: string, destination: string, start: number, end: number): Promise<string> {
      if (end > start)
        await pipeline(createReadStream(source, { start, end: end - 1 }), createWriteStream(destination));
      else await pipeline(Readable.from([]), createWriteStream(destination));
      return destination;
    },
    cp(source: string, destination: string, done: (error: string | null, copied?: boolean) => void): void {
      const provider = device.find(source);
      const stream = provider ? Readable.from(provider.stream()) : createReadStream(source);
      pipeline(stream, createWriteStream(destination)).then(
        () => done(null, true),
        (error: Error) => done(error.message),
      );
    },
    async hash(path: string, algorithm: string): Promise<string> {
      const hash = createHash(algorithm);
      for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
      return hash.digest("hex");
    },
    unlink(path: string, done: (error: string | null, removed?: boolean) => void): void {
      unlinkSync(path);
      done(null, true);
    },
    fetchBlob(
      _: object,
      taskId: string,
      method: string,
      url: string,
      headers: Record<string, string>,
      body: string,
      done: Done,
    ) {
      send(taskId, method, url, headers, body).then(
        (answer) => {
          const info = { taskId, state: "2", headers: answer.headers, status: answer.status, respType: "text" };
          done(null, "utf8", answer.body.toString(), info);
        },
        (error: Error) => done(error.message),
      );
    },
    fetchBlobForm(): void {
      throw new Error("The client sends no forms.");
    },
    cancelRequest(taskId: string, done: () => void): void {
      exchanges.get(taskId)?.cancel();
      done();
    },
  };
  return { module, close: () => agent.destroy() };
}
