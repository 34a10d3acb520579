/** What React Native does with bodies and files: each statement that the client is built on. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createServer, type AddressInfo } from "node:net";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { runInNewContext } from "node:vm";
import { setFlagsFromString } from "node:v8";
import { Phone, PLATFORMS } from "./harness/phone.ts";
import type { Provider } from "./harness/native/device.ts";
import { Folder, GIB, MIB, sha256 } from "./support/files.ts";
import { Sink } from "./support/sink.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

interface Ended {
  event: "load" | "error" | "abort";
  status: number;
  text: string;
  /** `loaded` and `total` of every progress event, and how many bytes had arrived at the server. */
  progress: { loaded: number; total: number; arrived: number }[];
}

let folder: Folder;
let sink: Sink;

before(async () => {
  folder = new Folder();
  sink = await Sink.start();
});
after(async () => {
  await sink.close();
  folder.remove();
});

/** Send a body by the XMLHttpRequest of React Native. */
function put(phone: Phone, body: unknown, headers: Record<string, string> = {}, url = sink.url): Promise<Ended> {
  return new Promise((resolve) => {
    const xhr = new phone.app.XMLHttpRequest();
    const progress: Ended["progress"] = [];
    xhr.open("PUT", url);
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = ({ loaded, total }: { loaded: number; total: number }) => {
      progress.push({ loaded, total, arrived: sink.received });
    };
    const end = (event: Ended["event"]) => () => {
      resolve({ event, status: xhr.status, text: event === "load" ? xhr.responseText : xhr._response, progress });
    };
    xhr.onload = end("load");
    xhr.onerror = end("error");
    xhr.onabort = end("abort");
    xhr.send(body);
  });
}

const BINARY = { "Content-Type": "application/octet-stream" };

/** A cloud drive: its bytes come through a pipe, so nobody knows how many. */
function piped(bytes: Buffer): Provider {
  return {
    size: bytes.length,
    available: 0,
    type: "video/mp4",
    stream: async function* () {
      yield bytes;
    },
  };
}

