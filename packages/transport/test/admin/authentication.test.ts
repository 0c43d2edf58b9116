import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import {
  connectRaw,
  makeCertificates,
  recordDiagnostics,
  testClock,
  withDeadline,
} from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import {
  type AdminAuth,
  type AdminEvent,
  createAdminHandler,
  listenAdmin,
} from "../../src/admin/index.ts";
import { ask, openAdmin, token } from "./admin-harness.ts";

const read = () => 1;
const { ca, leaf, wrongHost } = await makeCertificates();
const other = await makeCertificates("Another test authority");
const required = { ...leaf, clientCertificates: "require", clientCa: ca } as const;
const invalid = (message: RegExp) =>
  expect.objectContaining({
    code: "KING_OPTION_INVALID",
    message: expect.stringMatching(message),
  });

describe("a token", () => {
  test("opens the API; every answer is for nobody's cache", async () => {
    await using admin = await openAdmin();
    const answer = await admin.ask("GET /health");
    expect(answer).toMatchObject({
      status: 200,
      json: { status: "alive" },
      headers: { "cache-control": "no-store", "x-content-type-options": "nosniff" },
    });
  });

  test.each([
    ["none", {}],
    ["a wrong one", { authorization: `Bearer ${token}x` }],
    ["the beginning of it", { authorization: `Bearer ${token.slice(0, -1)}` }],
    ["another scheme", { authorization: `Basic ${token}` }],
    ["one in the query", {}],
  ])("is asked for: %s is answered 401, without a hint", async (name, headers) => {
    await using admin = await openAdmin();
    const path = name.includes("query") ? `/health?token=${token}` : "/health";
    for (const line of [`GET ${path}`, "GET /nowhere", "PATCH /health", "POST /drain"]) {
      const answer = await admin.ask(line, { headers, authorized: false });
      expect(answer.status).toBe(401);
      expect(answer.headers).toMatchObject({
        "www-authenticate": expect.stringMatching(/^Bearer realm="admin"/),
        "content-type": "application/problem+json",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
      });
      expect(answer.text).not.toContain(token.slice(0, 8));
    }
  });

  test.each([
    [{}, /auth: expected token or clientCertificates/],
    [undefined, /auth: expected an object/],
    [{ token: "short" }, /auth\.token: expected 32 characters/],
    [{ token: 5 }, /auth\.token/],
    [{ token: `${token} ` }, /auth\.token: expected letters/],
    [{ token: "ä".repeat(40) }, /auth\.token: expected letters/],
    [{ tokens: token }, /auth\.tokens: expected one of token, clientCertificates/],
    [{ clientCertificates: false }, /auth\.clientCertificates: expected true or an object/],
    [{ clientCertificates: {} }, /auth\.clientCertificates: expected fingerprints256 or subjects/],
    [{ clientCertificates: { fingerprints256: ["AB"] } }, /expected SHA-256/],
    [{ clientCertificates: { subjects: "CN=a" } }, /subjects: expected a list/],
    [{ clientCertificates: { names: [] } }, /names/],
  ])("without it, or with %j, there is no handler", (auth, message) => {
    expect(() => createAdminHandler({ auth } as never)).toThrow(invalid(message));
  });

  test("is in no error about it", () => {
    const secret = `${"s3cret-".repeat(6)}!`;
    expect(() => createAdminHandler({ auth: { token: secret } })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("s3cret") }),
    );
  });
});

test("who is refused again and again is answered 429, and told of no more; who has the token goes on", async () => {
  using events = recordDiagnostics<AdminEvent>("king:transport:admin");
  const clock = testClock();
  const handler = createAdminHandler({ auth: { token }, clock });
  const get = (authorization: string) =>
    handler(new Request("http://localhost/health", { headers: { authorization } }));
  const statuses: number[] = [];
  for (let i = 0; i < 12; i++) statuses.push((await get(`Bearer ${i}`)).status);
  expect(statuses).toEqual([...Array(10).fill(401), 429, 429]);
  const late = await get("Bearer wrong");
  expect(late.headers.get("retry-after")).toMatch(/^[1-6]$/);
  expect((await get(`Bearer ${token}`)).status).toBe(200);
  expect(events.values).toHaveLength(10);
  expect(events.values[0]).toEqual({
    time: clock.now(),
    action: "authenticate",
    outcome: "refused",
  });
  clock.advance(6_000);
  expect((await get("Bearer wrong")).status).toBe(401);
});

