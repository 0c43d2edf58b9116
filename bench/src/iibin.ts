import type { BenchPlane, BenchRow, Goal } from "./harness/plane.ts";
import { closures, ours, peers } from "./iibin/codecs.ts";
import { type ContentName, contents } from "./iibin/messages.ts";
import { decodeWorkload, encodeWorkload, messagesOfOperation } from "./iibin/workloads.ts";

type PeerName = keyof typeof peers;
type Operation = "encode" | "decode";

/** About how many nanoseconds one message takes, by which windows get their length. */
type Pace = Readonly<Record<Operation, Readonly<Record<PeerName | "ours", number>>>>;

const small: Pace = {
  encode: {
    ours: 80,
    protobufjs: 210,
    bufbuild: 760,
    msgpackr: 330,
    cborX: 420,
    avsc: 260,
    json: 140,
  },
  decode: {
    ours: 60,
    protobufjs: 150,
    bufbuild: 430,
    msgpackr: 100,
    cborX: 110,
    avsc: 140,
    json: 340,
  },
};
const medium: Pace = {
  encode: {
    ours: 620,
    protobufjs: 1_700,
    bufbuild: 4_300,
    msgpackr: 2_300,
    cborX: 2_700,
    avsc: 1_350,
    json: 1_000,
  },
  decode: {
    ours: 840,
    protobufjs: 1_700,
    bufbuild: 4_100,
    msgpackr: 720,
    cborX: 860,
    avsc: 2_000,
    json: 2_400,
  },
};
const large: Pace = {
  encode: {
    ours: 47_000,
    protobufjs: 125_000,
    bufbuild: 290_000,
    msgpackr: 260_000,
    cborX: 300_000,
    avsc: 176_000,
    json: 116_000,
  },
  decode: {
    ours: 56_000,
    protobufjs: 111_000,
    bufbuild: 350_000,
    msgpackr: 77_000,
    cborX: 80_000,
    avsc: 130_000,
    json: 272_000,
  },
};
const paces = { Small: small, Medium: medium, Large: large };

function goalOf(content: ContentName, operation: Operation, peer: PeerName): Goal {
  if (peer === "protobufjs") return operation === "encode" ? "<= 0.50" : "<= 0.60";
  if (peer === "bufbuild") return "<= 0.25";
  // Records of msgpackr come with their shape; ours are checked field by field.
  if (content === "Medium" && operation === "decode" && peer === "msgpackr") return "<= 1.33";
  return "<= 1.00";
}

function row(content: ContentName, operation: Operation, peer: PeerName): BenchRow {
  const pace = paces[contents[content].schema][operation];
  const workload = operation === "encode" ? encodeWorkload : decodeWorkload;
  return {
    name: `${operation} ${content}`,
    operation: messagesOfOperation(content) === 1 ? "message" : "1,000 messages",
    peerName: peers[peer].name,
    goal: goalOf(content, operation, peer),
    ours: workload(ours, content, pace.ours),
    peer: workload(peers[peer], content, pace[peer]),
  };
}

const operations: readonly Operation[] = ["encode", "decode"];

/** What is left where policy forbids generated functions. */
function closureRow(content: ContentName, operation: Operation): BenchRow {
  const compared = row(content, operation, "protobufjs");
  const pace = paces[contents[content].schema][operation].protobufjs;
  const workload = operation === "encode" ? encodeWorkload : decodeWorkload;
  const { goal: _, ...rest } = compared;
  return {
    ...rest,
    name: `${operation} ${content}, without generated code`,
    ...(operation === "encode" && { goal: "<= 1.40" as const }),
    ours: workload(closures, content, pace),
  };
}

export const plane: BenchPlane = {
  name: "iibin",
  rows: [
    ...(Object.keys(contents) as ContentName[]).flatMap((content) =>
      operations.flatMap((operation) =>
        (Object.keys(peers) as PeerName[]).map((peer) => row(content, operation, peer)),
      ),
    ),
    ...(["Small", "Medium", "Large, 1,000 rows"] as const).flatMap((content) =>
      operations.map((operation) => closureRow(content, operation)),
    ),
  ],
};
