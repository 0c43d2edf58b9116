// Uses the installed king-runtime: an application of three planes on one config, and its doctor.
import { deepEqual, equal } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { createKing, defineConfig } from "king-runtime";
import { objectstoreSection, openObjectStore } from "king-runtime/objectstore";
import { createRealtime, realtimeSection } from "king-runtime/realtime";
import { httpSection, listenHttp, request, tlsSection } from "king-runtime/transport";

const config = defineConfig({
  sections: [httpSection, tlsSection, realtimeSection, objectstoreSection],
  overrides: { http: { maxBodyBytes: 1_000 } },
});
const root = await mkdtemp(join(import.meta.dirname, "store-"));
await using objects = await openObjectStore({ root, config });
await using realtime = createRealtime({ config });
await using king = createKing(config, { components: () => [realtime.component()] });
await king.start();
equal(king.health().status, "healthy");

await using listener = await listenHttp({
  config,
  async handler(exchange) {
    if (exchange.path === "/watch") {
      realtime.handle(exchange, { channels: ["cups"] });
      return;
    }
    const { key } = await objects.put(exchange.path.slice(1), await exchange.bytes());
    exchange.respond(202, {}, String(realtime.publish("cups", key)));
  },
});
const { port } = listener.local;
const watcher = new WebSocket(`ws://127.0.0.1:${port}/watch`);
await new Promise((resolve) => watcher.addEventListener("open", resolve, { once: true }));
const told = new Promise<unknown>((resolve) => {
  watcher.addEventListener("message", ({ data }) => resolve(data), { once: true });
});
const upload = async (body: string | Uint8Array) => {
  const url = `http://127.0.0.1:${port}/tea/green`;
  await using response = await request(url, { method: "POST", body });
  return [response.status, await response.text()];
};
deepEqual(await upload("leaves"), [202, "1"]);
equal(await told, "tea/green");
equal((await upload(new Uint8Array(2_000)))[0], 413);
equal((await objects.head("tea/green"))?.size, 6);

const command = join(import.meta.dirname, "node_modules/@king-runtime/cli/dist/main.js");
const doctor = spawnSync(process.execPath, [command, "doctor", "--json"], { encoding: "utf8" });
equal(doctor.status, 0, doctor.stdout + doctor.stderr);
const { findings }: { findings: { subject: string; status: string }[] } = JSON.parse(doctor.stdout);
for (const name of ["transport", "realtime", "objectstore"]) {
  equal(findings.find(({ subject }) => subject === `@king-runtime/${name}`)?.status, "ok");
}

const closed = new Promise<number>((resolve) => {
  watcher.addEventListener("close", ({ code }) => resolve(code), { once: true });
});
equal((await king.drain()).clean, true);
equal(await closed, 1001);
