import { Client, type ClientOptions } from "./client.js";
import { downloadTo, type DownloadOptions } from "./node/download.js";
import { nodeFiles } from "./node/files.js";
import { sendByNode } from "./node/http.js";
import type { Patience } from "./http/retry.js";
import type { PresignedUrl } from "./resources.js";

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
   * Save a file of the bucket as `path`. After a failure or a kill, the same call requests the rest and goes on.
   *
   * Until the file is whole, its bytes lie beside it in `.download-<hash of the name>.<ETag>.part`. One download at a
   * time may write a path.
   *
   * Throws `UploaderError`; `cancelled` once `signal` is aborted.
   */
  download(bucket: string, fileName: string, path: string, options: DownloadOptions = {}): Promise<void> {
    const { connectivity, patienceSeconds, stallSeconds } = this.context;
    const query = { bucket, file_name: fileName };
    const sign = (patience: Patience): Promise<PresignedUrl> =>
      this.service.call("GET", "file/presigned/url/", { query, patience, signal: options.signal });
    return downloadTo({ ...options, path, sign, connectivity, patienceSeconds, stallSeconds });
  }
}

/** Create a client for Node.js. `storage: folderStorage(folder)` makes uploads survive the process. */
export function createClient(options: ClientOptions): NodeClient {
  return new NodeClient({ transport: sendByNode, files: nodeFiles, ...options });
}
