// The process of one workload: `workload-process.ts <URL of the plane's file> <row> <ours|peer>`, over IPC.
import type { Usage, WorkloadAnswer, WorkloadRequest } from "./messages.ts";
import type { BenchPlane, OpenOperation, RunningServer } from "./plane.ts";

const [planeUrl = "", rowIndex, side] = process.argv.slice(2);

function answer(message: WorkloadAnswer): void {
  process.send?.(message);
}

function counter(): () => Usage {
  const cpu = process.cpuUsage();
  const start = performance.now();
  return () => {
    const wallUs = (performance.now() - start) * 1_000;
    const used = process.cpuUsage(cpu);
    return { cpuUs: used.user + used.system, wallUs };
  };
}

async function main(): Promise<void> {
  const { plane } = (await import(planeUrl)) as { plane: BenchPlane };
  const row = plane.rows[Number(rowIndex)];
  const workload = side === "ours" ? row?.ours : row?.peer;
  if (!workload) throw new Error(`${planeUrl} has no row ${rowIndex}`);

  let server: RunningServer | undefined;
  let operation: OpenOperation | undefined;
  if (workload.kind === "server") server = await workload.start();
  else operation = await workload.open();

  let used: (() => Usage) | undefined;
  const handle = async (request: WorkloadRequest): Promise<void> => {
    switch (request.type) {
      case "begin":
        used = counter();
        return answer({ type: "begun" });
      case "end":
        if (!used) throw new Error("end before begin");
        return answer({ type: "used", usage: used() });
      case "run": {
        const end = counter();
        await operation?.run(request.count);
        return answer({ type: "used", usage: end() });
      }
      case "close":
        await server?.close();
        await operation?.close();
        answer({ type: "closed" });
        process.disconnect?.();
    }
  };
  process.on("message", (request: WorkloadRequest) => handle(request).catch(fail));
  answer({ type: "started", ...(server && { port: server.port }) });
}

function fail(error: unknown): void {
  answer({ type: "failed", message: error instanceof Error ? (error.stack ?? "") : String(error) });
}

main().catch(fail);
