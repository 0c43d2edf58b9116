// Loads an HTTP/3 server by the engine's own client: `load-process.ts <port> <CA file>`, told how much over IPC.
import { readFile } from "node:fs/promises";
import { connectAsync } from "@currentspace/http3";

const [port, ca = ""] = process.argv.slice(2);
const atOnce = 32;

interface Load {
  readonly count: number;
  readonly path: string;
  readonly expectBytes: number;
}

const session = await connectAsync(`127.0.0.1:${port}`, {
  ca: await readFile(ca, "utf8"),
  servername: "localhost",
  runtimeMode: "portable",
});

function ask({ path, expectBytes }: Load): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request(
      { ":method": "GET", ":scheme": "https", ":authority": "localhost", ":path": path },
      { endStream: true },
    );
    let received = 0;
    stream.on("data", (chunk: Uint8Array) => {
      received += chunk.length;
    });
    stream.on("end", () =>
      received === expectBytes
        ? resolve()
        : reject(new Error(`expected ${expectBytes} bytes, got ${received}`)),
    );
    stream.on("error", reject);
  });
}

process.on("message", async (load: Load) => {
  let left = load.count;
  const worker = async () => {
    while (left-- > 0) await ask(load);
  };
  try {
    await Promise.all(Array.from({ length: Math.min(atOnce, load.count) }, worker));
    process.send?.({ type: "loaded" });
  } catch (error) {
    process.send?.({ type: "failed", message: String(error) });
  }
});
process.on("disconnect", () => process.exit());
process.send?.({ type: "ready" });
