import type { ServerResponse } from "node:http";
import { KingError, systemClock } from "@king-runtime/core";
import { makeCertificates, testClock, withDeadline } from "@king-runtime/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ExchangeOptions } from "../../../src/client/exchange-options.ts";
import {
  followRedirects,
  type RedirectOptions,
  redirectPolicy,
} from "../../../src/client/policies/redirects.ts";
import type { PreparedRequest } from "../../../src/client/prepared-request.ts";
import type { Send } from "../../../src/client/send.ts";
import { type Answer, plainClient, prepared, watchedServer } from "./policy-harness.ts";

const certificates = await makeCertificates();

/** `/301/next` answers 301 to `/next`, and what has no status answers 200. */
const byPath: Answer = (response, { method, url, body }) => {
  const [, status, location] = /^\/(3\d\d)(\/.*)$/.exec(url) ?? [];
  if (status === undefined) return response.end(`${method} ${url} ${body}`);
  return response.writeHead(Number(status), { location }).end("moved");
};

const following = (send: Send, options?: RedirectOptions): Send =>
  followRedirects(send, redirectPolicy(options), { clock: systemClock });

/** Makes one request, following, of `answer`. */
async function follow(
  answer: Answer,
  path: string,
  options: ExchangeOptions = {},
  redirects?: RedirectOptions,
) {
  await using server = await watchedServer(answer);
  await using inner = plainClient();
  const { origin, seen } = server;
  try {
    const response = await following(inner.send, redirects)(prepared(origin + path, options));
    const text = await response.text();
    const { status, url, redirects: count } = response;
    return { status, text, url: url.slice(origin.length), count, seen, origin };
  } catch (error) {
    return { error, seen, origin, connections: server.connections };
  }
}

const reasonOf = (error: unknown) =>
  KingError.is(error, "KING_HTTP_REDIRECT") ? error.details["reason"] : error;

const methodsSeen = ({ seen }: { seen: readonly { method: string }[] }) =>
  seen.map(({ method }) => method).join(" ");

