import type { Session } from "@king-runtime/core";
import { AdminProblem } from "./admin-problem.ts";

/** A session and the name of its listener. */
export interface NamedSession {
  readonly listener: string;
  readonly session: Session;
}

/** A place in the order of sessions. */
export interface SessionPlace {
  readonly listener: string;
  readonly id: string;
}

/** By listener and then by id, shorter ones first, as they grow with what they count. */
export function comparePlaces(a: SessionPlace, b: SessionPlace): number {
  if (a.listener !== b.listener) return a.listener < b.listener ? -1 : 1;
  if (a.id.length !== b.id.length) return a.id.length - b.id.length;
  return a.id < b.id ? -1 : Number(a.id > b.id);
}

/** Text that a client hands back to go on behind `place`. */
export const encodeCursor = ({ listener, id }: SessionPlace): string =>
  Buffer.from(JSON.stringify([listener, id])).toString("base64url");

/** @throws {AdminProblem} 400 for what {@link encodeCursor} did not write. */
export function decodeCursor(cursor: string): SessionPlace {
  try {
    const place: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
    if (Array.isArray(place) && place.length === 2) {
      const [listener, id] = place as unknown[];
      if (typeof listener === "string" && typeof id === "string") return { listener, id };
    }
  } catch {
    // Refused below, like whatever else is none.
  }
  throw new AdminProblem({ status: 400, detail: "cursor: expected the one of a page before" });
}
