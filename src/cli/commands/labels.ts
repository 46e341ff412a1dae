import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { AppError } from '../../domain/errors.js'
import type { LabelSet } from '../../domain/labels.js'
import { type ModelIdentity, modelKey } from '../../domain/model.js'
import type { ModelId } from '../../domain/ports/repository.js'
import { type PhotoCard, renderPhotoPage } from '../../http/photo-page.js'
import { wholeNumber } from '../arguments.js'
import { type CommonOptions, type Context, runCommand } from '../context.js'
import { writeCsv } from '../csv.js'
import { photoCard } from '../hits.js'
import { bars, formatScore, table } from '../output.js'
import { LABEL_COLUMNS, labelRows } from '../photo-csv.js'
import { modelToSearch } from '../search-model.js'
import { hasTextTower, requireTextTower } from '../text-tower.js'

/** Photos in memory at once while a table is written. */
const PAGE_SIZE = 1000

interface Options extends CommonOptions {
  sample?: number
  seed: number
  html?: string
  csv?: string
}

export function addLabelsCommand(program: Command): void {
  program
    .command('labels')
    .description('Show the predicted labels: their histogram, and random photos of each to check.')
    .argument('[set]', 'name of a label set; left out: list the label sets')
    .option('--sample <n>', 'show n random photos of each label', wholeNumber(1, 1000))
    .option('--seed <n>', 'seed of --sample', wholeNumber(0, 2_147_483_647), 0)
    .option(
      '--html <file>',
      'write a page with the histogram and the sample (4 a label unless --sample says otherwise)',
    )
    .option('--csv <file>', 'write every photo with its label, score and metadata as a table')
    .option('--model <name>', 'model whose labels are shown')
    .option('--json', 'print one JSON object a line')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip labels taken_time
  unsplash-clip labels taken_time --sample 4 --html taken_time.html
  unsplash-clip labels taken_time --csv taken_time.csv

Exit codes: 0 done, 1 failed, 2 wrong usage.`,
    )
    .action(async (set: string | undefined, options: Options) => {
      process.exitCode = await runCommand(options, {}, context => showLabels(context, set, options))
    })
}

async function showLabels(context: Context, name: string | undefined, options: Options): Promise<number> {
  const model = await modelToSearch(context)
  const { labels } = await context.app.repositories()
  const sets = await labels.labelSets(model.id)
  if (name === undefined) return list(context, sets)
  const set = sets.find(known => known.name === name)
  if (!set) {
    requireTextTower(context, `predict ${name}`, 'Name a model with a text tower: --model NAME.')
    throw new AppError(
      'NOT_FOUND',
      `No photo is labelled with ${JSON.stringify(name)} for ${modelKey(model.identity)}; known: ${sets.map(s => s.name).join(', ') || 'none'}. Predict it first: unsplash-clip label ${name}`,
    )
  }
  const size = options.sample ?? (options.html ? 4 : 0)
  const counts = (await labels.histogram(model.id, name)).map(({ label, photos }) => ({ label, count: photos }))
  const sample = size > 0 ? await labels.sample(model.id, name, size, options.seed) : []

  if (context.out.json) {
    for (const { label, count } of counts) context.out.result({ set: name, label, photos: count }, '')
    for (const { photoId, label, score } of sample)
      context.out.result({ set: name, label, photo_id: photoId, score }, '')
  } else {
    context.out.text(`${name}: "${set.template}"\n\n${bars(counts)}`)
    if (sample.length > 0) {
      const rows = sample.map(({ label, photoId, score }) => [label, photoId, formatScore(score)])
      context.out.text(`\n${table(['label', 'photo', 'score'], rows)}`)
    }
  }
  if (options.csv) {
    await writeCsv(options.csv, LABEL_COLUMNS, labelRows(labels.labelledPhotos(model.id, name, PAGE_SIZE)))
    context.out.note(`Wrote ${options.csv}`)
  }
  if (options.html) {
    const cards = await sampleCards(context, model.id, sample)
    const sections = counts.map(({ label }) => ({
      heading: label,
      cards: cards.filter(card => card.labels[0]?.label === label),
    }))
    const page = renderPhotoPage({
      title: name,
      intro: `Labels predicted zero-shot by ${modelKey(model.identity)} with the prompts “${set.template}”, and random photos of each.${scoringNote(model.identity)}`,
      sections: [{ heading: 'Histogram', bars: counts }, ...sections],
    })
    await writeFile(options.html, page)
    context.out.note(`Wrote ${options.html}`)
  }
  return 0
}

/** Shares of a softmax are what one expects of scores. */
function scoringNote({ scoring }: ModelIdentity): string {
  if (scoring === 'softmax') return ''
  return ' Each score says how well that prompt alone fits: scores do not add up to 100 %, and small ones are usual.'
}

function list(context: Context, sets: LabelSet[]): number {
  const { out } = context
  for (const set of sets) out.result(set, `${set.name}: "${set.template}": ${set.labels.join(', ')}`)
  if (sets.length === 0)
    out.text(
      hasTextTower(context)
        ? 'No label set was predicted yet. Predict one: unsplash-clip label taken_time'
        : `${modelKey(context.app.modelSpec)} embeds images alone: no labels are predicted.`,
    )
  return 0
}

/** Cards of sampled photos; the only label of each is the one it was sampled for. */
export async function sampleCards(
  { app }: Context,
  modelId: ModelId,
  sample: { photoId: string; label: string; score: number }[],
): Promise<PhotoCard[]> {
  const { search } = await app.repositories()
  const store = await app.store()
  const cards = sample.map(async ({ photoId, label, score }) => {
    const details = await search.photo(photoId)
    if (details === null) return null
    const state = details.states.find(s => s.modelId === modelId)
    const card = await photoCard(details.photo, state?.storedKey ?? null, store)
    return { ...card, labels: [{ set: '', label, score }] }
  })
  return (await Promise.all(cards)).filter(card => card !== null)
}
