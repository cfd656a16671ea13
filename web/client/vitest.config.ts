import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** What stands on the fake network and clock, directly or by its helpers. */
const onTheHarness = [
  "test/carets.test.ts", "test/clock.test.ts", "test/connection.test.ts", "test/convergence.test.ts", "test/fallback.test.ts", "test/notes.test.ts",
  "test/offline.test.ts", "test/order.test.ts", "test/presence.test.ts", "test/programs.test.ts", "test/textarea.test.ts",
  "test/transcript.test.ts", "test/undo.test.ts",
];

export default defineConfig({
  // The examples import the package by its name; here they get its source.
  resolve: { alias: { "@rapport/client": fileURLToPath(new URL("src/index.ts", import.meta.url)) } },
  test: {
    // Other work on the same machine makes everything slow; nothing here waits for real time.
    testTimeout: 60_000,
    projects: [
      { extends: true, test: { name: "steady", include: ["test/*.test.ts"] } },
      // The same with frames that come many in one turn, on a machine whose clock is set back and forward by an hour.
      { extends: true, test: { name: "unsteady", include: onTheHarness, env: { RAPPORT_CLOCK: "unsteady" } } },
    ],
  },
});
