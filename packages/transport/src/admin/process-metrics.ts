import { performance } from "node:perf_hooks";
import type { MetricFamily } from "./metric-text.ts";

/** Numbers of the process. */
export function processMetrics() {
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return {
    residentBytes: rss,
    heapUsedBytes: heapUsed,
    heapTotalBytes: heapTotal,
    externalBytes: external,
    cpuUserMs: user / 1_000,
    cpuSystemMs: system / 1_000,
    uptimeMs: process.uptime() * 1_000,
    eventLoopUtilization: performance.eventLoopUtilization().utilization,
  };
}

/** The same by the names that Prometheus's client libraries have agreed on, where they have. */
export function processFamilies(): readonly MetricFamily[] {
  const metrics = processMetrics();
  const gauge = (name: string, help: string, value: number): MetricFamily => ({
    name,
    help,
    type: "gauge",
    samples: [{ value }],
  });
  return [
    {
      name: "process_cpu_seconds",
      help: "CPU time of the process, in seconds.",
      type: "counter",
      samples: [{ value: (metrics.cpuUserMs + metrics.cpuSystemMs) / 1_000 }],
    },
    gauge("process_resident_memory_bytes", "Resident memory, in bytes.", metrics.residentBytes),
    gauge(
      "process_start_time_seconds",
      "Start of the process, in seconds since the Unix epoch.",
      (Date.now() - metrics.uptimeMs) / 1_000,
    ),
    gauge("nodejs_heap_size_used_bytes", "Heap in use, in bytes.", metrics.heapUsedBytes),
    gauge("nodejs_heap_size_total_bytes", "Heap, in bytes.", metrics.heapTotalBytes),
    gauge(
      "nodejs_external_memory_bytes",
      "Memory outside the heap, in bytes.",
      metrics.externalBytes,
    ),
    gauge(
      "nodejs_eventloop_utilization_ratio",
      "Share of its time in which the event loop was busy.",
      metrics.eventLoopUtilization,
    ),
  ];
}