for (const platform of PLATFORMS) {
  describe(platform, () => {
    let phone: Phone;
    before(async () => void (phone = await Phone.start(platform)));
    after(() => phone.close());
    beforeEach(() => {
      sink.clear();
      phone.meter.reset();
    });

    test("fetch of a file holds all of it in native memory until the blob is closed", async () => {
      const file = folder.write("photo.jpg", 3 * MIB);
      const blob = await (await phone.app.fetch(file.uri)).blob();
      assert.equal(blob.size, 3 * MIB);
      assert.equal(phone.meter.current.blob, 3 * MIB);
      blob.close();
      assert.equal(phone.meter.current.blob, 0);
    });

    test("fetch sends by XMLHttpRequest, and its response is no stream", async () => {
      const response = await phone.app.fetch(sink.url, { method: "PUT", body: "text" });
      assert.equal(response.body, undefined);
      assert.equal(sink.arrivals[0]?.text, "text");
      assert.equal(phone.requests.at(-1)?.body, "string");
      (await response.blob()).close(); // The text of an answer is a blob, too.
    });

    test(`XMLHttpRequest ${platform === "ios" ? "reads a {uri} whole" : "streams a {uri}"}`, async () => {
      const file = folder.write("video.mp4", 5 * MIB);
      const ended = await put(phone, { uri: file.uri }, BINARY);
      assert.equal(ended.status, 200);
      assert.equal(sink.arrivals[0]?.sha256, file.sha256);
      assert.equal(sink.arrivals[0]?.headers["content-length"], String(5 * MIB));
      assert.equal(phone.meter.peak.native, platform === "ios" ? 5 * MIB : 0);
      assert.equal(phone.meter.current.native, 0);
    });

    test(`XMLHttpRequest ${platform === "ios" ? "never answers for" : "fails for"} a {uri} that cannot be read`, async () => {
      const ended = await Promise.race([put(phone, { uri: "file:///nowhere/video.mp4" }, BINARY), sleep(300)]);
      if (platform === "ios") assert.equal(ended, undefined);
      else assert.match((ended as Ended).text, /Could not retrieve file/);
      assert.equal(sink.begun.length, 0);
    });

    test(`XMLHttpRequest ${platform === "ios" ? "sends" : "refuses"} a body without a content type`, async () => {
      const bodies = [{ uri: folder.write("small.bin", 100).uri }, phone.bytes(randomBytes(100))];
      for (const body of bodies) {
        const ended = await put(phone, body);
        if (platform === "ios") assert.equal(ended.status, 200);
        else assert.match(ended.text, /no content-type header specified/);
      }
    });

    test("XMLHttpRequest sends a Uint8Array as base64 over the bridge", async () => {
      const bytes = randomBytes(3 * MIB);
      await put(phone, phone.bytes(bytes), BINARY);
      assert.equal(sink.arrivals[0]?.sha256, sha256(bytes));
      assert.equal(phone.requests.at(-1)?.body, "base64");
      assert.equal(phone.meter.peak.base64, 4 * MIB);
      assert.equal(phone.meter.peak.body, 3 * MIB);
      assert.equal(phone.meter.current.base64, 0);
    });

    test("progress is reported for every kind of body, up to its last byte", async () => {
      const blob = await (await phone.app.fetch(folder.write("blob.bin", 2 * MIB).uri)).blob();
      const form = new phone.app.FormData();
      form.append("file", { uri: folder.write("form.bin", 2 * MIB).uri, name: "form.bin", type: "video/mp4" });
      const bytes = phone.bytes(randomBytes(2 * MIB));
      for (const body of ["x".repeat(2 * MIB), bytes, blob, { uri: folder.write("uri.bin", 2 * MIB).uri }, form]) {
        const type = body === form ? { "Content-Type": "multipart/form-data" } : BINARY;
        const { progress, status } = await put(phone, body, type);
        assert.equal(status, 200);
        assert.equal(progress.at(-1)?.loaded, progress.at(-1)?.total);
        assert.equal(progress.at(-1)?.loaded, sink.arrivals.at(-1)?.bytes);
      }
      blob.close();
    });

    test("progress counts bytes in the buffer of the socket, before they arrive", async () => {
      const resume = sink.pause();
      const file = folder.write("ahead.bin", 8 * MIB);
      setTimeout(resume, 300);
      const { progress } = await put(phone, { uri: file.uri }, BINARY);
      assert.ok(
        progress.some(({ loaded, arrived }) => loaded > arrived),
        JSON.stringify(progress),
      );
    });

    test("a slice of a blob is a view, and copied only when it is sent", async () => {
      const file = folder.write("sliced.bin", 4 * MIB);
      const blob = await (await phone.app.fetch(file.uri)).blob();
      const slice = blob.slice(MIB, 2 * MIB);
      assert.equal(slice.size, MIB);
      assert.equal(phone.meter.peak.native, 4 * MIB);
      await put(phone, slice, BINARY);
      assert.equal(sink.arrivals[0]?.bytes, MIB);
      assert.equal(phone.meter.peak.native, 5 * MIB);
      assert.equal(phone.meter.current.native, 4 * MIB);
      blob.close();
      slice.close();
    });

    test("native memory of a blob is freed when every slice is closed", async () => {
      const blob = await (await phone.app.fetch(folder.write("closed.bin", MIB).uri)).blob();
      const slices = [blob.slice(0, 10), blob.slice(10, 20)];
      blob.close();
      slices[0].close();
      assert.equal(phone.meter.current.blob, MIB);
      slices[1].close();
      assert.equal(phone.meter.current.blob, 0);
    });

    test("native memory of a blob is freed when the garbage collector takes the last slice", async () => {
      const file = folder.write("collected.bin", MIB);
      const makeSlice = async () => (await (await phone.app.fetch(file.uri)).blob()).slice(0, 10);
      const kept: unknown[] = [await makeSlice()];
      await collect();
      assert.equal(phone.meter.current.blob, MIB);
      kept.pop();
      await collect();
      assert.equal(phone.meter.current.blob, 0);
    });

    test("a blob has no arrayBuffer, stream or text, and cannot be made from bytes", () => {
      const blob = new phone.app.Blob(["text"]);
      for (const method of ["arrayBuffer", "stream", "text", "bytes"]) assert.equal(blob[method], undefined);
      blob.close();
      for (const bytes of [phone.bytes(randomBytes(10)), new phone.app.ArrayBuffer(10)]) {
        assert.throws(() => new phone.app.Blob([bytes]), /not supported/);
      }
    });

    test("a FileReader reads a blob as base64 over the bridge", async () => {
      const file = folder.write("read.bin", 3 * MIB);
      const blob = await (await phone.app.fetch(file.uri)).blob();
      const reader = new phone.app.FileReader();
      const bytes = await new Promise<ArrayBuffer>((resolve) => {
        reader.onload = () => resolve(reader.result as ArrayBuffer);
        reader.readAsArrayBuffer(blob);
      });
      assert.equal(sha256(new Uint8Array(bytes)), file.sha256);
      assert.equal(phone.meter.peak.base64, 4 * MIB);
      blob.close();
    });

    test("FormData percent-encodes the name of a file", async () => {
      const form = new phone.app.FormData();
      form.append("file", { uri: folder.write("Été 1.txt", "text").uri, name: "Été 1.txt", type: "text/plain" });
      await put(phone, form);
      assert.match(sink.arrivals[0]?.text ?? "", /filename="%C3%89t%C3%A9%201\.txt"/);
    });

    test(`FormData ${platform === "ios" ? "lies in memory" : "is streamed"}`, async () => {
      const form = new phone.app.FormData();
      form.append("file", { uri: folder.write("large.bin", 4 * MIB).uri, name: "large.bin", type: "video/mp4" });
      await put(phone, form);
      if (platform === "ios") assert.ok(phone.meter.peak.native > 4 * MIB);
      else assert.equal(phone.meter.peak.native, 0);
    });

    test("a request has no time-out of its own", async () => {
      const resume = sink.pause();
      const waiting = put(phone, "text", { "Content-Type": "text/plain" });
      assert.equal(await Promise.race([waiting, sleep(500, "pending")]), "pending");
      resume();
      assert.equal((await waiting).status, 200);
    });

    test(`an answer before the end of the body ${platform === "ios" ? "arrives" : "is lost"}`, async () => {
      const refusing = await refuseEarly();
      const ended = await put(phone, { uri: folder.write("refused.bin", 32 * MIB).uri }, BINARY, refusing.url);
      refusing.close();
      if (platform === "ios") assert.equal(ended.status, 413);
      else assert.equal(ended.text, "Broken pipe");
    });

    test("abort ends a request that is on its way", async () => {
      const resume = sink.pause();
      const xhr = new phone.app.XMLHttpRequest();
      const aborted = new Promise((resolve) => (xhr.onabort = () => resolve("abort")));
      xhr.open("PUT", sink.url);
      xhr.setRequestHeader("Content-Type", "video/mp4");
      xhr.send({ uri: folder.write("aborted.bin", 32 * MIB).uri });
      while (!sink.begun.length) await sleep(5);
      xhr.abort();
      assert.equal(await aborted, "abort");
      resume();
      await sleep(50);
      assert.equal(sink.arrivals.length, 0);
    });
  });
}

