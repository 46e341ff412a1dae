import type { Command } from 'commander'
import type { Scope } from '../../domain/api-key.js'
import { AppError } from '../../domain/errors.js'
import { type CommonOptions, type Context, endInTime, runCommand } from '../context.js'
import { collect, wholeNumber } from '../options/arguments.js'
import { openBrowser } from './open-browser.js'
import { serveUntilStopped } from './serve-until-stopped.js'

interface Options extends CommonOptions {
  port: number
  host: string
  name?: string[]
  publicRead?: boolean
  open?: boolean
  keys: boolean
  requestsPerMinute: number
  wrongKeysPerMinute: number
  allowHost?: string[]
}

/** Enough for typing errors; a key has 256 random bits. */
export const WRONG_KEYS_PER_MINUTE = 20

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/i

export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description('Serve the web page and the HTTP API until stopped: search, photos, copies, labels, facets.')
    .option('--port <n>', 'port to listen on, 0: any free port', wholeNumber(0, 65_535), 8080)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--public-read', 'let everybody who reaches the address read; all else needs a key')
    .option('--no-keys', 'on a loopback address: let every program of this machine do everything, although keys exist')
    .option('--name <name>', 'another name of this server, which requests may name as their host; repeatable', collect)
    .option(
      '--requests-per-minute <n>',
      'requests per minute of one key, and of one address without a key, 0: no limit',
      wholeNumber(0, 1_000_000),
      6000,
    )
    .option(
      '--wrong-keys-per-minute <n>',
      'wrong keys of one address per minute, after which it is refused for the rest of it',
      wholeNumber(1, 1_000_000),
      WRONG_KEYS_PER_MINUTE,
    )
    .option(
      '--allow-host <host[:port]>',
      'host of picture URLs to allow although its address is private; repeatable',
      collect,
    )
    .option('--open', 'open the page in the browser')
    .option('--json', 'print the address as a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip serve --open
  unsplash-clip serve --port 8081 --json
  unsplash-clip serve --host 0.0.0.0 --public-read --name photos.example
  unsplash-clip keys create laptop --scope admin

Without a key, a server on a loopback address lets this machine do everything, and other addresses are refused. As soon as
a key exists ("keys create"), every request needs one; with --public-read all but reading does.

The API is below /api/v1; docs/guides/http-api.md shows it, GET /api/v1/openapi.json describes it. /healthz, /readyz and
/metrics are for orchestrators. The log goes to stderr, a line of JSON per request.
Ctrl-C or SIGTERM: it answers the requests in work for 3 s, and ends.
Exit codes: 0 stopped, 1 failed, 2 wrong usage or configuration, 130 ended at once.`,
    )
    .action(async (options: Options) => {
      const overrides = { ALLOW_HOSTS: options.allowHost?.join(',') }
      process.exitCode = await runCommand(options, overrides, context => serve(context, options), 'service')
    })
}

async function serve(context: Context, options: Options): Promise<number> {
  const { host, port, name: names = [], requestsPerMinute, wrongKeysPerMinute } = options
  const { out } = context
  endInTime(context, 'requests')
  await serveUntilStopped(context, {
    ...{ host, port, names, requestsPerMinute, wrongKeysPerMinute },
    anonymous: hasKeys => anonymousScope(options, hasKeys),
    async onListening(url, anonymous) {
      out.result(
        { url, api: `${url}/api/v1`, withoutKey: anonymous ?? 'nothing' },
        `The page is at ${url}, the HTTP API at ${url}/api/v1. ${NEEDS[anonymous ?? 'nothing']}Ctrl-C ends it.`,
      )
      if (options.open && !(await openBrowser(url)))
        out.note(`No program opens the page here. Open ${url} in a browser.`)
    },
  })
  return 0
}

const NEEDS: Record<Scope | 'nothing', string> = {
  admin: '',
  ingest: '',
  read: 'All but reading needs a key. ',
  nothing: 'Every request needs a key. ',
}

/**
 * What requests without a key may do; null: nothing.
 * @throws AppError USAGE for an address that other machines reach without keys
 */
export function anonymousScope(
  { host, publicRead = false, keys: usesKeys }: Pick<Options, 'host' | 'publicRead' | 'keys'>,
  hasKeys: boolean,
): Scope | null {
  const isLoopback = LOOPBACK.test(host)
  if (!usesKeys && (publicRead || !isLoopback))
    throw new AppError(
      'USAGE',
      `--no-keys lets everybody do everything, so it expects a loopback address and no --public-read; found ${publicRead ? '--public-read' : host}.`,
    )
  if (publicRead) return 'read'
  if (isLoopback && !(hasKeys && usesKeys)) return 'admin'
  if (hasKeys) return null
  throw new AppError(
    'USAGE',
    `--host ${host} lets other machines do everything, because there is no key. Create one: unsplash-clip keys create NAME --scope admin. Or add --public-read to let everybody read, or listen on 127.0.0.1.`,
  )
}
