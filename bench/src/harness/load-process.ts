// The load client's process, so that its work is never counted as the server's. Over IPC.
import { loadHttp1 } from "./http1-load.ts";
import { loadHttp2 } from "./http2-load.ts";
import type { LoadAnswer, LoadRequest } from "./messages.ts";

function answer(message: LoadAnswer): void {
  process.send?.(message);
}

process.on("message", async (request: LoadRequest) => {
  try {
    await (request.load.protocol === "h1" ? loadHttp1(request) : loadHttp2(request));
    answer({ type: "loaded", requests: request.requests });
  } catch (error) {
    answer({ type: "failed", message: String(error) });
  }
});
answer({ type: "ready" });
