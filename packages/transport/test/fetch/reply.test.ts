import { describe, expect, test } from "vitest";
import { fromFetch, listenHttp, reply, replyJson } from "../../src/index.ts";

async function answered(response: () => Response, init: RequestInit = {}) {
  await using listener = await listenHttp({ handler: fromFetch(response) });
  const answer = await fetch(`http://127.0.0.1:${listener.local.port}`, init);
  const fields = Object.fromEntries(answer.headers);
  const { date: _, connection: __, "keep-alive": ___, ...headers } = fields;
  return { status: answer.status, headers, text: await answer.text() };
}

const lines = { "set-cookie": ["a=1", "b=2"], "X-Up": "1" };

describe.each([
  ["text", () => reply("hé"), () => new Response("hé")],
  ["bytes", () => reply(new Uint8Array([97])), () => new Response(new Uint8Array([97]))],
  ["nothing", () => reply(), () => new Response()],
  ["an empty text", () => reply(""), () => new Response("")],
  ["204", () => reply(null, { status: 204 }), () => new Response(null, { status: 204 })],
  [
    "a type of its own",
    () => reply("x", { status: 201, headers: { "Content-Type": "a/b" } }),
    () => new Response("x", { status: 201, headers: { "Content-Type": "a/b" } }),
  ],
  ["JSON", () => replyJson({ a: [1] }), () => Response.json({ a: [1] })],
  [
    "JSON with fields",
    () => replyJson(1, { status: 400, headers: { "x-a": "1", "content-type": "a/json" } }),
    () => Response.json(1, { status: 400, headers: { "x-a": "1", "content-type": "a/json" } }),
  ],
])("a reply of %s", (_, light, genuine) => {
  test("is sent as the Response it stands for, touched or not", async () => {
    const expected = await answered(genuine);
    expect(await answered(light)).toEqual(expected);
    const touched = () => {
      const response = light();
      response.headers.set("x-touched", "1");
      return response;
    };
    const { "x-touched": mark, ...headers } = (await answered(touched)).headers;
    expect([mark, headers]).toEqual(["1", expected.headers]);
  });

  test("has the members of the Response it stands for", async () => {
    expect(light()).toBeInstanceOf(Response);
    for (const name of ["status", "ok", "statusText", "type", "redirected", "url"] as const)
      expect([name, light()[name]]).toEqual([name, genuine()[name]]);
    expect([...light().headers]).toEqual([...genuine().headers]);
    expect(light().body === null).toBe(genuine().body === null);
    expect(await light().text()).toBe(await genuine().text());
    expect(await light().bytes()).toEqual(await genuine().bytes());
    expect(await light().arrayBuffer()).toEqual(await genuine().arrayBuffer());
    expect((await light().blob()).size).toBe((await genuine().blob()).size);
    expect(await light().clone().text()).toBe(await genuine().text());
    expect(await new Response(light().body, light()).text()).toBe(await genuine().text());
  });
});

test("a reply can be read once", async () => {
  const response = replyJson({ a: 1 });
  expect(response.bodyUsed).toBe(false);
  expect(await response.json()).toEqual({ a: 1 });
  expect(response.bodyUsed).toBe(true);
  await expect(response.text()).rejects.toThrow(TypeError);
  expect((await answered(() => reply("body"), { method: "HEAD" })).text).toBe("");
});

test("a reply is left whole by clone(), by who looks at its fields, and by who sends it", async () => {
  const light = reply("body", { headers: { "set-cookie": ["a=1", "b=2"] } });
  expect(light.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
  const copy = light.clone();
  expect(await copy.text()).toBe("body");
  copy.headers.set("x-copy", "1");
  await using listener = await listenHttp({ handler: fromFetch(() => light) });
  for (let at = 0; at < 2; at++) {
    const response = await fetch(`http://127.0.0.1:${listener.local.port}`);
    expect([response.headers.getSetCookie(), await response.text()]).toEqual([
      ["a=1", "b=2"],
      "body",
    ]);
    expect(response.headers.has("x-copy")).toBe(false);
  }
  const text = light.text();
  expect(() => light.clone()).toThrow(TypeError);
  expect(await text).toBe("body");
  listener.abort();
});

test("a reply has every member of the platform's Response", async () => {
  const light = reply("body") as unknown as Record<string, unknown>;
  const whole = new Response("body") as unknown as Record<string, unknown>;
  for (const name of Object.keys(Object.getOwnPropertyDescriptors(Response.prototype))) {
    expect([name, typeof light[name]]).toEqual([name, typeof whole[name]]);
  }
  const { textStream } = light;
  if (typeof textStream !== "function") return;
  let text = "";
  for await (const part of Reflect.apply(textStream, light, [])) text += part;
  expect(text).toBe("body");
});

test("reply(body, { headers }) sends each line of a field apart", async () => {
  await using listener = await listenHttp({
    handler: fromFetch(() => reply("x", { headers: lines })),
  });
  const { headers } = await fetch(`http://127.0.0.1:${listener.local.port}`);
  expect([headers.getSetCookie(), headers.get("x-up")]).toEqual([["a=1", "b=2"], "1"]);
  expect(reply("x", { headers: lines }).headers.getSetCookie()).toEqual(["a=1", "b=2"]);
});

test.each([
  ["a status that is none", () => reply("x", { status: 99 }), RangeError],
  ["a body with 204", () => reply("", { status: 204 }), TypeError],
  ["what is no JSON", () => replyJson(undefined), TypeError],
])("%s is refused like by Response", (_, make, type) => {
  expect(make).toThrow(type);
});
