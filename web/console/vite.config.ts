import { defineConfig } from "vitest/config";

/** `npm run dev` serves the console alone and passes API calls to a runner at RAPPORT. */
const runner = process.env["RAPPORT"] ?? "http://localhost:3000";

export default defineConfig({
  base: "/",
  build: {
    outDir: "dist",
    assetsDir: "assets",
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  // The runner refuses a foreign Origin, and to it this server's page is one.
  server: {
    proxy: Object.fromEntries(["/v1", "/dev", "/healthz"].map((path) => [path, { target: runner, changeOrigin: true, headers: { origin: runner } }])),
  },
  test: { environment: "happy-dom", include: ["test/**/*.test.ts?(x)"] },
});
