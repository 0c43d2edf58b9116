import type { ComponentStats, ListenerStats } from "@king-runtime/core";
import { acceptedType } from "./accepted-type.ts";
import type { AdminSubject } from "./admin-options.ts";
import { type AdminRoute, adminRoute } from "./admin-route.ts";
import { listenerReports } from "./listener-reports.ts";
import { metricText, metricTypes } from "./metric-text.ts";
import { processFamilies, processMetrics } from "./process-metrics.ts";
import {
  mapSchema,
  numberSchema,
  objectSchema,
  type Schema,
  sharedSchema,
  textSchema,
} from "./schema.ts";
import { listenerFamilies, systemFamilies } from "./system-families.ts";

const [plain, openMetrics] = ["text/plain", "application/openmetrics-text"];

/** Numbers, for people and for Prometheus. */
export function metricsRoute(subject: AdminSubject): AdminRoute {
  const { system, listeners, clock } = subject;
  const optional: Record<string, Schema> = {};
  if (system !== undefined) optional["components"] = mapSchema(mapSchema(numberSchema));
  if (listeners !== undefined) optional["listeners"] = mapSchema(sharedSchema("ListenerStats"));
  return adminRoute({
    method: "GET",
    path: "/metrics",
    id: "metrics",
    summary: "Numbers, as JSON or, where Accept prefers it, as text for Prometheus",
    answers: {
      200: {
        description: "Numbers of the process, the components of the system and the listeners.",
        schema: objectSchema(
          { time: textSchema, process: sharedSchema("ProcessMetrics") },
          optional,
        ),
        texts: [plain, openMetrics],
      },
    },
    serve: ({ request }) => {
      const offered = ["application/json", openMetrics, plain];
      const type = acceptedType(request.headers.get("accept"), offered);
      const stats = listenerReports(subject, (listener) => listener.stats());
      if (type !== "application/json") return text(subject, stats, type === openMetrics);
      return Response.json({
        time: new Date(clock.now()).toISOString(),
        process: processMetrics(),
        ...(system === undefined ? {} : { components: finite(system.metrics()) }),
        ...(listeners === undefined ? {} : { listeners: stats }),
      });
    },
  });
}

function text(
  { system }: AdminSubject,
  stats: Readonly<Record<string, ListenerStats>>,
  isOpen: boolean,
): Response {
  const families = [
    ...processFamilies(),
    ...(system === undefined ? [] : systemFamilies(system)),
    ...listenerFamilies(stats),
  ];
  const format = isOpen ? "openmetrics" : "prometheus";
  return new Response(metricText(families, format), {
    headers: { "content-type": metricTypes[format], vary: "accept" },
  });
}

/** JSON has no other numbers. */
function finite(metrics: Readonly<Record<string, ComponentStats>>) {
  return Object.fromEntries(
    Object.entries(metrics).map(([component, stats]) => [
      component,
      Object.fromEntries(Object.entries(stats).filter(([, value]) => Number.isFinite(value))),
    ]),
  );
}
