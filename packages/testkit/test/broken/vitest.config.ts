import { defineConfig } from "vitest/config";

const conditions = ["king-source", "node", "module-sync"];

// Not among the project's own tests: each of these has to fail.
export default defineConfig({
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: { root: import.meta.dirname, include: ["*.ts"], exclude: ["vitest.config.ts"] },
});
