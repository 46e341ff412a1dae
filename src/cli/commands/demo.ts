import { rm, writeFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import type { Command } from 'commander'
import { modelKey } from '../../domain/model.js'
import { type PhotoSection, renderPhotoPage } from '../../http/photo-page.js'
import { wholeNumber } from '../arguments.js'
import { type CommonOptions, type Context, readEnvironment, runCommand } from '../context.js'
import type { DemoDataset } from '../demo-dataset.js'
import { hitCard, hitLine } from '../hits.js'
import type { IngestOptions } from '../ingest-run.js'
import { openEncoder } from '../model-files.js'
import { bars, formatDuration } from '../output.js'
import { Progress } from '../progress.js'
import { modelToSearch } from '../search-model.js'
import { requireTextTower } from '../text-tower.js'
import { sampleCards } from './labels.js'

const SCENE_SEARCHES = ['a red house in the snow', 'a boat at night', 'a cat in a room']
const PHOTO_SEARCHES = ['dog in the snow', 'a city at night', 'a cup of coffee on a table']
const HITS = 10
const SAMPLE = 4

interface Options extends CommonOptions {
  photos?: string
  count: number
  workers: number
  folder: string
}

export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description('The whole pipeline once: dataset, queue, workers, labels, search, a page with the pictures.')
    .option(
      '--photos <input>',
      'your photos instead of rendered scenes (a folder, CSV, TSV or URL list), with real CLIP',
    )
    .option('--count <n>', 'scenes to render, or photos to take', wholeNumber(20, 100_000), 300)
    .option('--workers <n>', 'worker processes', wholeNumber(1, 64), 2)
    .option('--folder <folder>', 'everything the demo makes goes here; emptied first', '.demo')
    .option('--model <name>', 'model (default: demo for rendered scenes, else the setting MODEL)')
    .option('--json', 'print one JSON object a line')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip demo
  unsplash-clip demo --photos ./my-photos

The rendered scenes use the demo model: it is small, comes with the package and understands rendered scenes, not
photographs. Your own photos use CLIP ViT-B/32, which is fetched once (154 MB).
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some photos failed.`,
    )
    .action(async (options: Options) => {
      const home = resolve(options.folder)
      // Downloaded models are kept where every other command finds them, not in a folder that the next demo empties.
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
      process.exitCode = await runCommand(options, overrides, context => demo(context, home, options))
    })
}

async function demo(context: Context, home: string, options: Options): Promise<number> {
  const startedAt = Date.now()
  const { app, out } = context
  requireTextTower(context, 'show the demo, which labels photos and searches with words', 'Choose another --model.')
  await app.stopEmbedded()
  await rm(home, { recursive: true, force: true })
  const scenes = options.photos === undefined ? await renderScenes(context, home, options.count) : null
  try {
    const input = scenes?.tsv ?? options.photos!
    out.text(
      `\nIngest ${relative('', input) || input}: queue → ${options.workers} worker processes → Postgres with pgvector\n`,
    )
    const environment = {
      ...context.environment,
      ALLOW_HOSTS: [context.environment.ALLOW_HOSTS, scenes?.host].filter(Boolean).join(','),
    }
    const { ingest } = await import('../ingest-run.js')
    const exitCode = await ingest({ ...context, environment }, ingestOptions(input, options))
    const page = await show(context, scenes)
    const file = resolve(home, 'demo.html')
    await writeFile(file, page)
    const command = `UNSPLASH_CLIP_HOME=${relative('', home)} npx unsplash-clip search "a yellow car" --model ${modelKey(app.modelSpec)}`
    out.result(
      { page: file, seconds: (Date.now() - startedAt) / 1000 },
      `\nDone in ${formatDuration((Date.now() - startedAt) / 1000)}. The page with the pictures: ${file}\nSearch on: ${command}`,
    )
    return exitCode
  } finally {
    await scenes?.close()
    await app.stopEmbedded()
  }
}

async function renderScenes({ out, signal }: Context, home: string, count: number): Promise<DemoDataset> {
  out.text(`Render ${count} scenes as a dataset in Unsplash’s TSV format, served on loopback`)
  const progress = new Progress('render')
  const { createDemoDataset } = await import('../demo-dataset.js')
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
    workers: options.workers,
    wait: true,
    madeForModel: options.photos === undefined,
  }
}

/** Prints histograms and searches, and gives the page that shows them with the pictures. */
async function show(context: Context, scenes: DemoDataset | null): Promise<string> {
  const { app, out } = context
  const model = await modelToSearch(context)
  const { labels, search } = await app.repositories()
  const sections: PhotoSection[] = []
  out.text('\nLabels, predicted zero-shot')
  for (const set of await labels.labelSets(model.id)) {
    const counts = (await labels.histogram(model.id, set.name)).map(({ label, photos }) => ({ label, count: photos }))
    const right = scenes ? await shareRight(context, set.name, scenes) : null
    const note =
      right === null
        ? `Prompts: “${set.template}”.`
        : `Prompts: “${set.template}”. ${(100 * right).toFixed(1)} % agree with what was rendered.`
    out.result({ label_set: set.name, counts, agreement: right }, `\n${set.name}: ${note}\n${bars(counts)}`)
    const cards = await sampleCards(context, model.id, await labels.sample(model.id, set.name, SAMPLE, 0))
    sections.push({ heading: `Labels: ${set.name}`, note, bars: counts, cards })
  }
  out.text('\nSearch')
  const store = await app.store()
  const encoder = await openEncoder(context, 'text')
  const searches: PhotoSection[] = []
  for (const text of scenes ? SCENE_SEARCHES : PHOTO_SEARCHES) {
    const [query] = await encoder.encodeTexts([text])
    const hits = await search.search(model.id, query!, { k: HITS })
    out.result({ search: text, hits: hits.map(hit => ({ photo_id: hit.photoId, score: hit.score })) }, `\n“${text}”`)
    for (const [index, hit] of hits.slice(0, 3).entries()) out.text(hitLine(index + 1, hit))
    searches.push({ heading: `“${text}”`, cards: await Promise.all(hits.map(hit => hitCard(hit, store))) })
  }
  const what = scenes
    ? 'Rendered scenes, embedded and labelled by the demo model, which understands rendered scenes, not photographs.'
    : `Embedded and labelled by ${modelKey(model.identity)}.`
  return renderPhotoPage({
    title: 'unsplash-clip demo',
    intro: `${what} Scores are cosine similarities.`,
    sections: [...searches, ...sections],
  })
}

/** Share of the scenes whose predicted label is the rendered one; null for a label set the scenes know nothing of. */
async function shareRight({ app }: Context, setName: string, { scenes }: DemoDataset): Promise<number | null> {
  const truth = setName === 'taken_time' ? 'time' : setName === 'taken_space' ? 'space' : null
  if (truth === null) return null
  const { search } = await app.repositories()
  let right = 0
  for (const [id, scene] of scenes) {
    const details = await search.photo(id)
    if (details?.states[0]?.labels[setName]?.label === scene.truth[truth]) right++
  }
  return right / scenes.size
}
