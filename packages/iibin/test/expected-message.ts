import type { Sent, SentMap, SentMessage } from "./arbitrary-message.ts";
import type { Scalar } from "./arbitrary-scalar.ts";
import type { FieldPlan, MessagePlan, Plan } from "./arbitrary-schema.ts";

/** What decoding gives for a message that was sent: absent fields read as the profile says. */
export function expectedMessage(plan: Plan, { plan: message, fields }: SentMessage): object {
  return completeMessage(plan, message, (field) => {
    const sent = fields.get(field);
    return sent === undefined || isEmpty(field, sent) ? undefined : expectedValue(plan, sent);
  });
}

/** An object of what `present` gives for each field, and what absent fields read as. */
export function completeMessage(
  plan: Plan,
  message: MessagePlan,
  present: (field: FieldPlan) => unknown,
): object {
  const all: [string, unknown][] = [];
  for (const field of message.fields) {
    const value = present(field) ?? absentValue(plan, field);
    if (value !== undefined) all.push([field.name, value]);
  }
  return Object.fromEntries(all);
}

function expectedValue(plan: Plan, sent: Sent): unknown {
  if (isMessage(sent)) return expectedMessage(plan, sent);
  if (isMap(sent))
    return Object.fromEntries(
      [...sent.entries].map(([key, value]) => [key, expectedValue(plan, value)]),
    );
  if (isList(sent)) return sent.map((item) => expectedValue(plan, item));
  return sent;
}

function absentValue({ profile }: Plan, { type, label }: FieldPlan): unknown {
  if (label.kind === "default") return label.default;
  if (profile === "king") return undefined;
  if (label.kind === "repeated") return [];
  if (label.kind === "map") return {};
  if (label.kind !== "plain" || type.kind === "message") return undefined;
  return type.kind === "enum" ? 0 : zeroOf(type.scalar);
}

/** The value of a scalar type that proto3 does not write. */
function zeroOf(type: string): Scalar {
  if (type === "bool") return false;
  if (type === "string") return "";
  if (type === "bytes") return new Uint8Array(0);
  return type.endsWith("64") ? 0n : 0;
}

/** Lists and maps of nothing are not on the wire. */
function isEmpty({ label }: FieldPlan, sent: Sent): boolean {
  if (label.kind === "repeated") return isList(sent) && sent.length === 0;
  return label.kind === "map" && isMap(sent) && sent.entries.size === 0;
}

export function isMessage(sent: Sent): sent is SentMessage {
  return typeof sent === "object" && "kind" in sent && sent.kind === "message";
}

export function isMap(sent: Sent): sent is SentMap {
  return typeof sent === "object" && "kind" in sent && sent.kind === "map";
}

export function isList(sent: Sent): sent is readonly Sent[] {
  return Array.isArray(sent);
}
