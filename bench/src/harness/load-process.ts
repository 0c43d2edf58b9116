// The load client's process, so that its work is never counted as the server's. Over IPC.
import { loadHttp1 } from "./http1-load.ts";
import { loadHttp2 } from "./http2-load.ts";
import type { LoadAnswer, LoadRequest } from "./messages.ts";

function answer(message: LoadAnswer): void {
  process.send?.(message);
}

process.on("message", async (request: LoadRequest) => {
  const rest = stayAwake();
  try {
    await (request.load.protocol === "h1" ? loadHttp1(request) : loadHttp2(request));
    answer({ type: "loaded", requests: request.requests });
  } catch (error) {
    answer({ type: "failed", message: String(error) });
  } finally {
    rest();
  }
});

/**
 * Keeps the event loop turning, until it is told to rest. A client that sleeps has to be woken by the
 * server's writes: the slower the server, the more often, and on its own processor time.
 */
function stayAwake(): () => void {
  let loading = true;
  const turn = () => {
    if (loading) setImmediate(turn);
  };
  turn();
  return () => {
    loading = false;
  };
}

answer({ type: "ready" });
