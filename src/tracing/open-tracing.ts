import { type Context, context, propagation, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'
import type { Telemetry } from 'bullmq'
import type { OpenSpan, SpanAttributes, SpanOptions, Tracer } from '../domain/tracing/spans.js'
import { SECOND } from '../domain/units.js'
import { VERSION } from '../version.js'
import { queueTelemetry } from './queue-telemetry.js'
import { reportProblems } from './report-problems.js'

const NAME = 'unsplash-clip'
/** How long the end of the process waits for a collector. */
const FLUSH_MS = 2 * SECOND

const KINDS = { internal: SpanKind.INTERNAL, server: SpanKind.SERVER, client: SpanKind.CLIENT }

export interface Tracing {
  tracer: Tracer
  /** For BullMQ. */
  queue: Telemetry
  /** Sends what is recorded, and ends. */
  close(): Promise<void>
}

export interface TracingOptions {
  /** Of a collector, such as `http://127.0.0.1:4318`. */
  endpoint: string
  /** The other `OTEL_…` variables, which the SDK of OpenTelemetry reads. */
  environment: Readonly<Record<string, string | undefined>>
  /** Called when spans cannot be sent; no more than once per minute. */
  onProblem: (message: string) => void
}

/** Records spans with OpenTelemetry, and sends them by OTLP over HTTP. A process has one. */
export function openTracing({ endpoint, environment, onProblem }: TracingOptions): Tracing {
  // Those of .env are not in the environment of the process, from which the SDK reads.
  for (const [name, value] of Object.entries(environment))
    if (name.startsWith('OTEL_') && value !== undefined) process.env[name] ??= value
  reportProblems(onProblem)
  const named = resourceFromAttributes({
    'service.name': process.env.OTEL_SERVICE_NAME || NAME,
    'service.version': VERSION,
    'process.pid': process.pid,
  })
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces` })
  const provider = new BasicTracerProvider({
    resource: named.merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  })
  trace.setGlobalTracerProvider(provider)
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  return {
    tracer: new OpenTelemetryTracer(),
    queue: queueTelemetry(NAME, VERSION),
    async close() {
      const late = new Promise<void>(resolve => setTimeout(resolve, FLUSH_MS).unref())
      await Promise.race([provider.shutdown().catch(() => {}), late])
      for (const api of [trace, context, propagation]) api.disable()
    },
  }
}

class OpenTelemetryTracer implements Tracer {
  readonly #tracer = trace.getTracer(NAME, VERSION)

  begin(name: string, { kind = 'internal', attributes, headers, isPart = false }: SpanOptions): OpenSpan | null {
    const active = context.active()
    const around = headers === undefined ? active : propagation.extract(active, headers)
    if (isPart && trace.getSpan(around) === undefined) return null
    const span = this.#tracer.startSpan(name, { kind: KINDS[kind], attributes }, around)
    return new RecordedSpan(span, trace.setSpan(around, span))
  }
}

class RecordedSpan implements OpenSpan {
  constructor(
    private readonly span: Span,
    private readonly inside: Context,
  ) {}

  get traceId(): string {
    return this.span.spanContext().traceId
  }

  within<T>(work: () => T): T {
    return context.with(this.inside, work)
  }

  set(attributes: SpanAttributes): void {
    this.span.setAttributes(attributes)
  }

  end(error?: unknown): void {
    if (error !== undefined) {
      const { code, name = 'Error' } = error as { code?: unknown; name?: string }
      // Messages may name files and addresses; the log has them.
      this.span.setStatus({ code: SpanStatusCode.ERROR })
      this.span.setAttribute('error.type', typeof code === 'string' ? code : name)
    }
    this.span.end()
  }
}
