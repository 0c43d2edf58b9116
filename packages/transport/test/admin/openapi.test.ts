import { createSystem, defineConfig, systemClock } from "@king-runtime/core";
import { connectRaw, makeCertificates } from "@king-runtime/testkit";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ListenAdminOptions } from "../../src/admin/index.ts";
import { httpSection, listenHttp, tlsSection } from "../../src/index.ts";
import { type Answer, idle, token as key, openAdmin, type Question } from "./admin-harness.ts";

const { ca, leaf, wrongHost } = await makeCertificates();

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { name: string; in: string; schema: Schema }[];
  readonly requestBody?: { content: Record<string, { schema: Schema }> };
  readonly responses: Record<string, { content: Record<string, { schema: Schema }> }>;
  readonly security?: unknown;
}
type Schema = Record<string, unknown>;
interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { schemas: Record<string, Schema>; securitySchemes: Record<string, Schema> };
  readonly security: readonly Record<string, unknown>[];
}

const open = new AsyncDisposableStack();
afterAll(() => open.disposeAsync());

/** Everything that an API can be given. */
async function everything() {
  const system = createSystem({
    components: [
      idle("db", { gates: ["query"], stats: () => ({ rowsRead: 5, "odd name": Number.NaN }) }),
      idle("web", {
        dependsOn: ["db"],
        health: () => ({ status: "degraded", reason: "one of two upstreams" }),
      }),
      idle("stuck", {
        stop: () => Promise.reject(new Error("it holds a file")),
      }),
    ],
  });
  await system.start();
  const config = defineConfig({ sections: [httpSection, tlsSection] });
  const api = await listenHttp({ handler: (exchange) => exchange.respond(204), tls: leaf });
  open.defer(() => api.abort());
  const plain = await listenHttp({ handler: (exchange) => exchange.respond(204) });
  open.defer(() => plain.abort());
  return {
    system,
    config,
    listeners: { api, plain },
    reloadTls: { api: () => wrongHost, plain: () => leaf },
    sections: [
      {
        name: "cache",
        doc: "What is kept.",
        read: () => ({ entries: 3 }),
        actions: { clear: () => undefined, fail: () => Promise.reject(new Error("no")) },
      },
      { name: "empty", read: () => undefined },
    ],
  } satisfies Partial<ListenAdminOptions>;
}

