/**
 * The modelled native modules follow these files. When React Native, Expo or blob-util change one, read the change, adapt
 * `harness/native/`, and write the new hashes with `npm run model`.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { hashSources, LISTED } from "./scripts/model.ts";

test("the sources that the model follows have not changed", () => {
  assert.deepEqual(hashSources(), JSON.parse(readFileSync(LISTED, "utf8")));
});
