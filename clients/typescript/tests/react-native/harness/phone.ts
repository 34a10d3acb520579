/** A phone in Node: React Native's own JavaScript in a realm of its own, over modelled native modules. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { createContext, runInContext, type Context } from "node:vm";
import { bundleModule, bundleReactNative, type Platform } from "./bundle.ts";
import { AndroidNetworking } from "./native/android.ts";
import { createBlobUtil } from "./native/blob-util.ts";
import { Blobs } from "./native/blobs.ts";
import { Device } from "./native/device.ts";
import { createExpoFileSystem, type ExpoUse } from "./native/expo.ts";
import { IosNetworking } from "./native/ios.ts";
import { Meter } from "./native/meter.ts";
import type { LoggedRequest, Networking, Phone as Natives } from "./native/networking.ts";

export const PLATFORMS: Platform[] = ["android", "ios"];

export class Phone implements Natives {
  readonly platform: Platform;
  readonly meter = new Meter();
  readonly blobs = new Blobs(this.meter);
  readonly device = new Device();
  /** All requests of JavaScript so far. */
  readonly requests: LoggedRequest[] = [];
  /** The globals of the app: XMLHttpRequest, FormData, Blob, File, FileReader, fetch, Uint8Array, ... */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- React Native's globals have no types here.
  readonly app: any;
  /** What Expo's native code did with files. */
  readonly expo: ExpoUse;
  readonly #realm: Context;
  readonly #closing: (() => void)[];
  /** True once the system has ended the app. */
  isKilled = false;

  private constructor(platform: Platform, cache: string) {
    this.platform = platform;
    const networking = platform === "android" ? new AndroidNetworking(this) : new IosNetworking(this);
    const blobUtil = createBlobUtil(this.device, cache, (event, args) => this.emit(event, args));
    const expo = createExpoFileSystem(this.device, cache, (bytes) => this.bytes(bytes));
    this.expo = expo.use;
    this.#closing = [networking, blobUtil, expo].map((each) => () => each.close());
    this.#realm = createRealm(this.#modules(networking, blobUtil.module), this.blobs.collect);
    this.app = runInContext("globalThis", this.#realm);
    this.app.expo = { modules: { FileSystem: expo.module } };
  }

  /** Start React Native. `cache`: the folder for temporary files of the app. */
  static async start(platform: Platform, cache = tmpdir()): Promise<Phone> {
    const phone = new Phone(platform, cache);
    runInContext(await bundleReactNative(platform), phone.#realm);
    return phone;
  }

  emit(event: string, args: unknown): void {
    if (this.isKilled) return;
    this.app.__reactNative.DeviceEventEmitter.emit(event, args);
  }

  /** Run TypeScript lines in the app, and return what they export. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- As above.
  async run(lines: string, folder?: string): Promise<any> {
    runInContext(await bundleModule(lines, folder), this.#realm);
    return this.app.__module;
  }

  /** Bytes of Node as bytes of the app: `instanceof` tells realms apart. */
  bytes(bytes: Uint8Array): Uint8Array {
    return new this.app.Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** End the app as the system does: no line of JavaScript runs any more. Requests on their way are cut. */
  kill(): void {
    this.isKilled = true;
    this.close();
  }

  /** Close the connections. */
  close(): void {
    for (const close of this.#closing) close();
  }

  #modules(networking: Networking, blobUtil: object): Record<string, unknown> {
    const constants = {
      reactNativeVersion: { major: 0, minor: 88, patch: 1 },
      isTesting: false,
      forceTouchAvailable: false,
    };
    return {
      PlatformConstants: { getConstants: () => constants },
      Networking: networking,
      BlobModule: this.blobs.module(),
      FileReaderModule: this.blobs.fileReader(),
      ReactNativeBlobUtil: blobUtil,
    };
  }
}

/** Return a realm with the globals that Hermes has, by the list inside of its compiler, and those that React Native adds. */
function createRealm(modules: Record<string, unknown>, collect: (blobId: string) => object): Context {
  const realm = createContext({});
  const known = new Set([...hermesGlobals(), "Promise", "console"]);
  const names = runInContext("Object.getOwnPropertyNames(globalThis)", realm) as string[];
  for (const name of names) if (!known.has(name)) runInContext(`delete globalThis.${name}`, realm);
  const timers = {
    setTimeout: (run: () => void, milliseconds?: number) => Number(setTimeout(run, milliseconds)),
    setInterval: (run: () => void, milliseconds?: number) => Number(setInterval(run, milliseconds)),
    clearTimeout,
    clearInterval,
    queueMicrotask,
    atob, // Hermes has it, although its compiler does not list it.
  };
  const window = runInContext("globalThis", realm) as object;
  const added = {
    console,
    navigator: { product: "ReactNative" },
    performance: { now: () => performance.now() },
    window,
  };
  const native = {
    nativeModuleProxy: {},
    __turboModuleProxy: (name: string) => modules[name] ?? null,
    __blobCollectorProvider: collect,
  };
  return Object.assign(realm, timers, added, native);
}

/** Read the declarations of Hermes's globals, which its compiler warns by. */
function hermesGlobals(): string[] {
  const compiler = createRequire(import.meta.url).resolve("hermes-compiler/hermesc/linux64-bin/hermesc");
  const [declared = ""] = /(?:var [\w$]+;)+(?:function \w+\(\)\s*\{\})+/.exec(readFileSync(compiler, "latin1")) ?? [];
  return Array.from(declared.matchAll(/(?:var|function) ([\w$]+)/g), ([, name = ""]) => name);
}
