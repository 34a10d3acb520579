import { Client, type ClientOptions } from "./client.js";
import { downloadTo, type DownloadOptions } from "./node/download.js";
import { nodeFiles } from "./node/files.js";
import { sendByNode } from "./node/http.js";

export type { DownloadOptions } from "./node/download.js";
export { nodeFiles, type StreamFile } from "./node/files.js";
export { sendByNode } from "./node/http.js";
export { folderStorage } from "./node/storage.js";

/**
 * The client for Node.js: uploads paths, `file:` URLs and streams, and downloads to the disk. It has all methods of
 * {@link Client}.
 */
export class NodeClient extends Client {
  /**
   * Save a file of the bucket as `path`. After a failure, the client requests the rest and goes on.
   *
   * Bytes go to `<path>.part`, which is renamed at the end. Throws `UploaderError`; `cancelled` once `signal` is aborted.
   */
  download(bucket: string, fileName: string, path: string, options: DownloadOptions = {}): Promise<void> {
    const { connectivity, patienceSeconds } = this.context;
    const sign = () => this.downloadUrl(bucket, fileName);
    return downloadTo({ ...options, path, sign, connectivity, patienceSeconds });
  }
}

/** Create a client for Node.js. `storage: folderStorage(folder)` makes uploads survive the process. */
export function createClient(options: ClientOptions): NodeClient {
  return new NodeClient({ transport: sendByNode, files: nodeFiles, ...options });
}
