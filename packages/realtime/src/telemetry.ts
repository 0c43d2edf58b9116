import {
  type Counter,
  type Meter,
  type MeterProvider,
  metrics,
  SpanKind,
  trace,
  type UpDownCounter,
} from "@opentelemetry/api";

const scope = "@king-runtime/realtime";

interface Instruments {
  readonly connections: UpDownCounter;
  readonly closes: Counter;
  readonly refusals: Counter;
  readonly sent: Counter;
  readonly received: Counter;
}

function createInstruments(meter: Meter): Instruments {
  return {
    connections: meter.createUpDownCounter("king.realtime.connections", {
      unit: "{connection}",
      description: "Connections that are open.",
    }),
    closes: meter.createCounter("king.realtime.closes", {
      unit: "{connection}",
      description: "Connections that ended, by close code.",
    }),
    refusals: meter.createCounter("king.realtime.refusals", {
      unit: "{request}",
      description: "Handshakes that were refused, by HTTP status.",
    }),
    sent: meter.createCounter("king.realtime.messages.sent", {
      unit: "{message}",
      description: "Messages handed to connections.",
    }),
    received: meter.createCounter("king.realtime.messages.received", {
      unit: "{message}",
      description: "Messages received from connections.",
    }),
  };
}

/** What a realtime tells OpenTelemetry: nothing, and at next to no cost, without a provider. */
export class RealtimeTelemetry {
  #provider: MeterProvider | undefined;
  #instruments: Instruments | undefined;
  #open = 0;

  /** The metrics API has no proxy: instruments belong to the provider they were made by. */
  get #current(): Instruments {
    const provider = metrics.getMeterProvider();
    if (provider !== this.#provider || this.#instruments === undefined) {
      this.#provider = provider;
      this.#instruments = createInstruments(provider.getMeter(scope));
      // A provider that comes late still sees how many are open.
      if (this.#open > 0) this.#instruments.connections.add(this.#open);
    }
    return this.#instruments;
  }

  opened(): void {
    this.#current.connections.add(1);
    this.#open++;
  }

  closed(code: number): void {
    const { connections, closes } = this.#current;
    this.#open--;
    connections.add(-1);
    closes.add(1, { "king.realtime.close_code": code });
  }

  refused(status: number): void {
    this.#current.refusals.add(1, { "http.response.status_code": status });
  }

  sent(count: number): void {
    if (count > 0) this.#current.sent.add(count);
  }

  received(): void {
    this.#current.received.add(1);
  }

  /** Runs a publish, which returns how many connections it was handed to, inside its span. */
  publish(channel: string, frameBytes: number, deliver: () => number): number {
    const span = trace.getTracer(scope).startSpan("king.realtime.publish", {
      kind: SpanKind.PRODUCER,
    });
    if (!span.isRecording()) return deliver();
    try {
      const recipients = deliver();
      span.setAttributes({
        "king.realtime.channel": channel,
        "king.realtime.frame_bytes": frameBytes,
        "king.realtime.recipients": recipients,
      });
      return recipients;
    } finally {
      span.end();
    }
  }
}