describe("an API with everything", () => {
  let ask: (line: string, question?: Question) => Promise<Answer>;
  let document: Document;
  let plainPort: number;
  /** Puts the clock forward, so that refusals are not too many. */
  let aheadMs = 0;
  const seen = new Map<string, Set<number>>();

  beforeAll(async () => {
    const options = await everything();
    plainPort = options.listeners.plain.local.port;
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + aheadMs };
    const admin = open.use(await openAdmin({ ...options, clock }));
    ask = admin.ask;
    document = (await ask("GET /openapi.json")).json;
  });

  /** Asks, and holds the answer to what the document says of it. */
  async function checked(line: string, path: string, question?: Question): Promise<Answer> {
    const answer = await ask(line, question);
    const method = line.split(" ")[0]?.toLowerCase() as string;
    const operation = document.paths[path]?.[method];
    if (operation === undefined) throw new Error(`the document has no ${method} ${path}`);
    const declared = operation.responses[answer.status];
    if (declared === undefined) throw new Error(`${line}: ${answer.status} is not declared`);
    const [type = ""] = (answer.headers["content-type"] ?? "").split(";");
    const content = declared.content[type];
    if (content === undefined) throw new Error(`${line}: ${type} is not declared`);
    const validate = validatorOf(document, content.schema);
    const value = type.includes("json") ? answer.json : answer.text;
    if (!validate(value)) throw new Error(`${line}: ${JSON.stringify(validate.errors)}`);
    const id = operation.operationId;
    seen.set(id, (seen.get(id) ?? new Set()).add(answer.status));
    return answer;
  }

  test("has a document that is OpenAPI 3.1, and asks for the token", async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(structuredClone({ ...document }));
    expect(errors ?? []).toEqual([]);
    expect(valid).toBe(true);
    expect(validator.version).toBe("3.1");
    expect(document.components.securitySchemes).toEqual({
      token: { type: "http", scheme: "bearer" },
    });
    expect(document.security).toEqual([{ token: [] }]);
    const ids = Object.values(document.paths).flatMap(Object.values<Operation>);
    expect(new Set(ids.map(({ operationId }) => operationId)).size).toBe(ids.length);
  });

  test("answers as it declares", async () => {
    await using socket = await connectRaw({ port: plainPort });
    await socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await socket.readUntil("\r\n\r\n");
    await checked("GET /openapi.json", "/openapi.json");
    await checked("GET /health", "/health");
    await checked("GET /ready", "/ready");
    await checked("GET /status", "/status");
    await checked("GET /metrics", "/metrics");
    await checked("GET /metrics", "/metrics", { headers: { accept: "text/plain" } });
    const openMetrics = { accept: "application/openmetrics-text" };
    await checked("GET /metrics", "/metrics", { headers: openMetrics });
    await checked("GET /performance", "/performance");
    await checked("GET /config", "/config");
    const page = await checked("GET /sessions", "/sessions");
    expect(page.json.sessions).toHaveLength(1);
    const [{ id }] = page.json.sessions;
    await checked("GET /sessions?limit=0", "/sessions");
    await checked("GET /sessions?cursor=x", "/sessions");
    await checked(`DELETE /sessions/${id}?abort=true`, "/sessions/{id}");
    await checked("DELETE /sessions/none", "/sessions/{id}");
    await checked("DELETE /sessions/none?abort=maybe", "/sessions/{id}");
    await checked("POST /reload-tls", "/reload-tls", { body: { listener: "api" } });
    await checked("POST /reload-tls", "/reload-tls");
    await checked("POST /reload-tls", "/reload-tls", { body: { listener: "plain" } });
    await checked("GET /sections", "/sections");
    await checked("GET /sections/cache", "/sections/{name}");
    await checked("GET /sections/empty", "/sections/{name}");
    await checked("GET /sections/none", "/sections/{name}");
    const act = "/sections/{name}/actions/{action}";
    await checked("POST /sections/cache/actions/clear", act);
    await checked("POST /sections/cache/actions/clear", act, { body: [1] });
    await checked("POST /sections/cache/actions/fail", act);
    await checked("POST /sections/cache/actions/none", act);
    await checked("POST /sections/cache/actions/clear", act, {
      body: "{}",
      headers: { "content-type": "text/plain" },
    });
    const restart = "/components/{name}/restart";
    await checked("POST /components/db/restart", restart, { body: { deadlineMs: 50 } });
    await checked("POST /components/none/restart", restart);
    await checked("POST /components/stuck/restart", restart);
    await checked("GET /ready", "/ready");
    await checked("POST /drain", "/drain", { body: { deadlineMs: -1 } });
    await checked("POST /drain", "/drain", { body: "x".repeat(70_000) });
    await checked("POST /drain", "/drain", { body: { deadlineMs: 500 } });
    await checked("POST /drain?wait=true", "/drain");
    await checked("POST /components/db/restart", restart);
    await checked("GET /ready", "/ready");
    await checked("GET /status", "/status");
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const method of Object.keys(methods)) {
        const line = `${method.toUpperCase()} ${path.replace(/\{\w+\}/g, "x")}`;
        aheadMs += 60_000;
        await checked(line, path, { authorized: false });
        await checked(line, path, { headers: { origin: "null" } });
        await checked(`${line}?unheard=of`, path);
      }
    }
    expect(
      Object.fromEntries([...seen].map(([id, statuses]) => [id, [...statuses].sort()])),
    ).toEqual({
      health: [200, 400, 401, 403],
      ready: [200, 400, 401, 403, 503],
      status: [200, 400, 401, 403],
      metrics: [200, 400, 401, 403],
      performance: [200, 400, 401, 403],
      drain: [200, 202, 400, 401, 403, 413],
      restartComponent: [200, 400, 401, 403, 404, 409, 500],
      config: [200, 400, 401, 403],
      sessions: [200, 400, 401, 403],
      closeSession: [202, 400, 401, 403, 404],
      reloadTls: [200, 400, 401, 403, 422],
      sections: [200, 400, 401, 403],
      readSection: [200, 400, 401, 403, 404],
      runSectionAction: [200, 400, 401, 403, 404, 415, 500],
      openapi: [200, 400, 401, 403],
    });
  });

  test("serves nothing but what it declares", async () => {
    const methods = ["GET", "POST", "PUT", "DELETE", "PATCH"];
    for (const [path, operations] of Object.entries(document.paths)) {
      const served = Object.keys(operations).map((method) => method.toUpperCase());
      for (const method of methods.filter((each) => !served.includes(each))) {
        const answer = await ask(`${method} ${path.replace(/\{\w+\}/g, "x")}`);
        expect([path, method, answer.status]).toEqual([path, method, 405]);
        const allow = (answer.headers.allow ?? "").split(", ");
        const expected = [...served, "OPTIONS", ...(served.includes("GET") ? ["HEAD"] : [])];
        expect(allow).toEqual(expected.sort());
      }
      expect((await ask(`OPTIONS ${path.replace(/\{\w+\}/g, "x")}`)).status).toBe(204);
    }
    for (const path of [
      "/",
      "/v1/health",
      "/health/",
      "//health",
      "/Health",
      "/sections/a/b",
      "/components/db",
    ]) {
      expect([path, (await ask(`GET ${path}`)).status]).toEqual([path, 404]);
    }
    expect((await ask("PURGE /health")).status).toBe(501);
    expect((await ask("GET /../health")).status).toBe(400);
    expect((await ask("GET /sections/%2e%2e/health")).status).toBe(400);
  });
});

