import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["tests/unit/**/*.test.ts"], restoreMocks: true } },
      {
        test: {
          name: "service",
          include: ["tests/service/**/*.test.ts"],
          globalSetup: "tests/support/setup.ts",
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
    coverage: {
      provider: "v8",
      include: ["src/**"],
      // Tests of their own platforms cover these.
      exclude: ["src/react.ts", "src/expo.ts", "src/blob-util.ts", "src/schema.ts"],
    },
  },
});