describe("redirects are followed", () => {
  test("to the last response, which tells its URL and how many there were", async () => {
    const outcome = await follow(byPath, "/301/302/303/307/308/there?a=1#part");
    expect(outcome).toMatchObject({ status: 200, url: "/there?a=1", count: 5 });
    expect(outcome.text).toBe("GET /there?a=1 ");
  });

  test("with none at all, the response is as it comes", async () => {
    expect(await follow(byPath, "/there")).toMatchObject({ status: 200, count: 0, url: "/there" });
  });

  test("with other statuses left alone", async () => {
    for (const status of [300, 304, 305, 306, 399]) {
      const answer: Answer = (response) => response.writeHead(status, { location: "/x" }).end();
      expect(await follow(answer, "/")).toMatchObject({ status, count: 0 });
    }
  });

  test("keeping or changing the method as RFC 9110, section 15.4 has it", async () => {
    const methods: Record<string, Record<number, string>> = {
      GET: { 301: "GET", 302: "GET", 303: "GET", 307: "GET", 308: "GET" },
      HEAD: { 301: "HEAD", 302: "HEAD", 303: "HEAD", 307: "HEAD", 308: "HEAD" },
      POST: { 301: "GET", 302: "GET", 303: "GET", 307: "POST", 308: "POST" },
      PUT: { 301: "PUT", 302: "PUT", 303: "GET", 307: "PUT", 308: "PUT" },
    };
    await using server = await watchedServer(byPath);
    await using inner = plainClient();
    for (const [method, statuses] of Object.entries(methods)) {
      for (const [status, expected] of Object.entries(statuses)) {
        const body = method === "GET" || method === "HEAD" ? {} : { body: "all of it" };
        const from = server.seen.length;
        const request = prepared(`${server.origin}/${status}/there`, { method, ...body });
        await (await following(inner.send)(request)).text();
        const [, last] = server.seen.slice(from);
        const keepsBody = expected === method && "body" in body;
        expect([method, status, last?.method, last?.body]).toEqual([
          method,
          status,
          expected,
          keepsBody ? "all of it" : "",
        ]);
      }
    }
  });

  test("without the fields that speak of the body, once that is dropped", async () => {
    const headers = {
      "Content-Type": "text/plain",
      "content-encoding": "identity",
      "content-language": "en",
      "content-location": "/x",
      "Content-Digest": "sha-256=:AAAA:",
      "repr-digest": "sha-256=:AAAA:",
      "last-modified": "Sun, 06 Nov 1994 08:49:37 GMT",
      accept: "text/html",
    };
    const { seen } = await follow(byPath, "/303/there", { method: "POST", headers, body: "text" });
    const kept = Object.keys(seen[1]?.headers ?? {}).filter((name) => name in lowered(headers));
    expect(kept).toEqual(["accept"]);
    expect(seen[1]?.headers["content-length"]).toBeUndefined();
    expect(seen[0]?.headers["content-digest"]).toBe("sha-256=:AAAA:");
  });

  test("repeating a body that a function gives, and refusing one that is gone", async () => {
    const chunks = async function* () {
      yield Buffer.from("one ");
      yield Buffer.from("two");
    };
    const repeated = await follow(byPath, "/307/there", { method: "POST", body: chunks });
    expect(repeated.seen.map(({ body }) => body)).toEqual(["one two", "one two"]);
    const gone = await follow(byPath, "/307/there", { method: "POST", body: chunks() });
    expect([reasonOf(gone.error), methodsSeen(gone)]).toEqual(["body", "POST"]);
    const dropped = await follow(byPath, "/303/there", { method: "POST", body: chunks() });
    expect([dropped.status, methodsSeen(dropped)]).toEqual([200, "POST GET"]);
  });

  test("keeping the fragment unless the Location has one of its own", async () => {
    const answers: Record<string, string> = { "/": "/a", "/a": "/b#other", "/b": "/c" };
    const fragments: string[] = [];
    await using server = await watchedServer((response, { url }) => {
      const location = answers[url];
      response.writeHead(location === undefined ? 200 : 302, { location: location ?? "" }).end();
    });
    await using inner = plainClient();
    const send = following((request) => {
      fragments.push(request.url.hash);
      return inner.send(request);
    });
    await (await send(prepared(`${server.origin}/#part`))).text();
    expect(fragments).toEqual(["#part", "#part", "#other", "#other"]);
  });

  test("on the connection that the redirect came on, once its small body is here", async () => {
    await using server = await watchedServer((response, { url }) =>
      url === "/9"
        ? response.end("there")
        : response.writeHead(302, { location: `/${Number(url.slice(1)) + 1}` }).end("moved"),
    );
    await using inner = plainClient();
    const send = following(inner.send, { max: 10 });
    expect(await (await send(prepared(`${server.origin}/0`))).text()).toBe("there");
    expect([server.seen.length, server.connections]).toEqual([10, 1]);
  });

  test("letting a small body come that is not here yet, without waiting for it", async () => {
    let moved: ServerResponse | undefined;
    await using server = await watchedServer((response, { url }) => {
      if (url === "/") {
        moved = response.writeHead(302, { location: "/there" });
        moved.flushHeaders();
      } else {
        response.end(moved?.destroyed ? "given up" : "kept");
        moved?.end("moved");
      }
    });
    await using inner = plainClient();
    const clock = testClock();
    const drained = Promise.withResolvers<void>();
    const { after } = clock;
    clock.after = (...args) => {
      const timer = after(...args);
      const cancel = () => {
        timer.cancel();
        drained.resolve();
      };
      return { cancel, [Symbol.dispose]: cancel };
    };
    const send = followRedirects(inner.send, redirectPolicy(), { clock });
    expect(await (await send(prepared(`${server.origin}/`))).text()).toBe("kept");
    await withDeadline(drained.promise, "the body of the redirect");
    expect([server.abandoned.values, clock.pendingTimers]).toEqual([[], 0]);
  });

  test("giving up a body at once that is announced as large", async () => {
    await using server = await watchedServer((response, { url }) =>
      url === "/"
        ? response.writeHead(302, { location: "/there", "content-length": 65_537 }).write("part")
        : response.end("there"),
    );
    await using inner = plainClient();
    const send = followRedirects(inner.send, redirectPolicy(), { clock: testClock() });
    expect(await (await send(prepared(`${server.origin}/`))).text()).toBe("there");
    await server.abandoned.take(1);
  });

  test("giving up a body that does not go on, after a second", async () => {
    await using server = await watchedServer((response, { url }) =>
      url === "/"
        ? response.writeHead(302, { location: "/there" }).write("part")
        : response.end("there"),
    );
    await using inner = plainClient();
    const clock = testClock();
    const send = followRedirects(inner.send, redirectPolicy(), { clock });
    expect(await (await send(prepared(`${server.origin}/`))).text()).toBe("there");
    clock.advance(999);
    expect(server.abandoned.values).toEqual([]);
    clock.advance(1);
    await server.abandoned.take(1);
    expect(clock.pendingTimers).toBe(0);
  });

  test("giving up the body of a redirect that is large or never ends", async () => {
    for (const length of [{}, { "content-length": "1000000" }]) {
      await using server = await watchedServer((response, { url }) => {
        if (url === "/there") return response.end("there");
        response.writeHead(302, { location: "/there", ...length });
        const more = () => {
          while (!response.destroyed && response.write(Buffer.alloc(16_384)));
        };
        response.on("drain", more);
        return more();
      });
      await using inner = plainClient();
      // By its bytes: this clock does not move.
      const send = followRedirects(inner.send, redirectPolicy(), { clock: testClock() });
      expect(await (await send(prepared(`${server.origin}/`))).text()).toBe("there");
      const [left] = await server.abandoned.take(1, { deadlineMs: 2_000 });
      expect(left?.url).toBe("/");
    }
  });
});