describe("android only", () => {
  let phone: Phone;
  before(async () => void (phone = await Phone.start("android")));
  after(() => phone.close());
  beforeEach(() => sink.clear());

  test("a content:// file is streamed", async () => {
    const bytes = randomBytes(3 * MIB);
    const uri = "content://media/external/video/1";
    phone.device.provide(uri, { ...piped(bytes), available: bytes.length });
    const ended = await put(phone, { uri }, BINARY);
    assert.equal(ended.status, 200);
    assert.equal(sink.arrivals[0]?.sha256, sha256(bytes));
    assert.equal(phone.meter.peak.native, 0);
  });

  test("a content:// file from a pipe announces 0 bytes and fails", async () => {
    const uri = "content://cloud/video/1";
    phone.device.provide(uri, piped(randomBytes(MIB)));
    const ended = await put(phone, { uri }, BINARY);
    assert.equal(ended.event, "error");
    assert.match(ended.text, /expected 0 bytes but received/);
    assert.deepEqual(sink.arrivals, []);
  });

  test("a {uri} of 3 GiB announces 2 GiB", async () => {
    const file = folder.sparse("long.mp4", 3 * GIB);
    const resume = sink.pause();
    const xhr = new phone.app.XMLHttpRequest();
    xhr.open("PUT", sink.url);
    xhr.setRequestHeader("Content-Type", "video/mp4");
    xhr.send({ uri: file.uri });
    while (!sink.begun.length) await sleep(5);
    xhr.abort();
    resume();
    assert.equal(sink.begun[0]?.["content-length"], String(2 ** 31 - 1));
  });

  test("fetch of a file of 3 GiB fails: a blob has at most 2 GiB", async () => {
    const file = folder.sparse("long-blob.mp4", 3 * GIB);
    await assert.rejects(phone.app.fetch(file.uri) as Promise<unknown>, /Network request failed/);
  });

  test("progress is reported at most every 100 ms", async () => {
    const bytes = randomBytes(64 * 1024);
    const slow = async function* () {
      for (let count = 0; count < 80; count += 1) {
        await sleep(5);
        yield bytes;
      }
    };
    const size = 80 * bytes.length;
    phone.device.provide("content://slow/1", { size, available: size, type: "", stream: slow });
    const began = performance.now();
    const { progress } = await put(phone, { uri: "content://slow/1" }, BINARY);
    const most = Math.floor((performance.now() - began) / 100) + 1;
    assert.ok(progress.length > 1 && progress.length <= most, `${progress.length} events, at most ${most}`);
  });
});

/** Start a server that answers 413 and closes the connection before it has read the body. */
async function refuseEarly(): Promise<{ url: string; close(): void }> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined); // The client writes on: the connection is reset.
    socket.once("data", () => {
      socket.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
      socket.pause();
      setTimeout(() => socket.destroy(), 100);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close: () => server.close() };
}

async function collect(): Promise<void> {
  for (let round = 0; round < 5; round += 1) {
    await sleep(10);
    collectGarbage();
  }
  await sleep(10);
}
