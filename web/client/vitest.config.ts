import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  // The examples import the package by its name; here they get its source.
  resolve: { alias: { "@rapport/client": fileURLToPath(new URL("src/index.ts", import.meta.url)) } },
  // Other work on the same machine makes everything slow; nothing here waits for real time.
  test: { testTimeout: 60_000 },
});
