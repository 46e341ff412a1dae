import { join, relative, resolve } from 'node:path'
import type { Command } from 'commander'
import type { DemoDataset } from '../../demo/demo-dataset.js'
import { checkDemoFolder, setEarlierDemoAside } from '../../demo/demo-folder.js'
import { AppError } from '../../domain/errors.js'
import { formatDuration } from '../../domain/text/format.js'
import { requireTextTower } from '../../domain/text-tower.js'
import { type CommonOptions, type Context, readEnvironment, runCommand } from '../context.js'
import { demoSettings, serveDemo, servesDemo } from '../demo/serve-demo.js'
import { PHOTO_SEARCHES, showDemo } from '../demo/show-demo.js'
import { SOME_FAILED } from '../exit-codes.js'
import type { IngestOptions } from '../ingest/ingest-options.js'
import { fetchModel } from '../models/model-files.js'
import { wholeNumber } from '../options/arguments.js'
import { readLabelSet } from '../options/label-files.js'
import { writeOutputFile } from '../print/output-file.js'
import { Progress } from '../print/progress.js'

interface Options extends CommonOptions {
  photos?: string
  count: number
  processes: number
  folder: string
  serve: boolean
}

export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description('Run the whole pipeline once: dataset, queue, workers, labels, search, a page with the pictures.')
    .option(
      '--photos <input>',
      'your photos (a folder, CSV, TSV or URL list) with real CLIP, instead of rendered scenes',
    )
    .option('--count <n>', 'scenes to render, or photos to take', wholeNumber(20, 100_000), 300)
    .option('--processes <n>', 'worker processes', wholeNumber(1, 64), 2)
    .option('--folder <folder>', 'output folder; a new demo replaces an earlier one', '.demo')
    .option('--model <name>', 'model (default: demo for rendered scenes, else the setting MODEL)')
    .option('--no-serve', 'on a terminal: end without serving the web page')
    .option('--json', 'print one JSON object per line')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip demo
  unsplash-clip demo --photos ./my-photos

