import { once } from "node:events";
import { connect } from "node:tls";
import { makeCertificates, recordDiagnostics, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import type { AdminEvent, AdminListener, LoadTls } from "../../src/admin/index.ts";
import { listenHttp, listenTcp } from "../../src/index.ts";
import { openAdmin } from "./admin-harness.ts";

const { ca, leaf, wrongHost } = await makeCertificates();
const handler = (exchange: { respond(status: number): void }) => exchange.respond(204);

/** Whom a new client sees. */
async function subjectAt(port: number): Promise<string | undefined> {
  const checkServerIdentity = () => undefined;
  const socket = connect({
    port,
    host: "127.0.0.1",
    servername: "localhost",
    ca,
    checkServerIdentity,
  });
  await withDeadline(once(socket, "secureConnect"), "a TLS connection");
  const { subject } = socket.getPeerX509Certificate() ?? {};
  socket.destroy();
  return subject;
}

async function openBoth(load: LoadTls, onError: (error: unknown) => void = () => undefined) {
  const api = await listenHttp({ handler, tls: leaf });
  const admin = await openAdmin({
    listeners: { api },
    reloadTls: { api: load },
    actionTimeoutMs: 50,
    onError,
  });
  return {
    api,
    reload: (body?: unknown) => admin.ask("POST /reload-tls", { body }),
    subject: () => subjectAt(api.local.port),
    [Symbol.asyncDispose]: async () => {
      api.abort();
      await admin[Symbol.asyncDispose]();
    },
  };
}

describe("a reload of certificates", () => {
  test("has new clients see the new one, and tells of who did it", async () => {
    using events = recordDiagnostics<AdminEvent>("king:transport:admin");
    const loaded = [wrongHost, leaf];
    await using both = await openBoth(async () => loaded.shift() ?? leaf);
    expect(await both.subject()).toBe("CN=localhost");
    expect(await both.reload({ listener: "api" })).toMatchObject({
      status: 200,
      json: { listener: "api" },
    });
    expect(await both.subject()).toBe("CN=wrong.example");
    expect((await both.reload()).status).toBe(200);
    expect(await both.subject()).toBe("CN=localhost");
    expect(events.values.slice(0, 2)).toMatchObject([
      { action: "reload-tls", target: "api", outcome: "begun", caller: { token: true } },
      { action: "reload-tls", target: "api", outcome: "done" },
    ]);
    expect(JSON.stringify(events.values)).not.toMatch(/BEGIN|cert|key/i);
  });

  test.each([
    [
      "a key of another certificate",
      { cert: leaf.cert, key: wrongHost.key },
      /tls\.key: expected the key of/,
    ],
    ["no certificate", { cert: "nonsense", key: leaf.key }, /tls\.cert/],
    ["no key", { cert: leaf.cert, key: "nonsense" }, /tls\.key/],
    ["nothing", undefined, /tls/],
    [
      "other rules for clients",
      { ...leaf, clientCertificates: "require", clientCa: ca },
      /clientCertificates/,
    ],
    ["a name for both", { ...leaf, serverName: "a" }, /serverName/],
  ])("that loads %s is a 422 with the reason, and changes nothing", async (_, tls, detail) => {
    await using both = await openBoth(() => tls as never);
    const answer = await both.reload();
    expect(answer).toMatchObject({ status: 422, json: { detail: expect.stringMatching(detail) } });
    expect(answer.text).not.toMatch(/BEGIN|nonsense/);
    expect(await both.subject()).toBe("CN=localhost");
  });

  test("whose loader fails says nothing of why, but to the application", async () => {
    const told: unknown[] = [];
    const failure = new Error("ENOENT: no such file, open '/etc/secret/path.pem'");
    await using both = await openBoth(
      () => Promise.reject(failure),
      (error) => void told.push(error),
    );
    const answer = await both.reload();
    expect(answer).toMatchObject({ status: 500, json: { title: "Internal Server Error" } });
    expect(answer.text).not.toContain("secret");
    expect(told).toEqual([failure]);
    expect((await both.reload()).status).toBe(500);
  });

  test("is one at a time, and one that comes too late is not taken", async () => {
    const asked = Promise.withResolvers<AbortSignal>();
    const { promise, resolve } = Promise.withResolvers<typeof leaf>();
    const loads = [promise, Promise.resolve(leaf)];
    await using both = await openBoth(({ signal }) => {
      asked.resolve(signal);
      return loads.shift() ?? leaf;
    });
    const first = both.reload();
    const signal = await asked.promise;
    expect((await both.reload()).status).toBe(409);
    expect((await first).status).toBe(503);
    expect(signal.aborted).toBe(true);
    resolve(wrongHost);
    await promise;
    expect((await both.reload()).status).toBe(200);
    expect(await both.subject()).toBe("CN=localhost");
  });

  test("takes no certificates or paths from a client, and no listener but those with a loader", async () => {
    await using both = await openBoth(() => wrongHost);
    for (const body of [
      { cert: leaf.cert, key: leaf.key },
      { certFile: "/a" },
      { listener: "admin" },
      { listener: 1 },
      [],
      null,
      "api",
    ]) {
      expect([body, (await both.reload(body)).status]).toEqual([body, 400]);
    }
    expect(await both.subject()).toBe("CN=localhost");
  });

  test("needs to know which listener, where there are several, and that it is there", async () => {
    const plain = await listenHttp({ handler });
    const gone = await listenHttp({ handler, tls: leaf });
    const listeners: Record<string, AdminListener> = { plain, gone };
    await using admin = await openAdmin({
      listeners,
      reloadTls: { plain: () => leaf, gone: () => leaf, absent: () => leaf },
    });
    const reload = async (body?: unknown) => (await admin.ask("POST /reload-tls", { body })).status;
    expect(await reload()).toBe(400);
    expect(await reload({ listener: "plain" })).toBe(422);
    expect(await reload({ listener: "absent" })).toBe(409);
    expect(await reload({ listener: "gone" })).toBe(200);
    gone.abort();
    await gone.closed;
    expect(await reload({ listener: "gone" })).toBe(409);
    plain.abort();
  });

  test("of a TCP listener is refused for the same reasons", async () => {
    const told: unknown[] = [];
    const loaded = [{ cert: leaf.cert, key: wrongHost.key }, wrongHost];
    await using secure = await listenTcp({ onSession: () => undefined, tls: leaf });
    await using bare = await listenTcp({ onSession: () => undefined });
    await using admin = await openAdmin({
      listeners: { secure, bare },
      reloadTls: { secure: () => loaded.shift() ?? leaf, bare: () => leaf },
      onError: (error) => void told.push(error),
    });
    const reload = (listener: string) => admin.ask("POST /reload-tls", { body: { listener } });
    expect(await reload("secure")).toMatchObject({
      status: 422,
      json: { code: "KING_NET_TLS", detail: expect.stringMatching(/tls\.key/) },
    });
    expect(await subjectAt(secure.local.port)).toBe("CN=localhost");
    expect(await reload("bare")).toMatchObject({ status: 422, json: { code: "KING_NET_TLS" } });
    expect(told).toEqual([]);
    expect((await reload("secure")).status).toBe(200);
    expect(await subjectAt(secure.local.port)).toBe("CN=wrong.example");
  });
});
