import { type DiagLogger, DiagLogLevel, diag } from '@opentelemetry/api'
import { MINUTE } from '../domain/units.js'

/** Passes on what the SDK reports, at most once per minute: a collector that is away fails with every batch of spans. */
export function reportProblems(onProblem: (message: string) => void): void {
  let toldAt = Number.NEGATIVE_INFINITY
  const tell = (message: string) => {
    if (Date.now() - toldAt < MINUTE) return
    toldAt = Date.now()
    onProblem(message)
  }
  const quiet = () => {}
  const logger: DiagLogger = { error: tell, warn: tell, info: quiet, debug: quiet, verbose: quiet }
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true })
}
