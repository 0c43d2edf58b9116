import type { AdminListener, AdminSubject } from "./admin-options.ts";

/** What each listener gives for `look`; one that throws is left out, and told of. */
export function listenerReports<Value>(
  { listeners = {}, report }: AdminSubject,
  look: (listener: AdminListener) => Value,
): Record<string, Value> {
  const reports: [string, Value][] = [];
  for (const [name, listener] of Object.entries(listeners)) {
    try {
      reports.push([name, look(listener)]);
    } catch (error) {
      report(error);
    }
  }
  return Object.fromEntries(reports);
}
