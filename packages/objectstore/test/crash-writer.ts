// Puts and deletes without pause until it is killed; tells on standard output what has resolved.
// Arguments: root, seed, and after how many calls to the file system it kills itself (0: never).
import { writeSync } from "node:fs";
import { seededRandom } from "@king-runtime/core";
import { openObjectStore } from "@king-runtime/objectstore";
import { crashContent, crashKeys } from "./crash-content.ts";
import { instrumentedFileSystem } from "./instrumented-file-system.ts";

const [root = "", seed = "0", lastCall = "0"] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const fileSystem = instrumentedFileSystem();
const store = await openObjectStore({ root, fileSystem, chunkBytes: 32_768 });
fileSystem.calls.length = 0;
fileSystem.before = () => {
  if (fileSystem.calls.length === Number(lastCall)) process.kill(process.pid, "SIGKILL");
};
writeSync(1, "ready\n");

async function work(key: string): Promise<void> {
  for (let version = 1; ; version++) {
    const choice = random.next();
    // Small objects mostly, some of several chunks, some of several blocks.
    const size = Math.floor(
      random.next() * (choice < 0.6 ? 2_000 : choice < 0.9 ? 90_000 : 600_000),
    );
    writeSync(1, `begin ${key} ${version} ${choice < 0.15 ? "gone" : size}\n`);
    if (choice < 0.15) await store.delete(key);
    else if (choice < 0.5) await store.put(key, crashContent(key, version, size));
    else await store.put(key, pieces(crashContent(key, version, size)));
    writeSync(1, `end ${key} ${version}\n`);
  }
}

async function* pieces(content: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += 20_000) yield content.subarray(at, at + 20_000);
}

await Promise.all(crashKeys.map(work));
