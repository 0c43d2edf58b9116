import { connect, createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { innerSymbol } from "../../src/http2/native-life.ts";

test("node has the members by which its streams and sessions are kept long enough", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await new Promise<void>((resolve) => session.once("connect", () => resolve()));
  const stream = session.request().on("error", () => undefined);
  const handles = [session, stream].map((each) => innerSymbol(each, "kHandle"));
  expect(handles).toEqual([expect.any(Symbol), handles[0]]);
  expect(Reflect.get(stream, handles[0] as symbol)).toBeTypeOf("object");
  expect(Reflect.get(stream, innerSymbol(stream, "kMaybeDestroy") as symbol)).toBeTypeOf(
    "function",
  );
  expect(innerSymbol(stream, "kNothing")).toBe(undefined);
  session.destroy();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});
