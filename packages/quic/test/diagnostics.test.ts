import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig, type QuicEngine } from "@king-runtime/core";
import { eventually } from "@king-runtime/testkit";
import { afterAll, describe, expect, test } from "vitest";
import { openCurrentSpaceEngine, openMatrixEngine, quicSection } from "../src/index.ts";
import { connect, listen, needEngines } from "./engines.ts";

const folder = mkdtempSync(join(tmpdir(), "king-quic-diagnostics-"));
afterAll(() => rmSync(folder, { recursive: true }));

const modeOf = (path: string) => statSync(path).mode & 0o777;

/** Has both ends of one connection on an engine. */
async function run(engine: QuicEngine): Promise<void> {
  await using server = await listen(engine);
  await using pair = await connect(engine, server);
  const stream = await pair.client.openStream();
  await stream.end(Buffer.from("hello"));
  for await (const served of pair.server.streams()) {
    for await (const _ of served);
    await served.end();
    break;
  }
  for await (const _ of stream);
}

/** What a line of JSON after a record separator says (RFC 7464). */
const records = (text: string) =>
  text
    .split("\u001e")
    .filter((each) => each.trim() !== "")
    .map((each) => JSON.parse(each));

describe("qlog of currentspace", () => {
  test("is a file for each end of each connection, in a folder for this user alone", async (context) => {
    await needEngines(context, "currentspace");
    const qlogFolder = join(folder, "a", "qlog");
    await run(await openCurrentSpaceEngine({ qlogFolder }));
    expect(modeOf(qlogFolder)).toBe(0o700);
    const files = readdirSync(qlogFolder);
    expect(files).toHaveLength(2);
    const titles = await eventually("both files", () => {
      const heads = files.map((file) => records(readFileSync(join(qlogFolder, file), "utf8")));
      return heads.every(({ length }) => length > 5) && heads.map(([head]) => head.title);
    });
    expect(titles.sort()).toEqual(["quic-client", "quic-server"]);
    for (const file of files) {
      expect(readFileSync(join(qlogFolder, file), "utf8")).toContain("packet_received");
    }
  });

  test("is off by default", async (context) => {
    await needEngines(context, "currentspace");
    await run(await openCurrentSpaceEngine());
    expect(readdirSync(process.cwd()).filter((each) => each.endsWith(".qlog"))).toEqual([]);
  });

  test("goes into no folder that others can write into, and into no file (KING_OPTION_INVALID)", async (context) => {
    await needEngines(context, "currentspace");
    const open = join(folder, "open");
    mkdirSync(open);
    chmodSync(open, 0o777);
    const file = join(folder, "file");
    writeFileSync(file, "");
    for (const qlogFolder of [open, file, join(file, "below")]) {
      await expect(openCurrentSpaceEngine({ qlogFolder })).rejects.toMatchObject({
        code: "KING_OPTION_INVALID",
        details: { option: "qlogFolder" },
      });
    }
  });
});

describe("the key log of matrix", () => {
  const withKeylog = (keylogFolder: string) =>
    openMatrixEngine({
      config: defineConfig({ sections: [quicSection], operator: { quic: { keylogFolder } } }),
    });

  test("has the secrets of each connection, in a folder for this user alone", async (context) => {
    await needEngines(context, "matrix");
    const keylogFolder = join(folder, "keys");
    const engine = await withKeylog(keylogFolder);
    expect(modeOf(keylogFolder)).toBe(0o700);
    await run(engine);
    await run(engine);
    const files = readdirSync(keylogFolder);
    expect(files).toHaveLength(4);
    const logs = files.map((file) => readFileSync(join(keylogFolder, file), "utf8"));
    for (const log of logs) {
      expect(log).toMatch(/^CLIENT_TRAFFIC_SECRET_0 [\da-f]+ [\da-f]+$/m);
      expect(log).toMatch(/^SERVER_TRAFFIC_SECRET_0 [\da-f]+ [\da-f]+$/m);
    }
    // Both ends of a connection have the same, and two connections have not.
    const secrets = logs.map((log) => /^CLIENT_TRAFFIC_SECRET_0 (.*)$/m.exec(log)?.[1]);
    expect(new Set(secrets).size).toBe(2);
  });

  test("is the operator's to have, not the program's (KING_CONFIG_LOCKED)", async (context) => {
    await needEngines(context, "matrix");
    const keylogFolder = join(folder, "never");
    const opening = openMatrixEngine({ keylogFolder });
    await expect(opening).rejects.toMatchObject({ code: "KING_CONFIG_LOCKED" });
    expect(() => statSync(keylogFolder)).toThrow("ENOENT");
  });

  test("goes into no folder that others can look into (KING_OPTION_INVALID)", async (context) => {
    await needEngines(context, "matrix");
    const open = join(folder, "readable");
    mkdirSync(open);
    chmodSync(open, 0o750);
    await expect(withKeylog(open)).rejects.toMatchObject({
      code: "KING_OPTION_INVALID",
      details: { option: "keylogFolder" },
    });
  });
});