describe("a client's certificate", () => {
  const fingerprint = new X509Certificate(leaf.cert).fingerprint256;

  test.each<[string, AdminAuth["clientCertificates"]]>([
    ["any that was verified", true],
    ["by its fingerprint", { fingerprints256: [fingerprint] }],
    [
      "by its fingerprint in lower case",
      { fingerprints256: [fingerprint.replaceAll(":", "").toLowerCase()] },
    ],
    ["by its subject", { subjects: ["CN=nobody", "CN=localhost"] }],
  ])("opens the API: %s", async (_, clientCertificates = true) => {
    await using admin = await openAdmin({ auth: { clientCertificates }, tls: required });
    const tls = { ca, ...leaf };
    const answer = await admin.ask("GET /health", { tls, authorized: false });
    expect(answer.status).toBe(200);
  });

  test.each([
    ["none", {}],
    ["one of an unknown authority", other.leaf],
    ["one that was made by itself", { cert: other.ca, key: other.leaf.key }],
  ])("%s ends in the handshake", async (_, certificate) => {
    await using admin = await openAdmin({ auth: { clientCertificates: true }, tls: required });
    const tls = { ca, ...certificate };
    await expect(admin.ask("GET /health", { tls, authorized: false })).rejects.toThrow();
  });

  test("that is not on the list is answered 403, without a hint", async () => {
    const elsewhere = createHash("sha256").update("other").digest("hex");
    const auth = { clientCertificates: { fingerprints256: [elsewhere], subjects: ["CN=local"] } };
    await using admin = await openAdmin({ auth, tls: required });
    const answer = await admin.ask("GET /health", { tls: { ca, ...leaf }, authorized: false });
    expect(answer).toMatchObject({ status: 403, json: { status: 403, title: "Forbidden" } });
    expect(answer.text).not.toMatch(/localhost|detail/);
  });

  test("is asked for beside the token, where both are configured", async () => {
    const tls = { ...leaf, clientCertificates: "request", clientCa: ca } as const;
    await using admin = await openAdmin({ auth: { token, clientCertificates: true }, tls });
    const get = (certificate: object, authorized: boolean) =>
      admin.ask("GET /health", { tls: { ca, ...certificate }, authorized });
    expect((await get({}, true)).status).toBe(403);
    expect((await get(leaf, false)).status).toBe(401);
    expect((await get(leaf, true)).status).toBe(200);
  });

  test("is over when its time is, also on a connection that is open", async () => {
    const peerCertificate = {
      subject: "CN=a",
      issuer: "CN=b",
      serialNumber: "1",
      fingerprint256: fingerprint,
      validFrom: 0,
      validTo: Date.UTC(2026, 0, 1) + 1_000,
    };
    const clock = testClock();
    const handler = createAdminHandler({ auth: { clientCertificates: true }, clock });
    const session = { tls: { peerVerified: true, peerCertificate } };
    const get = () =>
      handler(new Request("https://localhost/health"), { exchange: { session } as never });
    expect((await get()).status).toBe(200);
    clock.advance(1_001);
    expect((await get()).status).toBe(403);
  });

  test("is nobody's where the handler is called without an exchange", async () => {
    const handler = createAdminHandler({ auth: { clientCertificates: true } });
    expect((await handler(new Request("https://localhost/health"))).status).toBe(403);
  });
});

describe("pages in browsers", () => {
  test.each([
    ["of another origin", { origin: "https://evil.example" }],
    ["without an origin of their own", { origin: "null" }],
    ["of this very origin", { origin: "http://localhost" }],
    ["of another site", { "sec-fetch-site": "cross-site" }],
    ["of another port", { "sec-fetch-site": "same-site" }],
    [
      "asking before they post",
      { origin: "https://evil.example", "access-control-request-method": "POST" },
    ],
  ])("%s get nothing, with the token too", async (_, headers) => {
    await using admin = await openAdmin();
    for (const line of ["GET /health", "POST /drain", "OPTIONS /health"]) {
      const answer = await admin.ask(line, { headers });
      expect(answer.status).toBe(403);
      expect(Object.keys(answer.headers).join()).not.toContain("access-control");
    }
  });

  test.each([
    ["evil.example", 421],
    ["evil.example:2019", 421],
    ["localhost.evil.example", 421],
    ["127.0.0.1.evil.example", 421],
    ["0.0.0.0", 421],
    ["192.168.0.1", 421],
    ["[::2]", 421],
    ["[::ffff:10.0.0.1]", 421],
    ["localhost.", 421],
    ["other.internal", 421],
    ["admin.internal", 200],
    ["admin.internal:99", 200],
    ["localhost", 200],
    ["LOCALHOST:1", 200],
    ["127.0.0.1", 200],
    ["127.255.0.9:80", 200],
    ["[::1]", 200],
    ["[::ffff:127.0.0.1]", 200],
  ])("whose name leads here ask for it: host %s is answered %i", async (host, status) => {
    await using admin = await openAdmin({ allowedHosts: ["Admin.internal"] });
    await using socket = await connectRaw({ port: admin.port });
    const lines = ["GET /health HTTP/1.1", `Host: ${host}`, `Authorization: Bearer ${token}`];
    await socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    expect(await socket.readUntil("\r\n")).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });

  test.each([
    ["localhost", 200],
    ["evil.example", 421],
  ])("over HTTP/2, :authority %s is answered %i", async (authority, status) => {
    await using admin = await openAdmin();
    const client = connectHttp2(`http://127.0.0.1:${admin.port}`);
    const stream = client.request({
      ":path": "/health",
      ":authority": authority,
      authorization: `Bearer ${token}`,
    });
    const [headers] = await withDeadline(once(stream, "response"), "a response");
    expect(headers[":status"]).toBe(status);
    client.destroy();
  });

  test.each(["a b", "a:80", "http://a", "a/b", 5, "*"])("%j is no host to allow", (host) => {
    const options = { auth: { token }, allowedHosts: [host] } as never;
    expect(() => createAdminHandler(options)).toThrow(invalid(/allowedHosts/));
  });
});

