import type { TestProject } from "vitest/node";
import { startControl } from "../support/control.js";
import { FaultProxy } from "../support/proxy.js";
import { freePort, startService, type RunningService } from "../support/service.js";

declare module "vitest" {
  interface ProvidedContext {
    /** Address of what steers the proxy. */
    control: string;
    /** Address of the proxy, which is also the public address of S3. */
    proxy: string;
    service: RunningService;
    /** An address where nothing listens. */
    closed: string;
    /** Uploads of the run under faults. */
    uploads: number;
    seed: number;
  }
}

const UPLOADS = 40;

/** Run a service whose clients reach it, and its store, through one fault proxy. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const proxy = new FaultProxy();
  const address = await proxy.listen();
  const { stop, ...service } = await startService({
    publicS3Url: address,
    environment: { DJANGO_SETTINGS_MODULE: "tests.support.small_parts_settings" },
  });
  proxy.service = new URL(service.baseUrl).origin;
  proxy.store = service.s3Url;
  process.env.FAULT_PROXY = address; // Read by `sameOrigin`, which runs in this process.
  const control = await startControl(proxy);
  project.provide("control", control.address);
  project.provide("proxy", address);
  project.provide("service", service);
  project.provide("closed", `http://127.0.0.1:${await freePort()}`);
  project.provide("uploads", Number(process.env.UPLOADS ?? UPLOADS));
  project.provide("seed", Number(process.env.SEED ?? 1));
  return async () => {
    await control.stop();
    await proxy.close();
    await stop();
  };
}