const lowered = (headers: object) =>
  Object.fromEntries(Object.keys(headers).map((name) => [name.toLowerCase(), true]));

/** What is sent of `request`, hop by hop, when `locations` are answered one after the other. */
async function hopsOf(request: PreparedRequest, status: number, ...locations: string[]) {
  const clock = testClock();
  const hops: PreparedRequest[] = [];
  const send: Send = async (hop) => {
    const location = locations[hops.length];
    hops.push(hop);
    clock.advance(1_000);
    const lines = location === undefined ? [] : [location];
    return {
      status: location === undefined ? 200 : status,
      headers: { get: () => undefined, getAll: () => lines },
      isOver: true,
      cancel: () => undefined,
    } as never;
  };
  await followRedirects(send, redirectPolicy(), { clock })(request);
  return hops;
}

test("all hops have the deadline of the first", async () => {
  const request = prepared("http://a.example/", { timeoutMs: 10_000 });
  const hops = await hopsOf(request, 302, "/a", "/b", "/c");
  expect(hops.map(({ deadlineMs }) => deadlineMs)).toEqual(Array(4).fill(request.deadlineMs));
});

test("trailers go with the body, without secrets to another origin", async () => {
  const fields = { "x-sum": "1", Authorization: "secret" };
  for (const trailers of [fields, () => fields]) {
    const options = { method: "POST", body: "x", trailers, expectContinue: true };
    const request = prepared("http://a.example/", options);
    const trailersOf = (hop?: PreparedRequest) =>
      typeof hop?.trailers === "function" ? hop.trailers() : hop?.trailers;
    const [, same] = await hopsOf(request, 307, "/there");
    expect([trailersOf(same), same?.expectContinue]).toEqual([fields, true]);
    const [, other] = await hopsOf(request, 307, "http://b.example/");
    expect(trailersOf(other)).toEqual({ "x-sum": "1" });
    const [, dropped] = await hopsOf(request, 303, "/there");
    expect(dropped).toMatchObject({ method: "GET", idempotent: true, expectContinue: false });
    expect([dropped?.trailers, dropped?.body]).toEqual([undefined, undefined]);
  }
});

