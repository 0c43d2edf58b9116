import type { IncomingResponse } from "./incoming-response.ts";
import type { PreparedRequest } from "./prepared-request.ts";

/**
 * Sends a request and resolves with the head of its response. Policies are made of one and give another: what the
 * outer one gets is what the inner one let through.
 */
export type Send = (request: PreparedRequest) => Promise<IncomingResponse>;
