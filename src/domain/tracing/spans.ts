/** Values that describe what a span measures. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>

export interface SpanOptions {
  /** Default: internal. */
  kind?: 'internal' | 'server' | 'client'
  attributes?: SpanAttributes
  /** Headers of a request, which may name the span of its sender. */
  headers?: Readonly<Record<string, unknown>>
  /** Measures only a part of something: nothing is recorded without a span around it. */
  isPart?: boolean
}

/** A part of a trace that has begun. */
export interface OpenSpan {
  /** Of its trace, in hexadecimal digits. */
  readonly traceId: string
  /** Runs work whose spans become children of this one. */
  within<T>(work: () => T): T
  set(attributes: SpanAttributes): void
  /** @param error why the work failed */
  end(error?: unknown): void
}

/** Records spans. Promises: nothing that it does throws, or makes the work wait. */
export interface Tracer {
  /** @returns null: nothing is recorded */
  begin(name: string, options: SpanOptions): OpenSpan | null
}

/** A process has one tracer, as with the API of OpenTelemetry. Without one a span costs a call. */
let tracer: Tracer | null = null

/** @param next null: none */
export function useTracer(next: Tracer | null): void {
  tracer = next
}

/** @returns null: nothing is recorded */
export function beginSpan(name: string, options: SpanOptions = {}): OpenSpan | null {
  return tracer?.begin(name, options) ?? null
}

/** Runs work within a span. */
export async function traced<T>(
  name: string,
  options: SpanOptions,
  work: (span: OpenSpan | null) => Promise<T>,
): Promise<T> {
  const span = beginSpan(name, options)
  if (span === null) return work(null)
  try {
    const result = await span.within(() => work(span))
    span.end()
    return result
  } catch (error) {
    span.end(error)
    throw error
  }
}
