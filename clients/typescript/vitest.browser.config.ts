import { defineConfig } from "vitest/config";
import { playwright } from "@vitest/browser-playwright";
import { sameOrigin } from "./tests/browser/same-origin.js";
export default defineConfig({
  plugins: [sameOrigin()],
  test: {
    name: "browser",
    include: ["tests/browser/**/*.test.ts"],
    globalSetup: "tests/browser/setup.ts",
    fileParallelism: false,
    testTimeout: 60_000,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({ launchOptions: { executablePath: process.env.CHROMIUM!, args: ["--no-sandbox"] } }),
      instances: [{ browser: "chromium" }],
    },
  },
});
