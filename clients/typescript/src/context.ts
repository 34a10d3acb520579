import type { FileAdapter } from "./files/source.js";
import type { Connectivity } from "./http/connectivity.js";
import type { Service } from "./http/service.js";
import type { Transport } from "./http/transport.js";
import type { Journal } from "./uploads/journal.js";
import type { Routes } from "./uploads/routes.js";

/** Objects that all uploads of a client share. */
export interface Context {
  service: Service;
  transport: Transport;
  connectivity: Connectivity;
  routes: Routes;
  journal: Journal;
  /** Keys of the uploads that run or are paused in this process. */
  live: Set<string>;
  adapter: FileAdapter | undefined;
  stallSeconds: number;
  patienceSeconds: number;
  smallFileBytes: number;
}
