import assert from "node:assert/strict";
import { after, afterEach, before } from "node:test";
import type { Look, Screen } from "./screen.ts";
import { World } from "./world.ts";

/** The one service and browser of a run. */
export const world = new World();
const screens: Screen[] = [];

before(() => world.start(), { timeout: 120_000 });
after(() => world.stop());
afterEach(async () => {
  const complaints = screens.flatMap((screen) => screen.complaints);
  await Promise.all(screens.splice(0).map((screen) => screen.context.close()));
  assert.deepEqual(complaints, []);
});

/** Open the page with an empty profile. The screen closes after the test, which fails if the browser has complained. */
export async function openScreen(look: Look = {}): Promise<Screen> {
  const screen = await world.open(look);
  screens.push(screen);
  return screen;
}
