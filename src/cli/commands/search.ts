import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { AppError } from '../../domain/errors.js'
import { modelKey } from '../../domain/model.js'
import type { Hit, SearchOptions } from '../../domain/ports/repository.js'
import { renderPhotoPage } from '../../http/photo-page.js'
import { collect, columnFilter, labelFilter, wholeNumber } from '../arguments.js'
import { type CommonOptions, type Context, runCommand } from '../context.js'
import { hitCard, hitLine } from '../hits.js'
import { openEncoder } from '../model-files.js'
import { loadQueryImage } from '../query-image.js'
import { modelToSearch } from '../search-model.js'

interface Options extends CommonOptions {
  image?: string
  photo?: string
  count: number
  offset: number
  label?: string[]
  where?: string[]
  html?: string
  allowHost?: string[]
}

export function addSearchCommand(program: Command): void {
  program
    .command('search')
    .description('Find photos by meaning: from words, from an image, or from a photo of the collection.')
    .argument('[text]', 'what to look for, in words')
    .option('--image <file|url>', 'find photos like this image')
    .option('--photo <id>', 'find photos like this one of the collection')
    .option('-k, --count <n>', 'how many', wholeNumber(1, 10_000), 10)
    .option('--offset <n>', 'skip the first n', wholeNumber(0, 1_000_000), 0)
    .option(
      '--label <set=label[:score]>',
      'only photos with this label, optionally with a least score; repeatable',
      collect,
    )
    .option(
      '--where <condition>',
      'only photos whose metadata match: COLUMN and = != < <= > >= or ~ (contains); repeatable',
      collect,
    )
    .option('--model <name>', 'model whose embeddings are searched')
    .option('--html <file>', 'write a page with the pictures')
    .option(
      '--allow-host <host[:port]>',
      'with --image URL: may be reached although its address is private; repeatable',
      collect,
    )
    .option('--json', 'print one JSON object a line')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip search "dog in the snow" -k 20 --label taken_time=night --html hits.html
  unsplash-clip search --photo iflUHY8zMYc --where "exif_iso>=800" --where photo_location_country=Norway

Scores are cosine similarities. Exit codes: 0 done (also with no hit), 1 failed, 2 wrong usage.`,
    )
    .action(async (text: string | undefined, options: Options) => {
      const overrides = { ALLOW_HOSTS: options.allowHost?.join(',') }
      process.exitCode = await runCommand(options, overrides, context => search(context, text, options))
    })
}

async function search(context: Context, text: string | undefined, options: Options): Promise<number> {
  const query = chooseQuery(text, options)
  const searchOptions: SearchOptions = {
    k: options.count,
    offset: options.offset,
    labels: (options.label ?? []).map(labelFilter),
    where: (options.where ?? []).map(columnFilter),
  }
  const model = await modelToSearch(context)
  const { search: repository } = await context.app.repositories()
  const hits =
    query.kind === 'photo'
      ? await repository.similar(model.id, query.value, searchOptions)
      : await repository.search(model.id, await embedQuery(context, query), searchOptions)

  hits.forEach((hit, index) => {
    const rank = options.offset + index + 1
    context.out.result(hitObject(rank, hit), hitLine(rank, hit))
  })
  if (hits.length === 0) context.out.text('No photo matches.')
  if (options.html) {
    const store = await context.app.store()
    const page = renderPhotoPage({
      title: query.title,
      intro: `${hits.length} photos by falling cosine similarity, found with ${modelKey(model.identity)}.`,
      sections: [{ heading: 'Photos', cards: await Promise.all(hits.map(hit => hitCard(hit, store))) }],
    })
    await writeFile(options.html, page)
    context.out.note(`Wrote ${options.html}`)
  }
  return 0
}

type Query = { kind: 'text' | 'image' | 'photo'; value: string; title: string }

function chooseQuery(text: string | undefined, { image, photo }: Options): Query {
  const given: Query[] = []
  if (text !== undefined && text.trim() !== '') given.push({ kind: 'text', value: text, title: text })
  if (image !== undefined) given.push({ kind: 'image', value: image, title: `Like ${image}` })
  if (photo !== undefined) given.push({ kind: 'photo', value: photo, title: `Like photo ${photo}` })
  if (given.length !== 1)
    throw new AppError(
      'USAGE',
      `search expects one of: words, --image FILE|URL, --photo ID; found ${given.length === 0 ? 'none' : given.map(q => q.kind).join(' and ')}`,
    )
  return given[0]!
}

async function embedQuery(context: Context, query: Query): Promise<Float32Array> {
  if (query.kind === 'text') {
    const encoder = await openEncoder(context, 'text')
    return (await encoder.encodeTexts([query.value]))[0]!
  }
  const encoder = await openEncoder(context, 'image')
  return (await encoder.encodeImages([await loadQueryImage(context, query.value, encoder.imageSize)]))[0]!
}

function hitObject(rank: number, hit: Hit): object {
  return {
    rank,
    photo_id: hit.photoId,
    score: hit.score,
    labels: hit.labels,
    stored_key: hit.storedKey,
    photo: hit.photo,
  }
}
