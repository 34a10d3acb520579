import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

const SOURCE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Finding {
  id: string;
  nodes: { html: string; failureSummary: string }[];
}

/** Fail if axe-core finds anything on the page, or on a part of it. The policy of the page forbids inline scripts: so this one goes by the debugger. */
export async function audit(page: Page, part = "body"): Promise<void> {
  await page.evaluate(SOURCE);
  const findings = await page.evaluate(async (selector) => {
    const { axe } = window as unknown as { axe: { run(part: string): Promise<{ violations: Finding[] }> } };
    return (await axe.run(selector)).violations;
  }, part);
  const lines = findings.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`),
  );
  assert.deepEqual(lines, []);
}
