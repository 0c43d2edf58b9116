import type { IncomingMessage } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import { withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import type { HttpClientResponse, RequestBody } from "../../src/index.ts";
import { bodyOf, carriers, onCarrier, type Serve, sendsTrailers } from "./carriers.ts";

const echo: Serve = async (incoming, outgoing) => {
  const body = await bodyOf(incoming).catch(() => undefined);
  if (body !== undefined) outgoing.writeHead(200).end(body);
};

const told: Serve = async (incoming, outgoing) => {
  const body = await bodyOf(incoming).catch(() => undefined);
  if (body === undefined) return;
  const { method, headers } = incoming;
  const length = headers["content-length"];
  outgoing.writeHead(200).end(JSON.stringify({ method, length, body: body.toString("latin1") }));
};

async function* parts(...all: (string | Uint8Array)[]) {
  for (const part of all) yield typeof part === "string" ? Buffer.from(part) : part;
}

/** Whether the request came to its end. */
function isWhole(incoming: IncomingMessage): boolean {
  const { stream } = incoming as { stream?: ServerHttp2Stream };
  return stream === undefined ? !incoming.aborted : !stream.aborted && stream.rstCode === 0;
}

const kinds: readonly [string, () => RequestBody, expected: string, length?: string][] = [
  ["text", () => "t\u00e9xt", "t\u00c3\u00a9xt", "5"],
  ["empty text", () => "", "", "0"],
  ["bytes", () => Buffer.from("bytes"), "bytes", "5"],
  ["a view of bytes", () => new Uint8Array(Buffer.from("-view-")).subarray(1, 5), "view", "4"],
  ["no bytes", () => new Uint8Array(0), "", "0"],
  ["an async iterable", () => parts("pa", "rts"), "parts"],
  ["an async iterable with empty chunks", () => parts("a", "", "b", ""), "ab"],
  ["a web stream", () => new Response("stream").body as ReadableStream<Uint8Array>, "stream"],
  [
    "a function that gives an async iterable",
    () => () => parts("of a ", "function"),
    "of a function",
  ],
  [
    "a function that gives a web stream",
    () => () => new Response("made").body as ReadableStream<Uint8Array>,
    "made",
  ],
];

describe.each(carriers)("$name", (carrier) => {
  test("sends bodies of every kind, with the length where it is known", async () => {
    await onCarrier(carrier, told, async ({ ask }) => {
      for (const [kind, body, expected, length] of kinds) {
        const answer = await (await ask("/", { method: "POST", body: body() })).json();
        expect([kind, answer]).toEqual([
          kind,
          {
            method: "POST",
            body: expected,
            ...(length === undefined || sendsTrailers(carrier) ? {} : { length }),
          },
        ]);
      }
    });
  });

  test("sends bodies with any method that the caller gives one", async () => {
    await onCarrier(carrier, told, async ({ ask }) => {
      for (const method of ["GET", "DELETE", "PUT", "PATCH", "QUERY", "OPTIONS"]) {
        expect(await (await ask("/", { method, body: "b" })).json()).toMatchObject({
          method,
          body: "b",
        });
      }
      const empty = await (await ask("/", { method: "DELETE" })).json();
      expect(empty).toMatchObject({ method: "DELETE", body: "" });
    });
  });

  test("fails with what the source of the body throws, and the server sees no whole request", async () => {
    const ends: string[] = [];
    let arrived = Promise.withResolvers<void>();
    const serve: Serve = (incoming) => {
      incoming.on("data", () => arrived.resolve());
      // Node tells of the end of a stream that was reset as well.
      incoming.once("aborted", () => ends.push("aborted"));
      incoming.once("end", () =>
        setImmediate(() => ends.push(isWhole(incoming) ? "whole" : "cut")),
      );
    };
    await onCarrier(carrier, serve, async ({ ask }) => {
      const failure = new Error("no more bytes");
      async function* broken() {
        yield Buffer.from("half");
        await arrived.promise;
        throw failure;
      }
      await expect(ask("/", { method: "POST", body: broken() })).rejects.toBe(failure);
      arrived = Promise.withResolvers();
      const stream = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(Buffer.from("half"));
        },
        async pull(controller) {
          await arrived.promise;
          controller.error(failure);
        },
      });
      await expect(ask("/", { method: "POST", body: stream })).rejects.toBe(failure);
      const never = () => {
        throw failure;
      };
      await expect(ask("/", { method: "POST", body: never })).rejects.toBe(failure);
      await expect.poll(() => ends.length).toBeGreaterThanOrEqual(2);
      expect(ends).not.toContain("whole");
    });
  });

  test("sends an async iterable of nothing", async () => {
    await onCarrier(carrier, told, async ({ ask }) => {
      const answer = await (await ask("/", { method: "POST", body: parts() })).json();
      expect(answer).toMatchObject({ method: "POST", body: "" });
    });
  });

  test("refuses chunks that are no bytes (KING_HTTP_REQUEST_INVALID)", async () => {
    await onCarrier(carrier, echo, async ({ ask }) => {
      async function* texts() {
        yield "text" as unknown as Uint8Array;
      }
      await expect(ask("/", { method: "POST", body: texts() })).rejects.toMatchObject({
        code: "KING_HTTP_REQUEST_INVALID",
        details: { option: "body" },
      });
    });
  });

  test.each(["an async iterable", "a web stream"])(
    "tells %s that goes on and on when the request is given up",
    async (kind) => {
      const arrived = Promise.withResolvers<void>();
      const serve: Serve = (incoming) => {
        incoming.on("data", () => arrived.resolve());
      };
      await onCarrier(carrier, serve, async ({ ask }) => {
        const told = Promise.withResolvers<unknown>();
        async function* iterable() {
          try {
            for (;;) {
              yield Buffer.alloc(1_000);
              await new Promise((resolve) => setImmediate(resolve));
            }
          } finally {
            told.resolve(reason);
          }
        }
        const stream = new ReadableStream<Uint8Array>({
          pull: (controller) => controller.enqueue(Buffer.alloc(1_000)),
          cancel: told.resolve,
        });
        const reason = new Error("enough");
        const giveUp = new AbortController();
        const body = kind === "a web stream" ? stream : iterable();
        const asked = ask("/", { method: "POST", body, signal: giveUp.signal });
        await Promise.race([asked, arrived.promise]);
        giveUp.abort(reason);
        await expect(asked).rejects.toBe(reason);
        expect(await withDeadline(told.promise, "an end", { deadlineMs: 3_000 })).toBe(reason);
      });
    },
  );

  test("reads a body in each of its forms, once", async () => {
    const serve: Serve = (_, outgoing) => {
      outgoing.writeHead(200, { "content-type": "application/json" }).end('{"a":[1]}');
    };
    await onCarrier(carrier, serve, async ({ ask }) => {
      const forms: Record<string, (response: HttpClientResponse) => Promise<unknown>> = {
        bytes: async (response) => Buffer.from(await response.bytes()).toString(),
        text: (response) => response.text(),
        json: async (response) => JSON.stringify(await response.json()),
        body: (response) => new Response(response.body).text(),
        iterator: async (response) => {
          let text = "";
          for await (const chunk of response) text += Buffer.from(chunk).toString();
          return text;
        },
        toFetch: (response) => response.toFetch().text(),
      };
      for (const [form, read] of Object.entries(forms)) {
        const response = await ask("/");
        expect([form, await read(response)]).toEqual([form, '{"a":[1]}']);
        for (const again of ["bytes", "text", "json"] as const) {
          await expect(response[again]()).rejects.toMatchObject({ code: "KING_HTTP_BODY_USED" });
        }
        expect(() => response[Symbol.asyncIterator]()).toThrow(
          expect.objectContaining({ code: "KING_HTTP_BODY_USED" }),
        );
      }
    });
  });

  test("takes maxBodyBytes and not one byte more, announced or not", async () => {
    const serve: Serve = (incoming, outgoing) => {
      const isAnnounced = incoming.url === "/announced";
      outgoing.writeHead(200, isAnnounced ? { "content-length": "10" } : {});
      outgoing.write("01234");
      setImmediate(() => outgoing.end("56789"));
    };
    await onCarrier(carrier, serve, async ({ ask }) => {
      for (const path of ["/announced", "/"]) {
        expect(await (await ask(path, { maxBodyBytes: 10 })).text()).toBe("0123456789");
        expect(await (await ask(path, { maxBodyBytes: 1 })).bytes({ limit: 10 })).toHaveLength(10);
        const limit = { code: "KING_HTTP_BODY_LIMIT", details: { limitBytes: 9 } };
        await expect((await ask(path, { maxBodyBytes: 9 })).text()).rejects.toMatchObject(limit);
        await expect((await ask(path)).bytes({ limit: 9 })).rejects.toMatchObject(limit);
        const { body } = await ask(path, { maxBodyBytes: 9 });
        await expect(new Response(body).text()).rejects.toMatchObject(limit);
        const iterated = (async () => {
          for await (const _ of await ask(path, { maxBodyBytes: 9 }));
        })();
        await expect(iterated).rejects.toMatchObject(limit);
      }
    });
  });

  test("frees its connection when a response is disposed of unread, and the next request works", async () => {
    const closed: string[] = [];
    const serve: Serve = (incoming, outgoing) => {
      if (incoming.url === "/next") return void outgoing.end("next");
      outgoing.once("close", () => closed.push(isWhole(incoming) ? "whole" : "cut"));
      outgoing.writeHead(200).write(Buffer.alloc(100_000));
    };
    await onCarrier(carrier, serve, async ({ ask }) => {
      {
        await using response = await ask("/");
        expect(response.status).toBe(200);
      }
      await expect.poll(() => closed).toEqual(["cut"]);
      expect(await (await ask("/next")).text()).toBe("next");
      for await (const _ of await ask("/")) break;
      await expect.poll(() => closed).toEqual(["cut", "cut"]);
      await (await ask("/")).body.cancel();
      await expect.poll(() => closed).toEqual(["cut", "cut", "cut"]);
      expect(await (await ask("/next")).text()).toBe("next");
    });
  });
});

