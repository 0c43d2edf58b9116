import { type Child, startChild } from "./child.ts";
import type {
  LoadAnswer,
  LoadRequest,
  Usage,
  WorkloadAnswer,
  WorkloadRequest,
} from "./messages.ts";
import type { BenchPlane, Workload } from "./plane.ts";
import type { Round } from "./statistics.ts";

type WorkloadProcess = Child<WorkloadRequest, WorkloadAnswer>;
type LoadProcess = Child<LoadRequest, LoadAnswer>;

const requestsOfWindow = 20_000;
// A process stays as fast or slow as it happened to be compiled: several of them are looked at.
const roundsOfProcess = 3;

/** A workload in a process of its own, warmed up, of which windows can be measured. */
interface Subject extends AsyncDisposable {
  /** What one operation used in one window. */
  window(): Promise<Usage>;
}

/** A plane and the file its processes import it from. */
export interface BenchPlaneFile {
  readonly url: URL;
  readonly plane: BenchPlane;
}

/**
 * Measures one row: ours, the peer and the peer again, each in a process of its own, in turns. The
 * order of turns rotates, so that none is always first after a pause, and every few rounds all three
 * start afresh.
 */
export async function measureRow(
  file: BenchPlaneFile,
  rowIndex: number,
  roundCount: number,
  onRound: (round: number) => void,
): Promise<Round[]> {
  const row = file.plane.rows[rowIndex];
  if (!row) throw new RangeError(`${file.plane.name} has no row ${rowIndex}`);
  const rounds: Round[] = [];
  while (rounds.length < roundCount) {
    await using stack = new AsyncDisposableStack();
    const subjects: Record<keyof Round, Subject> = {
      ours: stack.use(await openSubject(file, rowIndex, "ours", row.ours)),
      peer: stack.use(await openSubject(file, rowIndex, "peer", row.peer)),
      control: stack.use(await openSubject(file, rowIndex, "peer", row.peer)),
    };
    for (let turn = 0; turn < roundsOfProcess && rounds.length < roundCount; turn++) {
      onRound(rounds.length);
      const used = { ours: 0, peer: 0, control: 0 };
      for (const name of orders[rounds.length % orders.length] ?? []) {
        const { cpuUs, wallUs } = await subjects[name].window();
        used[name] = row.measure === "wall" ? wallUs : cpuUs;
      }
      rounds.push(used);
    }
  }
  return rounds;
}

const orders: readonly (readonly (keyof Round)[])[] = [
  ["ours", "peer", "control"],
  ["control", "ours", "peer"],
  ["peer", "control", "ours"],
  ["peer", "ours", "control"],
  ["control", "peer", "ours"],
  ["ours", "control", "peer"],
];

async function openSubject(
  file: BenchPlaneFile,
  rowIndex: number,
  side: "ours" | "peer",
  workload: Workload,
): Promise<Subject> {
  await using stack = new AsyncDisposableStack();
  const child: WorkloadProcess = stack.use(
    await startChild<WorkloadRequest, WorkloadAnswer>("workload-process.ts", [
      file.url.href,
      String(rowIndex),
      side,
    ]),
  );
  let window: Subject["window"];
  if (workload.kind === "operation") {
    const { operations, warmUpOperations = operations } = workload;
    const run = async (count: number) =>
      perOperation(await child.ask({ type: "run", count }), count);
    await run(warmUpOperations);
    window = () => run(operations);
  } else {
    const { load } = workload;
    const { requests = requestsOfWindow, warmUpRequests = requests * 2 } = load;
    const client: LoadProcess = stack.use(
      await startChild<LoadRequest, LoadAnswer>("load-process.ts"),
    );
    const port = portOf(child.first);
    await client.ask({ port, load, requests: warmUpRequests });
    window = async () => {
      await child.ask({ type: "begin" });
      await client.ask({ port, load, requests });
      return perOperation(await child.ask({ type: "end" }), requests);
    };
  }
  const owned = stack.move();
  return {
    window,
    async [Symbol.asyncDispose]() {
      await child.ask({ type: "close" });
      await owned.disposeAsync();
    },
  };
}

function portOf(answer: WorkloadAnswer): number {
  if (answer.type !== "started" || answer.port === undefined)
    throw new Error("a server workload started without a port");
  return answer.port;
}

function perOperation(answer: WorkloadAnswer, count: number): Usage {
  if (answer.type !== "used") throw new Error(`expected usage, got ${answer.type}`);
  return { cpuUs: answer.usage.cpuUs / count, wallUs: answer.usage.wallUs / count };
}
