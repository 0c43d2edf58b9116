import type { HeaderFields } from "@king-runtime/core";

/** A request that cannot be served as it is; becomes a problem document (RFC 9457). */
export class RequestFault extends Error {
  readonly status: number;
  readonly headers: HeaderFields;

  constructor(status: number, detail: string, headers: HeaderFields = {}) {
    super(detail);
    this.status = status;
    this.headers = headers;
  }
}
