import { get } from 'node:http'
import type { Command } from 'commander'
import { AppError } from '../../domain/errors.js'
import { SECOND } from '../../domain/units.js'
import { readEnvironment, report } from '../context.js'
import { Output } from '../print/output.js'

const ANSWER_WITHIN_MS = 5 * SECOND
/** Default port of Prometheus exporters. */
const USUAL_PORT = 9464

interface Options {
  url?: string
  json?: boolean
}

export function addHealthCommand(program: Command): void {
  program
    .command('health')
    .description('Check the health of a worker that was started with --metrics-port. For container health checks.')
    .option(
      '--url <url>',
      `address to request (default: /healthz at the setting METRICS_PORT, else http://127.0.0.1:${USUAL_PORT}/healthz)`,
    )
    .option('--json', 'print the response as JSON')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip health
  unsplash-clip health --url http://127.0.0.1:9464/readyz

Exit codes: 0 healthy, 1 unhealthy or no response within 5 s, 2 wrong usage.`,
    )
    .action(async (options: Options) => {
      const out = new Output(options.json ?? false)
      try {
        process.exitCode = await health(parseUrl(options.url), out)
      } catch (error) {
        process.exitCode = report(error, out)
      }
    })
}

async function health(url: URL, out: Output): Promise<number> {
  const { status, body } = await ask(url)
  const isWell = status === 200
  const answer = body.trim()
  if (out.json) out.result({ well: isWell, status, answer: asJson(answer) }, '')
  else if (isWell) out.text(`Healthy: ${url.href}`)
  else out.note(`Unhealthy: ${url.href} responds with status ${status}: ${answer}`)
  return isWell ? 0 : 1
}

function parseUrl(given: string | undefined): URL {
  const port = Number(readEnvironment().METRICS_PORT) || USUAL_PORT
  const url = given ?? `http://127.0.0.1:${port}/healthz`
  if (!URL.canParse(url) || new URL(url).protocol !== 'http:')
    throw new AppError(
      'USAGE',
      `--url expects an address like http://127.0.0.1:${port}/healthz, found ${JSON.stringify(url)}`,
    )
  return new URL(url)
}

function ask(url: URL): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) =>
      reject(
        new AppError(
          'WORKER_FAILED',
          `${url.href} does not respond: ${cause.message}. Start the worker with --metrics-port, or correct --url.`,
          { cause },
        ),
      )
    // No connection stays open, so nothing keeps this process alive.
    const request = get(url, { agent: false, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) }, response => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => {
        body += text
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
      response.on('error', fail)
    })
    request.on('error', fail)
  })
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