describe.each(carriers.filter((each) => !sendsTrailers(each)))("$name", (carrier) => {
  test("sends a length that the caller gives with an iterable", async () => {
    await onCarrier(carrier, told, async ({ ask }) => {
      const headers = { "content-length": "5" };
      const response = await ask("/", { method: "POST", headers, body: parts("ab", "cde") });
      expect(await response.json()).toMatchObject({ length: "5", body: "abcde" });
    });
  });

  test.each([
    ["less", "ab"],
    ["more", "abcdefgh"],
  ])("refuses %s than the length that the caller gave, and goes on elsewhere", async (_, text) => {
    const bodies: string[] = [];
    const serve: Serve = async (incoming, outgoing) => {
      const body = await bodyOf(incoming).catch(() => undefined);
      if (body === undefined) return;
      bodies.push(body.toString());
      outgoing.writeHead(200).end("ok");
    };
    await onCarrier(carrier, serve, async ({ ask }) => {
      const headers = { "content-length": "5" };
      const failed = await withDeadline(
        ask("/", { method: "POST", headers, body: parts(text) }).then(
          () => undefined,
          (error) => error,
        ),
        "a refusal",
        { deadlineMs: 3_000 },
      );
      expect(failed).toMatchObject({ code: "KING_HTTP_REQUEST_INVALID" });
      expect(await (await ask("/", { method: "POST", body: "next" })).text()).toBe("ok");
      expect(bodies).toEqual(["next"]);
    });
  });
});