describe("secrets", () => {
  const headers = {
    Authorization: "Bearer secret",
    COOKIE: "id=secret",
    "proxy-authorization": "Basic secret",
    "X-Api-Key": "secret",
    host: "own.example",
    accept: "text/html",
  };
  const names = ["authorization", "cookie", "proxy-authorization", "x-api-key"];

  /** Follows one redirect to where `place` says, and tells which secrets came there. */
  async function secretsAt(place: "same" | "port" | "host") {
    await using other = await watchedServer((response) => response.end("there"));
    await using server = await watchedServer((response, { url }) => {
      const location = {
        same: "/there",
        port: `${other.origin}/there`,
        host: `${other.origin.replace("127.0.0.1", "localhost")}/there`,
      }[place];
      if (url === "/there") response.end("there");
      else response.writeHead(302, { location }).end();
    });
    await using inner = plainClient();
    const send = following(inner.send, { secretHeaders: ["X-API-Key"] });
    await (await send(prepared(`${server.origin}/`, { headers }))).text();
    const [last] = place === "same" ? server.seen.slice(1) : other.seen;
    return {
      came: names.filter((name) => last?.headers[name] !== undefined),
      host: last?.headers.host,
      accept: last?.headers.accept,
      other: other.origin,
    };
  }

  test("stay where the origin does", async () => {
    const { came, host } = await secretsAt("same");
    expect([came, host]).toEqual([names, "own.example"]);
  });

  test("do not go to another port or host, nor does the name of the origin", async () => {
    const port = await secretsAt("port");
    expect([port.came, port.accept]).toEqual([[], "text/html"]);
    expect(port.host).toBe(new URL(port.other).host);
    const host = await secretsAt("host");
    expect([host.came, host.host?.startsWith("localhost:")]).toEqual([[], true]);
  });

  test("do not come back with a redirect that leads home again", async () => {
    let home = "";
    await using other = await watchedServer((response) =>
      response.writeHead(302, { location: `${home}/there` }).end(),
    );
    await using server = await watchedServer((response, { url }) =>
      url === "/there"
        ? response.end()
        : response.writeHead(302, { location: `${other.origin}/` }).end(),
    );
    home = server.origin;
    await using inner = plainClient();
    await (await following(inner.send)(prepared(`${home}/`, { headers }))).text();
    expect(server.seen[0]?.headers.authorization).toBe("Bearer secret");
    expect(server.seen[1]).toMatchObject({ url: "/there" });
    expect(server.seen[1]?.headers.authorization).toBeUndefined();
    expect(server.seen[1]?.headers.cookie).toBeUndefined();
  });

  test("do not go from http: to https: at another port, and nothing goes from https: to http:", async () => {
    await using plain = await watchedServer((response, { url }) =>
      response.writeHead(302, { location: decodeURIComponent(url.slice(1)) }).end(),
    );
    await using secure = await watchedServer(
      (response, { url }) =>
        url === "/there"
          ? response.end("there")
          : response.writeHead(302, { location: `${plain.origin}/x` }).end(),
      certificates.leaf,
    );
    await using inner = plainClient({ tls: { ca: certificates.ca } });
    const send = following(inner.send);
    const up = prepared(`${plain.origin}/${encodeURIComponent(`${secure.origin}/there`)}`, {
      headers,
    });
    expect(await (await send(up)).text()).toBe("there");
    expect(secure.seen[0]?.headers.authorization).toBeUndefined();
    const down = send(prepared(`${secure.origin}/down`, { headers }));
    expect(reasonOf(await down.catch((error: unknown) => error))).toBe("scheme");
    expect(plain.seen).toHaveLength(1);
  });
});

