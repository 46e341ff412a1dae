import { type Context, context, trace } from '@opentelemetry/api'
import { type Span, SpanKind, type SpanOptions, type Telemetry } from 'bullmq'
import { BullMQOtel } from 'bullmq-otel'

/** Stands for a span that is not recorded. */
const UNRECORDED: Span<Context> = {
  setSpanOnContext: given => given,
  setAttribute: () => {},
  setAttributes: () => {},
  addEvent: () => {},
  recordException: () => {},
  end: () => {},
}

/**
 * BullMQ's spans: of batches that are added and processed. The looks of idle workers into the queue would be traces of
 * their own, thousands per hour, so they are recorded only within something else.
 */
export function queueTelemetry(name: string, version: string): Telemetry<Context> {
  const telemetry = new BullMQOtel({ tracerName: name, version }) as Telemetry<Context>
  const { tracer, contextManager } = telemetry
  return {
    contextManager,
    tracer: {
      startSpan(spanName: string, options?: SpanOptions, around?: Context): Span<Context> {
        const isAlone = trace.getSpan(around ?? context.active()) === undefined
        return isAlone && options?.kind === SpanKind.INTERNAL ? UNRECORDED : tracer.startSpan(spanName, options, around)
      },
    },
  }
}
