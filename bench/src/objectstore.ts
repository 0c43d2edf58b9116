import type { BenchPlane, OpenOperation, OperationWorkload } from "./harness/plane.ts";

const smallBytes = 1_024;
const largeBytes = 256 * 1_048_576;
const pieceBytes = 262_144;
const keys = Array.from({ length: 200 }, (_, index) => `object-${index}`);

/** A workload in a folder of its own on the disk of the temporary folder. */
function inFolder(
  operations: number,
  open: (folder: string) => Promise<OpenOperation>,
): OperationWorkload {
  return {
    kind: "operation",
    operations,
    async open() {
      const { mkdtemp, rm } = await import("node:fs/promises");
      const { tmpdir } = await import("node:os");
      const { join } = await import("node:path");
      const folder = await mkdtemp(join(tmpdir(), "king-bench-"));
      const opened = await open(folder);
      return {
        run: opened.run,
        async close() {
          await opened.close();
          await rm(folder, { recursive: true });
        },
      };
    },
  };
}

/** One operation after the other, each on the next key. */
function oneByOne(operation: (key: string) => Promise<void>): OpenOperation["run"] {
  let next = 0;
  return async (count) => {
    for (let done = 0; done < count; done++) await operation(keys[next++ % keys.length] as string);
  };
}

async function* pieces(): AsyncGenerator<Uint8Array> {
  const piece = new Uint8Array(pieceBytes).fill(0x61);
  for (let at = 0; at < largeBytes; at += pieceBytes) yield piece;
}

function checkLength(actual: number | undefined, expected: number): void {
  if (actual !== expected) throw new Error(`expected ${expected} bytes, got ${actual}`);
}

async function openStore(root: string) {
  const { openObjectStore } = await import("@king-runtime/objectstore");
  return openObjectStore({ root });
}

/**
 * The calls that the store makes for a small put, and nothing else: no key, digest, quota, abort or
 * telemetry; the header is ready, the folder is kept open, and each call runs where it is cheapest.
 */
async function handWrittenPut(folder: string) {
  const fs = await import("node:fs");
  const { promisify } = await import("node:util");
  const open = promisify(fs.open);
  const fdatasync = promisify(fs.fdatasync);
  const fsync = promisify(fs.fsync);
  const rename = promisify(fs.rename);
  const top = fs.openSync(folder, "r");
  const content = Buffer.alloc(1_024 + smallBytes, 0x61);
  return {
    async put(key: string): Promise<void> {
      const temporary = `${folder}/${key}.tmp`;
      const file = await open(temporary, "wx", 0o600);
      fs.writeSync(file, content, 0, content.length, 0);
      await fdatasync(file);
      fs.closeSync(file);
      await rename(temporary, `${folder}/${key}`);
      await fsync(top);
    },
    close: async () => fs.closeSync(top),
  };
}

const smallPut = (atOnce: number) => {
  const run = (put: (key: string) => Promise<void>): OpenOperation["run"] => {
    let next = 0;
    return async (count) => {
      let left = count;
      const worker = async () => {
        // New keys: ext4 is slow to find inodes for new files while replaced ones are being forgotten.
        while (left-- > 0) await put(`object-${next++}`);
      };
      await Promise.all(Array.from({ length: atOnce }, worker));
    };
  };
  return {
    ours: inFolder(400, async (folder) => {
      const store = await openStore(folder);
      const content = new Uint8Array(smallBytes).fill(0x61);
      return {
        run: run(async (key) => checkLength((await store.put(key, content)).size, smallBytes)),
        close: () => store.close(),
      };
    }),
    peer: inFolder(400, async (folder) => {
      const { put, close } = await handWrittenPut(folder);
      return { run: run(put), close };
    }),
  };
};

