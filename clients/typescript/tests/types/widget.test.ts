import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { expect, test } from "vitest";

test("the widget that Django serves is what its sources give", () => {
  const folder = mkdtempSync(join(tmpdir(), "widget-"));
  const arguments_ = ["node_modules/tsdown/dist/run.mjs", "--config", "tsdown.widget.config.ts"];
  execFileSync(process.execPath, arguments_, { env: { ...process.env, WIDGET_DIR: folder }, stdio: "pipe" });
  const served = readFileSync("../../s3_file_uploader/static/s3_file_uploader/s3-upload.js", "utf8");
  expect(readFileSync(join(folder, "s3-upload.js"), "utf8"), "Run `npm run build:widget`.").toBe(served);
});
