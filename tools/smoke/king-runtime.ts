// Uses the installed king-runtime: an application of four planes on one config, and its commands.
import { deepEqual, equal } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createKing, defineConfig } from "king-runtime";
import { createCodec, defineSchema, iibinSection } from "king-runtime/iibin";
import { objectstoreSection, openObjectStore } from "king-runtime/objectstore";
import { createRealtime, realtimeSection } from "king-runtime/realtime";
import { httpSection, listenHttp, request, tlsSection } from "king-runtime/transport";

const config = defineConfig({
  sections: [httpSection, tlsSection, realtimeSection, objectstoreSection, iibinSection],
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
for (const name of ["transport", "realtime", "objectstore", "iibin"]) {
  equal(findings.find(({ subject }) => subject === `@king-runtime/${name}`)?.status, "ok");
}

const Cup = defineSchema("Cup", { tea: { tag: 1, type: "string" } });
const limits = config.section(iibinSection);
const cup = createCodec(Cup, { limits }).encode({ tea: "green" });
await writeFile(
  join(import.meta.dirname, "cup.proto"),
  'syntax = "proto3"; message Cup { string tea = 1; }',
);
const build = ["iibin", "build", "cup.proto", "--out", "cup.js", "--force"];
const built = spawnSync(process.execPath, [command, ...build], {
  cwd: import.meta.dirname,
  encoding: "utf8",
});
equal(built.status, 0, built.stdout + built.stderr);
const generated = join(import.meta.dirname, "cup.js");
const { Cup: codec }: { Cup: { decode(bytes: Uint8Array): unknown } } = await import(generated);
deepEqual(codec.decode(cup), { tea: "green" });

const closed = new Promise<number>((resolve) => {
  watcher.addEventListener("close", ({ code }) => resolve(code), { once: true });
});
equal((await king.drain()).clean, true);
equal(await closed, 1001);
