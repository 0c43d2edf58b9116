import { writeFile } from "node:fs/promises";
import { temporaryFolder } from "@king-runtime/testkit";
import express from "express";
import { describe, expect, test } from "vitest";
import { fromNode } from "../../src/node-handler.ts";
import { openPlace, wires } from "./node-handler-harness.ts";

function makeApp() {
  const app = express();
  app.use((request, response, next) => {
    response.setHeader("x-seen", `${request.protocol} ${request.ip !== undefined}`);
    next();
  });
  app.get("/hello/:name", (request, response) => {
    response.send(`hello ${request.params.name} ${request.query["q"]}`);
  });
  app.post("/json", express.json({ limit: "100kb" }), (request, response) => {
    response.status(201).json({ got: request.body });
  });
  app.get("/cookies", (request, response) => {
    response.cookie("a", "1").cookie("b", "2", { httpOnly: true });
    response.json({ sent: request.headers.cookie ?? null, host: request.headers.host });
  });
  app.get("/moved", (_request, response) => response.redirect(302, "/hello/you"));
  app.get("/fails", () => {
    throw new Error("in the handler");
  });
  app.get("/rejects", async () => {
    throw new Error("in a promise");
  });
  app.get("/native", () => {
    throw Object.assign(new Error("teapot"), { status: 418 });
  });
  app.get("/empty", (_request, response) => response.status(204).end());
  app.use(
    (
      error: Error,
      request: express.Request,
      response: express.Response,
      next: express.NextFunction,
    ) => {
      if (request.path === "/native" || "type" in error) return next(error);
      response.status(500).send(`handled: ${error.message}`);
    },
  );
  return app;
}

describe.each(wires)("an Express app over %s", (wire) => {
  test("is served unchanged", async () => {
    await using place = await openPlace(wire, fromNode(makeApp()));
    const hello = await place.ask("/hello/you?q=1");
    expect([hello.status, hello.text]).toEqual([200, "hello you 1"]);
    expect(hello.headers["content-length"]).toBe("11");
    expect(hello.headers["etag"]).toBeDefined();
    expect(hello.headers["x-seen"]).toBe(`${wire.endsWith("TLS") ? "https" : "http"} true`);

    const again = await place.ask("/hello/you?q=1", {
      headers: { "if-none-match": hello.headers["etag"] as string },
    });
    expect([again.status, again.text]).toEqual([304, ""]);

    const head = await place.ask("/hello/you?q=1", { method: "HEAD" });
    expect([head.status, head.text, head.headers["content-length"]]).toEqual([200, "", "11"]);

    const json = await place.ask("/json", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"a":[1]}',
    });
    expect([json.status, json.text]).toEqual([201, '{"got":{"a":[1]}}']);

    const cookies = await place.ask("/cookies", { headers: { cookie: "x=y" } });
    expect(cookies.headers["set-cookie"]).toEqual(["a=1; Path=/", "b=2; Path=/; HttpOnly"]);
    expect(JSON.parse(cookies.text)).toEqual({
      sent: "x=y",
      host: `localhost:${place.listener.local.port}`,
    });

    const moved = await place.ask("/moved");
    expect([moved.status, moved.headers["location"]]).toEqual([302, "/hello/you"]);
    const empty = await place.ask("/empty");
    expect([empty.status, empty.text]).toEqual([204, ""]);
    expect(place.errors).toEqual([]);
  });

  test("answers errors and what it does not have by itself", async () => {
    await using place = await openPlace(wire, fromNode(makeApp()));
    for (const [path, status, text] of [
      ["/fails", 500, "handled: in the handler"],
      ["/rejects", 500, "handled: in a promise"],
      ["/native", 418, "teapot"],
      ["/nothing", 404, "Cannot GET /nothing"],
    ] as const) {
      const answer = await place.ask(path);
      expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(text)]);
    }
    const malformed = await place.ask("/json", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{",
    });
    expect(malformed.status).toBe(400);
    const large = await place.ask("/json", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify("x".repeat(200_000)),
    });
    expect(large.status).toBe(413);
    expect(place.errors).toEqual([]);
  });

  test("sends files, whole and in part", async () => {
    await using folder = await temporaryFolder();
    const content = Buffer.alloc(3_000_000, "0123456789");
    await writeFile(folder.join("file.bin"), content);
    const app = express();
    app.get("/file", (_request, response) => response.sendFile(folder.join("file.bin")));
    app.use("/static", express.static(folder.path));
    await using place = await openPlace(wire, fromNode(app));
    const file = await place.ask("/file");
    expect(file.status).toBe(200);
    expect(file.body.equals(content)).toBe(true);
    const part = await place.ask("/static/file.bin", { headers: { range: "bytes=10-19" } });
    expect([part.status, part.text]).toEqual([206, "0123456789"]);
    expect((await place.ask("/static/../package.json")).status).toBe(404);
  });
});
