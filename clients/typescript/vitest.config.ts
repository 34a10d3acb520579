import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { findChromium } from "./tests/browser/chromium.js";
import { sameOrigin } from "./tests/browser/same-origin.js";

export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["tests/unit/**/*.test.ts"], restoreMocks: true, testTimeout: 20_000 } },
      { test: { name: "types", include: ["tests/types/**/*.test.ts"], testTimeout: 60_000 } },
      {
        test: {
          name: "service",
          include: ["tests/service/**/*.test.ts"],
          globalSetup: "tests/support/setup.ts",
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        plugins: [sameOrigin()],
        test: {
          name: "browser",
          include: ["tests/browser/**/*.test.ts"],
          globalSetup: "tests/browser/setup.ts",
          fileParallelism: false, // One proxy, whose faults belong to one test at a time.
          testTimeout: 60_000,
          hookTimeout: 60_000,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions: { ...findChromium(), args: ["--no-sandbox"] } }),
            instances: [{ browser: "chromium" }],
          },
        },
      },
    ],
    coverage: {
      provider: "v8",
      include: ["src/**"],
      // Tests of their own platforms cover these.
      exclude: ["src/expo.ts", "src/blob-util.ts", "src/http/native.ts", "src/schema.ts"],
    },
  },
});
