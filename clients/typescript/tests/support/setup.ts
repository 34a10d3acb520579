import type { TestProject } from "vitest/node";
import { startService, type RunningService } from "./service.js";

declare module "vitest" {
  interface ProvidedContext {
    service: RunningService;
  }
}

/** Run one service for all tests of a project, which get it by `inject("service")`. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { stop, ...service } = await startService();
  project.provide("service", service);
  return stop;
}