Rendered scenes use the demo model, which is small, comes with the package and understands rendered scenes, not
photographs. Your own photos use CLIP ViT-B/32, which is fetched once (608 MB; 156 MB with --model clip-vit-b-32@int8,
which is less accurate).
--folder must be new, empty, or made by an earlier demo; only the files of that demo are replaced. It must neither
contain --photos nor lie inside.
On a terminal it ends by serving the web page over its collection, until Ctrl-C; elsewhere it names the command for that.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some photos failed.`,
    )
    .action(async (options: Options) => {
      const home = resolve(options.folder)
      // Downloaded models stay where every other command finds them, not in a folder that the next demo empties.
      const { readConfig } = await import('../../config.js')
      const { MODELS_DIR, UNSPLASH_CLIP_HOME } = readConfig(readEnvironment())
      const overrides = {
        UNSPLASH_CLIP_HOME: home,
        MODELS_DIR: MODELS_DIR ?? join(UNSPLASH_CLIP_HOME, 'models'),
        DATABASE_URL: '',
        REDIS_URL: '',
        OBJECT_STORE: '',
        // The rendered scenes come from a server of the demo itself.
        HOST_RATE: options.photos === undefined ? '0' : undefined,
        MODEL: options.model ?? (options.photos === undefined ? 'demo' : undefined),
      }
      const ownHome = UNSPLASH_CLIP_HOME
      const exitCode = await runCommand(options, overrides, context => demo(context, { home, ownHome }, options))
      const isServed = servesDemo(options) && (exitCode === 0 || exitCode === SOME_FAILED)
      process.exitCode = (isServed && (await runCommand(options, overrides, serveDemo))) || exitCode
    })
}

/** `home`: of the demo. `ownHome`: of the other commands. */
interface Folders {
  home: string
  ownHome: string
}

async function demo(context: Context, folders: Folders, options: Options): Promise<number> {
  const { app, out } = context
  const { home } = folders
  await checkAll(context, folders, options)
  // Nothing has been changed up to here.
  await app.database.stopEmbedded()
  const earlier = await setEarlierDemoAside(home)
  try {
    const exitCode = await makeDemo(context, home, options)
    await earlier.remove()
    return exitCode
  } catch (error) {
    const stopped = context.signal.aborted
    if (await earlier.restore())
      out.note(`The demo ${stopped ? 'was stopped' : 'failed'}; the earlier one in ${home} is unchanged.`)
    if (stopped)
      throw new AppError('INTERRUPTED', 'Stopped. The next demo starts from the beginning.', { cause: error })
    throw error
  }
}

/** Leaves no server running. */
async function makeDemo(context: Context, home: string, options: Options): Promise<number> {
  const startedAt = Date.now()
  const { app, out } = context
  const scenes = options.photos === undefined ? await renderScenes(context, home, options.count) : null
  try {
    const input = scenes?.tsv ?? options.photos!
    out.text(
      `\nIngest ${relative('', input) || input}: queue → ${options.processes} worker processes → Postgres with pgvector\n`,
    )
    const environment = {
      ...context.environment,
      ALLOW_HOSTS: [context.environment.ALLOW_HOSTS, scenes?.host].filter(Boolean).join(','),
    }
    const { ingestPhotos } = await import('../ingest/ingest-photos.js')
    const exitCode = await ingestPhotos({ ...context, environment }, ingestOptions(input, options))
    await requireEmbedded(context, input)
    const page = await showDemo(context, scenes)
    const file = resolve(home, 'demo.html')
    await writeOutputFile(file, page)
    const settings = demoSettings(context, home)
    const commands = [
      `Search on: ${settings} npx unsplash-clip search "${scenes ? 'a yellow car' : PHOTO_SEARCHES[0]}"`,
      ...(servesDemo(options) ? [] : [`Serve the web page: ${settings} npx unsplash-clip serve`]),
    ]
    out.result(
      { page: file, seconds: (Date.now() - startedAt) / 1000 },
      `\nDone in ${formatDuration((Date.now() - startedAt) / 1000)}. The page with the pictures: ${file}\n${commands.join('\n')}`,
    )
    return exitCode
  } finally {
    await scenes?.close()
    await app.database.stopEmbedded()
  }
}

/** Checks the settings, the input, the folder and the model before an earlier demo is touched. */
async function checkAll(context: Context, { home, ownHome }: Folders, { photos }: Options): Promise<void> {
  const { app } = context
  requireTextTower(
    app.models.spec,
    'show the demo, which labels photos and searches with words',
    'Choose another --model.',
  )
  for (const name of app.config.LABEL_SETS) readLabelSet(name, app.labelFolders)
  if (photos !== undefined) await requirePhotos(photos)
  await checkDemoFolder(home, photos, ownHome)
  await fetchModel(context)
}

/** @throws AppError INPUT_NOT_FOUND, INPUT_INVALID, INPUT_COLUMNS_MISSING */
async function requirePhotos(photos: string): Promise<void> {
  const { openInput } = await import('../../producers/input/open-input.js')
  const source = await openInput(photos)
  try {
    for await (const row of source.rows()) if (row.photo) return
  } finally {
    await source.close()
  }
  throw new AppError(
    'INPUT_INVALID',
    `Expected --photos with at least one photo, found none in ${photos}. To see the problems of its rows: unsplash-clip ingest ${JSON.stringify(photos)} --dry-run`,
  )
}

async function renderScenes({ out, signal }: Context, home: string, count: number): Promise<DemoDataset> {
  out.text(`Render ${count} scenes as a dataset in Unsplash’s TSV format, served on loopback`)
  const progress = new Progress('render')
  const { createDemoDataset } = await import('../../demo/demo-dataset.js')
  const dataset = await createDemoDataset(
    count,
    resolve(home, 'dataset'),
    rendered => progress.update({ total: count, done: rendered, failed: 0 }),
    signal,
  )
  const seconds = progress.end()
  out.text(`   ${count} scenes in ${formatDuration(seconds)}, at http://${dataset.host}/`)
  return dataset
}

function ingestOptions(input: string, options: Options): IngestOptions {
  return {
    inputs: [input],
    limit: options.count,
    store: true,
    processes: options.processes,
    wait: true,
    madeForModel: options.photos === undefined,
  }
}

/** @throws AppError NOT_EMBEDDED when every photo failed: such a demo must not replace an earlier one */
async function requireEmbedded({ app }: Context, input: string): Promise<void> {
  const { models } = await app.repositories()
  if ((await models.models()).some(({ photos }) => photos > 0)) return
  throw new AppError(
    'NOT_EMBEDDED',
    `Expected photos that can be embedded, found that all of ${relative('', input) || input} failed. The table above has the reasons; correct them and start the demo again.`,
  )
}