test("what is not given is not there: neither served nor declared", async () => {
  await using admin = await openAdmin();
  const { json } = await admin.ask("GET /openapi.json");
  expect(Object.keys(json.paths).sort()).toEqual([
    "/health",
    "/metrics",
    "/openapi.json",
    "/status",
  ]);
  expect(Object.keys(json.components.schemas).sort()).toEqual([
    "Problem",
    "Process",
    "ProcessMetrics",
  ]);
  const { valid } = await new Validator().validate(json);
  expect(valid).toBe(true);
  const gone = ["GET /ready", "GET /performance", "POST /drain", "POST /components/a/restart"];
  const more = ["GET /config", "GET /sessions", "DELETE /sessions/a", "POST /reload-tls"];
  for (const line of [...gone, ...more, "GET /sections", "POST /sections/a/actions/b"]) {
    expect([line, (await admin.ask(line)).status]).toEqual([line, 404]);
  }
  expect(Object.keys((await admin.ask("GET /status")).json)).toEqual(["time", "process"]);
  expect(Object.keys((await admin.ask("GET /metrics")).json)).toEqual(["time", "process"]);
});

test("the document says that a certificate and the token are asked for together", async () => {
  const tls = { ...leaf, clientCertificates: "require", clientCa: ca } as const;
  await using admin = await openAdmin({ auth: { token: key, clientCertificates: true }, tls });
  const { json } = await admin.ask("GET /openapi.json", { tls: { ca, ...leaf } });
  expect(json.security).toEqual([{ token: [], clientCertificate: [] }]);
  expect(json.components.securitySchemes).toEqual({
    token: { type: "http", scheme: "bearer" },
    clientCertificate: { type: "mutualTLS" },
  });
});

/** Of the schema as the document has it, but closed: a member that is not declared is a fault. */
function validatorOf({ components }: Document, schema: Schema) {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true });
  ajv.addVocabulary(["components"]);
  formats.default(ajv);
  return ajv.compile(closed({ ...schema, components }) as Schema);
}

function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).map(([name, each]) => [name, closed(each)]);
  const isOpen = "properties" in value && !("additionalProperties" in value);
  return { ...Object.fromEntries(members), ...(isOpen ? { additionalProperties: false } : {}) };
}
