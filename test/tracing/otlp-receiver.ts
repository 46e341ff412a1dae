import { type Field, readFields } from '../../src/models/graph/protobuf.js'
import { startHttp } from '../support/servers/http-server.js'

/** https://github.com/open-telemetry/opentelemetry-proto, as far as the tests need it. */
export interface ReceivedSpan {
  traceId: string
  spanId: string
  /** Empty: the span begins its trace. */
  parentSpanId: string
  name: string
  /** 1: internal, 2: server, 3: client, 4: producer, 5: consumer. */
  kind: number
  attributes: Record<string, string | number>
  service: string
}

export interface OtlpReceiver {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  endpoint: string
  spans: ReceivedSpan[]
  close(): Promise<void>
}

/** A collector of traces in this process: OTLP over HTTP, in protocol buffers. */
export async function otlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = []
  const server = await startHttp((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      if (request.url === '/v1/traces') spans.push(...spansOf(Buffer.concat(chunks)))
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
    })
  })
  return { endpoint: server.origin, spans, close: () => server.close() }
}

const fields = (bytes: Buffer, number: number): Field[] =>
  [...readFields(bytes)].filter(field => field.number === number)
const messages = (bytes: Buffer, number: number): Buffer[] =>
  fields(bytes, number).map(({ contents, end }) => bytes.subarray(contents, end))
const message = (bytes: Buffer, number: number): Buffer => messages(bytes, number)[0] ?? Buffer.alloc(0)

function spansOf(request: Buffer): ReceivedSpan[] {
  return messages(request, 1).flatMap(resourceSpans => {
    const service = String(attributesOf(message(resourceSpans, 1), 1)['service.name'])
    return messages(resourceSpans, 2).flatMap(scope => messages(scope, 2).map(span => spanOf(span, service)))
  })
}

function spanOf(span: Buffer, service: string): ReceivedSpan {
  return {
    traceId: message(span, 1).toString('hex'),
    spanId: message(span, 2).toString('hex'),
    parentSpanId: message(span, 4).toString('hex'),
    name: message(span, 5).toString(),
    kind: fields(span, 6)[0]?.value ?? 0,
    attributes: attributesOf(span, 9),
    service,
  }
}

function attributesOf(bytes: Buffer, number: number): Record<string, string | number> {
  return Object.fromEntries(
    messages(bytes, number).map(pair => {
      const value = message(pair, 2)
      const [field] = [...readFields(value)]
      const isText = field?.number === 1
      return [message(pair, 1).toString(), isText ? message(value, 1).toString() : (field?.value ?? 0)]
    }),
  )
}
