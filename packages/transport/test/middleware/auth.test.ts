import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readBasicCredentials } from "../../src/middleware/basic-auth.ts";
import {
  type BasicAuthOptions,
  type BearerAuthOptions,
  basicAuth,
  bearerAuth,
  identityOf,
  matchUsers,
  sameSecret,
} from "../../src/middleware/index.ts";

const numRuns = Number(process.env["KING_FUZZ_RUNS"] ?? 500);
const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;

type Guard = ReturnType<typeof basicAuth>;

async function ask(guard: Guard, authorization?: string) {
  const handler = guard((request) => new Response(`hello ${identityOf<string>(request)}`));
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  const response = await handler(new Request("https://a/", { headers }));
  return {
    status: response.status,
    text: await response.text(),
    challenge: response.headers.get("www-authenticate"),
  };
}

describe("basicAuth", () => {
  const guard = basicAuth({ realm: 'the "vault"', verify: matchUsers({ ada: "pä:ss", bob: "b" }) });

  test("hands on whom it knows, and says who it is", async () => {
    expect(await ask(guard, basic("ada:pä:ss"))).toMatchObject({ status: 200, text: "hello ada" });
    expect((await ask(guard, basic("bob:b").replace("Basic", "bASIC"))).status).toBe(200);
  });

  test.each([
    ["nothing", undefined],
    ["a wrong password", basic("ada:pass")],
    ["an empty password", basic("ada:")],
    ["an unknown user", basic("eve:b")],
    ["a name of Object.prototype", basic("constructor:b")],
    ["no colon", basic("ada")],
    ["another scheme", "Bearer YWRhOnDDpDpzcw=="],
    ["no credentials", "Basic"],
    ["what is no base64", "Basic !!!"],
    ["two at once", `${basic("bob:b")}, ${basic("bob:b")}`],
    ["base64 of another text", "Basic Ym9iOmJ="],
    ["what is no UTF-8", `Basic ${Buffer.from([98, 58, 0xff]).toString("base64")}`],
    ["a control character", basic("bob:b\n")],
  ])("answers 401 to %s", async (_, authorization) => {
    expect(await ask(guard, authorization)).toEqual({
      status: 401,
      text: expect.not.stringContaining("ada"),
      challenge: 'Basic realm="the \\"vault\\"", charset="UTF-8"',
    });
  });

  test("waits for verify, and passes on its failure", async () => {
    const later = basicAuth({ verify: async ({ user }) => (user === "a" ? { user } : undefined) });
    expect((await ask(later, basic("a:b"))).status).toBe(200);
    expect((await ask(later, basic("b:b"))).status).toBe(401);
    const failure = new Error("the directory is down");
    const fails = basicAuth({ verify: () => Promise.reject(failure) });
    await expect(ask(fails, basic("a:b"))).rejects.toBe(failure);
    for (const nobody of [undefined, null, false]) {
      expect((await ask(basicAuth({ verify: () => nobody }), basic("a:b"))).status).toBe(401);
    }
  });

  test("reads back any credentials that can be sent, and nothing else", () => {
    const text = fc.string({ unit: "binary" });
    fc.assert(
      fc.property(text, text, (user, password) => {
        const sendable = !user.includes(":") && !/\p{Cc}/u.test(user + password);
        const read = readBasicCredentials(basic(`${user}:${password}`));
        if (sendable) expect(read).toEqual({ user, password });
        else if (/\p{Cc}/u.test(user + password)) expect(read).toBe(undefined);
      }),
      { numRuns },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((each) => `Basic ${each}`),
        ),
        (field) => {
          const read = readBasicCredentials(field);
          if (read !== undefined)
            expect(basic(`${read.user}:${read.password}`).slice(6)).toContain(
              field.slice(6).trim().replace(/=+$/, ""),
            );
        },
      ),
      { numRuns },
    );
  });

  test.each<[string, object]>([
    ["verify", {}],
    ["realm", { verify: () => 1, realm: "ä" }],
    ["realm", { verify: () => 1, realm: "a\nb" }],
    ["users", { verify: () => 1, users: {} }],
  ])("refuses %s in %j", (option, options) => {
    expect(() => basicAuth(options as BasicAuthOptions)).toThrow(
      expect.objectContaining({ code: "KING_OPTION_INVALID", details: { option } }),
    );
  });

  test("does not match users without a password, nor names that cannot be sent", () => {
    expect(() => matchUsers({ ada: "" })).toThrow(
      expect.objectContaining({ code: "KING_OPTION_INVALID" }),
    );
    expect(() => matchUsers({ "a:b": "c" })).toThrow(
      expect.objectContaining({ code: "KING_OPTION_INVALID" }),
    );
  });
});

describe("bearerAuth", () => {
  const guard = bearerAuth({
    realm: "api",
    verify: (token) => (sameSecret(token, "a.b-c_~+/==") ? "ada" : undefined),
  });

  test.each<[string, string | undefined, number, string | null]>([
    ["a known token", "Bearer a.b-c_~+/==", 200, null],
    ["a token in any case of the scheme", "bearer a.b-c_~+/==", 200, null],
    ["nothing", undefined, 401, 'Bearer realm="api"'],
    ["another scheme", basic("a:b"), 401, 'Bearer realm="api"'],
    ["an unknown token", "Bearer a.b", 401, 'Bearer realm="api", error="invalid_token"'],
    ["no token", "Bearer", 400, 'Bearer realm="api", error="invalid_request"'],
    ["what is no token", 'Bearer a"b', 400, 'Bearer realm="api", error="invalid_request"'],
    ["two tokens", "Bearer a, Bearer b", 400, 'Bearer realm="api", error="invalid_request"'],
  ])("answers %s by RFC 6750, section 3.1", async (_, authorization, status, challenge) => {
    expect(await ask(guard, authorization)).toMatchObject({ status, challenge });
  });

  test("asks for scopes", async () => {
    const scoped = bearerAuth({
      verify: (token) => ({ scopes: token.split("-") }),
      scopes: ["read", "write"],
      scopesOf: ({ scopes }) => scopes,
    });
    expect((await ask(scoped, "Bearer write-x-read")).status).toBe(200);
    expect(await ask(scoped, "Bearer read")).toMatchObject({
      status: 403,
      challenge: 'Bearer realm="restricted", error="insufficient_scope", scope="read write"',
    });
  });

  test.each<[string, object]>([
    ["verify", {}],
    ["scopesOf", { verify: () => 1, scopes: ["a"] }],
    ["scopesOf", { verify: () => 1, scopesOf: () => [] }],
    ["scopes", { verify: () => 1, scopes: ["a b"], scopesOf: () => [] }],
    ["realm", { verify: () => 1, realm: "ä" }],
    ["token", { verify: () => 1, token: "a" }],
  ])("refuses %s in %j", (option, options) => {
    expect(() => bearerAuth(options as BearerAuthOptions)).toThrow(
      expect.objectContaining({ code: "KING_OPTION_INVALID", details: { option } }),
    );
  });
});

test("secrets are the same or not, whatever their lengths", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      expect(sameSecret(a, b)).toBe(a === b);
      expect(sameSecret(a, a)).toBe(true);
    }),
    { numRuns },
  );
});

test("nobody is known of a request that was not asked for credentials", () => {
  expect(identityOf(new Request("http://a/"))).toBe(undefined);
});
