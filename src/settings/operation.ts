import { z } from 'zod'
import { url } from './schemas.js'
import type { Setting } from './setting.js'

export const OPERATION_SETTINGS = {
  METRICS_PORT: {
    schema: z.coerce.number().int().min(0).max(65_535),
    default: 0,
    shownDefault: '0: off',
    expected: '0 to 65535',
    help: 'Port on which `worker` serves /metrics, /healthz and /readyz. All --processes share it.',
  },
  METRICS_HOST: {
    advanced: true,
    schema: z.string().min(1),
    default: '127.0.0.1',
    expected: 'an address of this machine',
    help: 'Address for the METRICS_PORT endpoints. 0.0.0.0: all networks.',
  },
  LOG_LEVEL: {
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']),
    default: 'info',
    expected: 'trace, debug, info, warn, error or silent',
    help: 'Least severe level that workers log on stderr.',
  },
  LOG_FORMAT: {
    schema: z.enum(['auto', 'json', 'text']),
    default: 'auto',
    expected: 'auto, json or text',
    help: 'How workers log: JSON lines, or lines for people; auto: these on a terminal, JSON otherwise.',
  },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    schema: url(['http:', 'https:']).optional(),
    default: undefined,
    shownDefault: 'off',
    expected: 'http(s)://host:port',
    help: 'Collector of OpenTelemetry to send traces to, by OTLP over HTTP. The SDK reads other `OTEL_…` variables, too.',
  },
} as const satisfies Record<string, Setting>
