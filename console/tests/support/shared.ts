import assert from "node:assert/strict";
import { after, afterEach, before } from "node:test";
import type { Look, Screen } from "./screen.ts";
import { World } from "./world.ts";

/** The one server and browser of a run. */
export const world = new World();
const screens: Screen[] = [];

before(() => world.start(), { timeout: 120_000 });
after(() => world.stop());
afterEach(async () => {
  const complaints = screens.flatMap((screen) => screen.complaints);
  await Promise.all(screens.splice(0).map((screen) => screen.context.close()));
  assert.deepEqual(complaints, [], "The browser complains.");
});

/** Open a folder of a bucket; the screen closes after the test, which fails if the browser has complained. */
export async function openScreen(bucket: string, look: Look & { folder?: string; as?: "user" | "staff" } = {}) {
  const screen = await world.open(bucket, look);
  screens.push(screen);
  return screen;
}