const smallGet = {
  ours: inFolder(5_000, async (folder) => {
    const store = await openStore(folder);
    for (const key of keys) await store.put(key, new Uint8Array(smallBytes).fill(0x61));
    const run = oneByOne(async (key) => {
      const blob = await store.get(key);
      let length = 0;
      for await (const chunk of blob?.body ?? []) length += chunk.length;
      checkLength(length, smallBytes);
    });
    return { run, close: () => store.close() };
  }),
  peer: inFolder(5_000, async (folder) => {
    const { readFile, writeFile } = await import("node:fs/promises");
    for (const key of keys) await writeFile(`${folder}/${key}`, new Uint8Array(smallBytes));
    const run = oneByOne(async (key) =>
      checkLength((await readFile(`${folder}/${key}`)).length, smallBytes),
    );
    return { run, close: async () => {} };
  }),
};

const largeGet = {
  ours: inFolder(1, async (folder) => {
    const store = await openStore(folder);
    await store.put("large", pieces());
    const run = oneByOne(async () => {
      const blob = await store.get("large");
      let length = 0;
      for await (const chunk of blob?.body ?? []) length += chunk.length;
      checkLength(length, largeBytes);
    });
    return { run, close: () => store.close() };
  }),
  peer: (verified: boolean) =>
    inFolder(1, async (folder) => {
      const { createReadStream } = await import("node:fs");
      const { writeFile } = await import("node:fs/promises");
      const { createHash } = await import("node:crypto");
      await writeFile(`${folder}/large`, pieces());
      const run = oneByOne(async () => {
        const digest = createHash("sha256");
        let length = 0;
        for await (const chunk of createReadStream(`${folder}/large`) as AsyncIterable<Buffer>) {
          if (verified) digest.update(chunk);
          length += chunk.length;
        }
        digest.digest();
        checkLength(length, largeBytes);
      });
      return { run, close: async () => {} };
    }),
};

const largePut = {
  ours: inFolder(1, async (folder) => {
    const store = await openStore(folder);
    const run = oneByOne(async () =>
      checkLength((await store.put("large", pieces())).size, largeBytes),
    );
    return { run, close: () => store.close() };
  }),
  peer: inFolder(1, async (folder) => {
    const { open, rename } = await import("node:fs/promises");
    const { createHash } = await import("node:crypto");
    const run = oneByOne(async () => {
      const file = await open(`${folder}/large.tmp`, "w");
      const digest = createHash("sha256");
      let length = 0;
      for await (const piece of pieces()) {
        digest.update(piece);
        length += (await file.write(piece)).bytesWritten;
      }
      digest.digest();
      checkLength(length, largeBytes);
      await file.datasync();
      await file.close();
      await rename(`${folder}/large.tmp`, `${folder}/large`);
      const top = await open(folder);
      await top.sync();
      await top.close();
    });
    return { run, close: async () => {} };
  }),
};

const byHand = "the same calls by hand";

export const plane: BenchPlane = {
  name: "objectstore",
  rows: [
    {
      name: "durable put of 1 KB",
      operation: "put",
      peerName: byHand,
      goal: "<= 1.30",
      ...smallPut(1),
    },
    {
      name: "durable put of 1 KB",
      measure: "wall",
      operation: "put",
      peerName: byHand,
      goal: "<= 1.30",
      ...smallPut(1),
    },
    {
      name: "durable put of 1 KB, 16 at once",
      measure: "wall",
      operation: "put",
      peerName: byHand,
      ...smallPut(16),
    },
    {
      name: "get of 1 KB, verified",
      operation: "get",
      peerName: "readFile",
      ...smallGet,
    },
    {
      name: "get of 256 MiB, verified",
      operation: "get",
      peerName: "createReadStream",
      ours: largeGet.ours,
      peer: largeGet.peer(false),
    },
    {
      name: "get of 256 MiB, verified",
      measure: "wall",
      operation: "get",
      peerName: "createReadStream and createHash",
      ours: largeGet.ours,
      peer: largeGet.peer(true),
    },
    {
      name: "durable put of 256 MiB",
      operation: "put",
      peerName: "hash, write and sync by hand",
      ...largePut,
    },
  ],
};
