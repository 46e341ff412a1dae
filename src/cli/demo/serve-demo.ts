import { isAbsolute, relative } from 'node:path'
import { modelKey } from '../../domain/model.js'
import { type Context, endInTime } from '../context.js'
import { shellWord } from '../print/shell-word.js'
import { anonymousScope, WRONG_KEYS_PER_MINUTE } from '../serve/serve-command.js'
import { serveUntilStopped } from '../serve/serve-until-stopped.js'

const HOST = '127.0.0.1'
const PORT = 8080
const REQUESTS_PER_MINUTE = 6000

/** Whether the demo ends by serving the page: where somebody looks at a terminal, unless they want it otherwise. */
export function servesDemo(
  { serve, json = false }: { serve: boolean; json?: boolean },
  { isTTY }: { isTTY?: boolean } = process.stdout,
  { CI }: { CI?: string } = process.env,
): boolean {
  return serve && !json && isTTY === true && !CI
}

/** Serves the page over the collection of the demo until Ctrl-C. Leaves no server running. @returns exit code */
export async function serveDemo(context: Context): Promise<number> {
  const { app, out } = context
  const cancelEnd = endInTime(context, 'requests')
  try {
    await serveUntilStopped(context, {
      ...{ host: HOST, port: PORT, orAnyPort: true, names: [], requestsPerMinute: REQUESTS_PER_MINUTE },
      wrongKeysPerMinute: WRONG_KEYS_PER_MINUTE,
      anonymous: hasKeys => anonymousScope({ host: HOST, publicRead: false, keys: true }, hasKeys),
      onListening: url => out.text(`\nOpen ${url}/ in a browser: search, photos, labels, filters. Ctrl-C ends.`),
    })
    return 0
  } finally {
    // The server copies its data before it ends.
    cancelEnd()
    await app.database.stopEmbedded()
  }
}

/** The settings with which other commands use the collection of the demo, as a shell takes them. */
export function demoSettings({ app }: Context, home: string): string {
  const { MODELS_DIR } = app.config
  const { spec } = app.models
  const settings = [
    ['UNSPLASH_CLIP_HOME', near(home)],
    ['MODEL', modelKey(spec)],
    // The demo model comes with the package.
    ...(spec.name === 'demo' || MODELS_DIR === undefined ? [] : [['MODELS_DIR', near(MODELS_DIR)]]),
  ]
  return settings.map(([name, value]) => `${name}=${shellWord(value!)}`).join(' ')
}

/** A path as it is shortest from here. */
function near(path: string): string {
  const short = relative('', path) || '.'
  return isAbsolute(path) && short.startsWith('..') ? path : short
}
