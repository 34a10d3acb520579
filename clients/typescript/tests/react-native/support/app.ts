/** An app on the phone, which has the client, Expo's and blob-util's file packages, and an account of the service. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createBucket, type RunningService } from "../../support/service.ts";
import { Phone } from "../harness/phone.ts";
import type { Platform } from "../harness/bundle.ts";
import type { MadeFile } from "./files.ts";

const LINES = `
  export * from "s3-file-uploader-client";
  export { expoFiles } from "s3-file-uploader-client/expo";
  export { blobUtilFiles } from "s3-file-uploader-client/blob-util";
  export * as FileSystem from "expo-file-system";
  export { default as ReactNativeBlobUtil } from "react-native-blob-util";
`;

/** The record of a stored upload. */
export interface StoredRecord {
  id: string;
  status: string;
  original_name: string;
  file_name: string;
  url: string;
  size: number;
  content_type: string;
  etag: string;
}

/** Which of the client's adapters reads files. */
export type Adapter = "expo" | "blob-util" | "none";

export class App {
  readonly phone: Phone;
  readonly bucket: string;
  /** The exports of the client and of the file packages. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- They come from another realm.
  readonly module: any;
  readonly #service: RunningService;

  private constructor(phone: Phone, module: unknown, service: RunningService, bucket: string) {
    this.phone = phone;
    this.module = module;
    this.#service = service;
    this.bucket = bucket;
  }

  static async start(platform: Platform, cache: string, service: RunningService, bucket?: string): Promise<App> {
    const phone = await Phone.start(platform, cache);
    const module = await phone.run(LINES);
    // Expo replaces `fetch` by one that reads every body into memory: the client must do without.
    phone.app.fetch = () => assert.fail("The client called fetch.");
    return new App(phone, module, service, bucket ?? (await createBucket(service)));
  }

  /** Create a client as an app does. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- As above.
  client(adapter: Adapter, options: object = {}): any {
    const { blobUtilFiles, createClient, expoFiles, FileSystem, ReactNativeBlobUtil } = this.module;
    const adapters = {
      expo: () => expoFiles(FileSystem),
      "blob-util": () => blobUtilFiles(ReactNativeBlobUtil),
      none: () => undefined,
    };
    const authorization = () => this.#service.user;
    return createClient({ baseUrl: this.#service.baseUrl, authorization, files: adapters[adapter](), ...options });
  }

  /** Read a file as the Blob that React Native's `fetch` makes of it. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- As above.
  readBlob(uri: string): Promise<any> {
    return new Promise((resolve, reject) => {
      const xhr = new this.phone.app.XMLHttpRequest();
      xhr.open("GET", uri);
      xhr.responseType = "blob";
      xhr.onload = () => resolve(xhr.response);
      xhr.onerror = () => reject(new Error("The file was not read."));
      xhr.send();
    });
  }

  /** Upload a file by a form, with React Native's own FormData and without the client. */
  async sendForm({ name, uri }: MadeFile, fields: Record<string, string>): Promise<StoredRecord> {
    const form = new this.phone.app.FormData();
    for (const [key, value] of Object.entries({ bucket: this.bucket, ...fields })) form.append(key, value);
    form.append("file", { uri, name, type: "video/mp4" });
    const xhr = new this.phone.app.XMLHttpRequest();
    xhr.open("POST", `${this.#service.baseUrl}/file/upload/`);
    xhr.setRequestHeader("Authorization", this.#service.user);
    await new Promise((resolve) => {
      xhr.onloadend = resolve;
      xhr.send(form);
    });
    assert.equal(xhr.status, 201, xhr.responseText);
    return JSON.parse(xhr.responseText) as StoredRecord;
  }

  /** Return the SHA-256 of what the service stored. */
  async hashStored({ url }: StoredRecord): Promise<string> {
    const response = await fetch(url, { headers: { Authorization: this.#service.user } });
    if (!response.ok || !response.body) throw new Error(`${url}: ${response.status} ${await response.text()}`);
    const hash = createHash("sha256");
    for await (const chunk of response.body) hash.update(chunk as Uint8Array);
    return hash.digest("hex");
  }
}