describe("listening", () => {
  test.each(["0.0.0.0", "::", "192.0.2.1", "example.com", "128.0.0.1"])(
    "on %s needs certificates of clients",
    async (host) => {
      const options = { auth: { token }, host, port: 0 };
      await expect(listenAdmin(options)).rejects.toEqual(
        invalid(/^host: expected an address of loopback/),
      );
      await expect(listenAdmin({ ...options, tls: leaf })).rejects.toEqual(invalid(/^host/));
      const tls = { ...required, clientCertificates: "request" } as const;
      await expect(listenAdmin({ ...options, tls })).rejects.toEqual(invalid(/^host/));
    },
  );

  test.each(["localhost", "127.0.0.1"])("on %s needs no certificates", async (host) => {
    await using admin = await openAdmin({ host });
    expect(["127.0.0.1", "::1"]).toContain(admin.listener.local.address);
  });

  test("on all addresses serves who shows one, by any name", async () => {
    await using admin = await openAdmin({ host: "0.0.0.0", tls: required });
    expect(admin.listener.local.address).toBe("0.0.0.0");
    expect((await ask(admin.port, "GET /health", { tls: { ca, ...wrongHost } })).status).toBe(200);
  });

  test("is on port 2019 of loopback, unless it is told otherwise", async () => {
    const taken = await listenAdmin({ auth: { token } }).then(
      (listener) => {
        listener.abort();
        return listener.local;
      },
      // Another test, or program, may have it.
      (error) => error.details,
    );
    expect(taken).toMatchObject({ address: "127.0.0.1", port: 2019 });
  });

  test("for certificates needs TLS that asks for them", async () => {
    const options = { auth: { clientCertificates: true }, port: 0 } as const;
    await expect(listenAdmin(options)).rejects.toEqual(invalid(/^tls/));
    await expect(listenAdmin({ ...options, tls: leaf })).rejects.toEqual(invalid(/^tls/));
  });

  test.each([
    ["an option that is none", { prot: 1 }, /prot/],
    ["a system that is none", { system: {} }, /^system/],
    ["a config that is none", { config: { get: 1 } }, /^config/],
    ["listeners that are none", { listeners: 5 }, /^listeners/],
    [
      "a loader without listeners",
      { reloadTls: { a: () => leaf } },
      /^reloadTls: expected listeners/,
    ],
    ["a loader that is none", { listeners: {}, reloadTls: { a: leaf } }, /^reloadTls\["a"\]/],
    ["sections that are none", { sections: {} }, /^sections/],
    ["a section that cannot be read", { sections: [{ name: "a" }] }, /^sections\[0\]/],
    ["no section", { sections: [null] }, /^sections\[0\]/],
    ["a section with a path as name", { sections: [{ name: "a/b", read }] }, /sections\[0\]\.name/],
    ["a section called ..", { sections: [{ name: "..", read }] }, /sections\[0\]\.name/],
    [
      "two sections of one name",
      { sections: ["a", "a"].map((name) => ({ name, read })) },
      /sections\[1\]\.name: expected "a" once/,
    ],
    [
      "an action that is none",
      { sections: [{ name: "a", read, actions: { go: 1 } }] },
      /sections\[0\]\.actions/,
    ],
    ["a deadline of nothing", { actionTimeoutMs: 0 }, /actionTimeoutMs/],
    ["a listener for errors that is none", { onError: 1 }, /^onError/],
    ["a clock that is none", { clock: Date }, /^clock/],
  ])("with %s is refused", async (_, options, message) => {
    const listening = listenAdmin({ auth: { token }, port: 0, ...options } as never);
    await expect(listening).rejects.toEqual(invalid(message));
  });

  test("ends when its signal aborts", async () => {
    const controller = new AbortController();
    const listener = await listenAdmin({ auth: { token }, port: 0, signal: controller.signal });
    controller.abort();
    expect(await listener.closed).toMatchObject({ by: "local" });
  });
});
