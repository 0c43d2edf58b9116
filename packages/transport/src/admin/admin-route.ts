import type { Exchange } from "@king-runtime/core";
import type { AdminOrigin } from "./admin-event.ts";
import type { Parameters, ParameterValues } from "./parameters.ts";
import type { Schema } from "./schema.ts";

/** What a route is served with. */
export interface AdminCall<
  Query extends Parameters = Parameters,
  Body extends Parameters = Parameters,
> {
  readonly request: Request;
  /** Decoded segments of the path by name. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: ParameterValues<Query>;
  readonly body: ParameterValues<Body>;
  /** The whole body, where it is any JSON. */
  readonly input: unknown;
  readonly origin: AdminOrigin & { readonly exchange: Exchange | undefined };
}

/** A response other than a problem. */
export interface AdminAnswer {
  readonly description: string;
  /** Of its JSON. */
  readonly schema: Schema;
  /** Media types of text that it may have instead. */
  readonly texts?: readonly string[];
}

/** An operation: what serves it, and what the document says of it. */
export interface AdminRoute<
  Query extends Parameters = Parameters,
  Body extends Parameters = Parameters,
> {
  readonly method: "GET" | "POST" | "DELETE";
  /** As OpenAPI has it: `"/sessions/{id}"`. */
  readonly path: string;
  /** Its `operationId`. */
  readonly id: string;
  readonly summary: string;
  /** Schemas of the path's segments. */
  readonly params?: Readonly<Record<string, Schema>>;
  readonly query?: Query;
  /** Members of its body, or that it takes any JSON. */
  readonly body?: Body | "any";
  /** By status. */
  readonly answers: Readonly<Record<number, AdminAnswer>>;
  /** Statuses of problems beside those that any request can have, and what they mean. */
  readonly problems?: Readonly<Record<number, string>>;
  readonly serve: (call: AdminCall<Query, Body>) => Response | Promise<Response>;
}

/** A route with its types, as one of many. */
export function adminRoute<
  const Query extends Parameters = Record<never, never>,
  const Body extends Parameters = Record<never, never>,
>(route: AdminRoute<Query, Body>): AdminRoute {
  return route as unknown as AdminRoute;
}
