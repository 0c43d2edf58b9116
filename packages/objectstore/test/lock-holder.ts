// Opens the store in the folder it is given, begins a put and holds it; or says why it cannot.
import { KingError } from "@king-runtime/core";
import { openObjectStore } from "@king-runtime/objectstore";

try {
  const store = await openObjectStore({ root: process.argv[2] ?? "", chunkBytes: 1_024 });
  async function* source() {
    yield new Uint8Array(10_000);
    process.stdout.write("open\n");
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  }
  await store.put("k", source());
} catch (error) {
  process.stdout.write(`${KingError.is(error) ? error.code : String(error)}\n`);
}
