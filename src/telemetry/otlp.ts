/**
 * Sends spans to an OpenTelemetry collector: OTLP over HTTP as JSON
 * (https://opentelemetry.io/docs/specs/otlp/#otlphttp). Batches are sent in the background: when the collector is
 * slow or down, spans are dropped and requests are not delayed. OpenTelemetry's own SDK is some thirty packages.
 */

type SpanValue = string | number | boolean | readonly string[] | readonly number[];

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | null;
  readonly name: string;
  /** Unix time in milliseconds. */
  readonly start: number;
  readonly milliseconds: number;
  readonly attributes: Readonly<Record<string, SpanValue>>;
  readonly failed: boolean;
}

interface SpanExporterOptions {
  /** The collector's base URL, such as http://localhost:4318 (OTEL_EXPORTER_OTLP_ENDPOINT). */
  readonly endpoint: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly serviceName: string;
  readonly serviceVersion: string;
  readonly log: { warn(details: object, message: string): void };
  /** Between two batches. */
  readonly milliseconds?: number;
}

const mostWaiting = 2048;
const mostInBatch = 512;
const timeoutMilliseconds = 10_000;

export class SpanExporter {
  #waiting: Span[] = [];
  #dropped = 0;
  #sending: Promise<void> = Promise.resolve();
  readonly #timer: NodeJS.Timeout;

  constructor(readonly options: SpanExporterOptions) {
    this.#timer = setInterval(() => this.#send(), options.milliseconds ?? 5000);
    this.#timer.unref();
  }

  add(span: Span): void {
    if (this.#waiting.length >= mostWaiting) this.#dropped++;
    else this.#waiting.push(span);
    if (this.#waiting.length === mostInBatch) this.#send();
  }

  /** Sends what is left. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#send();
    await this.#sending;
  }

  #send(): void {
    this.#sending = this.#sending.then(async () => {
      while (this.#waiting.length > 0) {
        const batch = this.#waiting.splice(0, mostInBatch);
        if (!(await this.#post(batch))) return;
      }
    });
  }

  async #post(batch: readonly Span[]): Promise<boolean> {
    const { endpoint, headers, log } = this.options;
    try {
      const reply = await fetch(`${endpoint.replace(/\/$/, '')}/v1/traces`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(this.#body(batch)),
        signal: AbortSignal.timeout(timeoutMilliseconds),
      });
      await reply.arrayBuffer();
      if (!reply.ok) throw new Error(`the collector answered ${reply.status}`);
      return true;
    } catch (error) {
      const lost = batch.length + this.#dropped;
      this.#dropped = 0;
      log.warn({ lost, reason: (error as Error).message }, 'spans could not be sent');
      return false;
    }
  }

  #body(batch: readonly Span[]) {
    const { serviceName, serviceVersion } = this.options;
    const resource = { 'service.name': serviceName, 'service.version': serviceVersion };
    return {
      resourceSpans: [
        {
          resource: { attributes: attributesOf(resource) },
          scopeSpans: [{ scope: { name: serviceName }, spans: batch.map(spanOf) }],
        },
      ],
    };
  }
}

/** OTLP's numbers: server is kind 2, error is status 2. Times are strings, for they exceed 2^53. */
const spanOf = (span: Span) => ({
  traceId: span.traceId,
  spanId: span.spanId,
  ...(span.parentId !== null && { parentSpanId: span.parentId }),
  name: span.name,
  kind: 2,
  startTimeUnixNano: nanoseconds(span.start),
  endTimeUnixNano: nanoseconds(span.start + span.milliseconds),
  attributes: attributesOf(span.attributes),
  status: span.failed ? { code: 2 } : {},
});

const nanoseconds = (milliseconds: number) => String(BigInt(Math.round(milliseconds * 1000)) * 1000n);

const attributesOf = (attributes: Readonly<Record<string, SpanValue>>) =>
  Object.entries(attributes).map(([key, value]) => ({ key, value: otlpValue(value) }));

function otlpValue(value: SpanValue): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number') {
    return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  }
  // All values of an array are of one type.
  const values = value.map((one) => (typeof one === 'string' ? { stringValue: one } : { doubleValue: one }));
  return { arrayValue: { values } };
}