describe("redirects are refused", () => {
  test("when there are more than max", async () => {
    const tooMany = await follow(byPath, "/301/301/301/there", {}, { max: 2 });
    expect([reasonOf(tooMany.error), tooMany.seen.length]).toEqual(["limit", 3]);
    expect(await follow(byPath, "/301/301/there", {}, { max: 2 })).toMatchObject({ count: 2 });
    const none = await follow(byPath, "/301/there", {}, { max: 0 });
    expect([reasonOf(none.error), none.seen.length]).toEqual(["limit", 1]);
  });

  test("when they lead in a circle, the method counted in", async () => {
    const circle: Answer = (response, { url }) =>
      response.writeHead(302, { location: url === "/a" ? "/b" : "/a#x" }).end();
    const outcome = await follow(circle, "/a", {}, { max: 50 });
    expect([reasonOf(outcome.error), outcome.seen.length]).toEqual(["loop", 2]);
    const afterPost: Answer = (response, { method }) =>
      method === "POST"
        ? response.writeHead(303, { location: "/form" }).end()
        : response.end("the form");
    const form = await follow(afterPost, "/form", { method: "POST", body: "x" });
    expect([form.status, form.text]).toEqual([200, "the form"]);
  });

  test("when the Location is none that can be followed", async () => {
    const locations: [location: string | string[] | undefined, reason: string][] = [
      [undefined, "location"],
      ["", "location"],
      ["http://", "location"],
      ["http://[::1", "location"],
      ["/a\tb", "location"],
      [["/a", "/b"], "location"],
      ["http://user:pass@127.0.0.1/", "location"],
      ["//user@127.0.0.1/", "location"],
      ["/\xff", "location"],
      ["ftp://127.0.0.1/", "scheme"],
      ["javascript:alert(1)", "scheme"],
      ["file:///etc/passwd", "scheme"],
    ];
    for (const [location, reason] of locations) {
      const { error, seen } = await follow((response) => {
        const head = location === undefined ? {} : { location };
        // Node refuses to send some of these itself.
        const lines = Object.entries(head).flatMap(([name, value]) =>
          [value].flat().map((line) => `${name}: ${line}\r\n`),
        );
        response.socket?.end(
          Buffer.from(`HTTP/1.1 302 Found\r\n${lines.join("")}content-length: 0\r\n\r\n`, "latin1"),
        );
      }, "/");
      expect([location, reasonOf(error), seen.length]).toEqual([location, reason, 1]);
      expect(String(error)).not.toContain("pass@");
    }
  });

  test("in the time that the request has for all hops together", async () => {
    const { error, seen } = await follow(
      (response, { url }) => {
        const location = `/${Number(url.slice(1)) + 1}`;
        setTimeout(() => response.writeHead(302, { location }).end(), 60);
      },
      "/0",
      { timeoutMs: 200 },
      { max: 100 },
    );
    expect(error).toMatchObject({ code: "KING_HTTP_TIMEOUT", details: { phase: "total" } });
    expect(seen.length).toBeLessThan(6);
  });

  test("by options that make no sense, when the policy is made", () => {
    for (const options of [
      { max: -1 },
      { max: 101 },
      { max: 1.5 },
      { maximum: 3 },
      { secretHeaders: ["a b"] },
    ]) {
      expect(() => redirectPolicy(options as RedirectOptions)).toThrow(
        expect.objectContaining({ code: "KING_OPTION_INVALID" }),
      );
    }
  });
});

test("whatever a Location says, secrets stay with their origin and the scheme stays secure", async () => {
  const home = "https://home.example";
  const parts = fc.constantFrom(
    ...["http:", "https:", "/", "//", "\\", "@", ":", "#", "?", ".", "..", "home.example", "a.b"],
    ...["443", "8443", "%2f", " ", "\t", "é", "[::1]", "HTTPS:"],
  );
  const location = fc.oneof(
    fc.array(parts, { maxLength: 8 }).map((all) => all.join("")),
    fc.string(),
  );
  await fc.assert(
    fc.asyncProperty(location, async (text) => {
      const hops: { origin: string; hasSecret: boolean }[] = [];
      const send = following(async ({ origin, headers }) => {
        hops.push({ origin: origin.text, hasSecret: "authorization" in headers });
        const lines = hops.length === 1 ? [text] : [];
        return {
          status: hops.length === 1 ? 307 : 200,
          headers: { get: () => undefined, getAll: () => lines },
          isOver: true,
          cancel: () => undefined,
        } as never;
      });
      try {
        await send(prepared(`${home}/a/b`, { headers: { authorization: "secret" } }));
      } catch (error) {
        expect(error).toMatchObject({ code: "KING_HTTP_REDIRECT" });
      }
      for (const { origin, hasSecret } of hops) {
        expect(origin.startsWith("https://")).toBe(true);
        expect(hasSecret).toBe(origin === home);
      }
    }),
    { numRuns: Number(process.env["KING_FUZZ_RUNS"] ?? 500) },
  );
});
