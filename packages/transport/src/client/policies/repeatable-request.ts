import type { PreparedRequest } from "../prepared-request.ts";
import { isRepeatable } from "../request-body.ts";

/** Whether the same request can be sent again, whatever the server makes of that. */
export const isRepeatableRequest = ({ body, isOpen }: PreparedRequest): boolean =>
  !isOpen && isRepeatable(body);
