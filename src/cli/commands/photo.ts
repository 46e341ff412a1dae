import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { AppError, explainFailure } from '../../domain/errors.js'
import type { PhotoDetails } from '../../domain/ports/search.js'
import type { ImageDescription } from '../../workers/describe-image.js'
import { type CommonOptions, type Context, runCommand } from '../context.js'
import { formatBytes, formatCount, formatScore, oneLine, table } from '../output.js'
import { loadQueryImage, withImage } from '../query-image.js'

export function addPhotoCommand(program: Command): void {
  const photo = program
    .command('photo')
    .helpCommand(false)
    .description('Show what is known of a photo, what a model sees of an image, what an image file is.')
    .usage('[show] <id> | preprocess <file> --out <png> | info <file>')
    .addHelpText(
      'after',
      `
\`photo ID\` is short for \`photo show ID\`; write it out for a photo whose id is the name of a command.

Examples:
  unsplash-clip photo iflUHY8zMYc
  unsplash-clip photo -9NR0DxZ4PL --json
  unsplash-clip photo preprocess dog.jpg --out seen.png
  unsplash-clip photo info dog.jpg

Exit codes: 0 done, 1 no such photo, 2 wrong usage or no such image.`,
    )
  addShow(photo)
  addPreprocess(photo)
  addInfo(photo)
}

function addShow(photo: Command): void {
  photo
    .command('show', { isDefault: true })
    .description('Show all that is known of a photo: metadata, labels, stored copy, failures.')
    .argument('<id>', 'photo id')
    // Ids of Unsplash may begin with a hyphen.
    .allowUnknownOption()
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip photo show iflUHY8zMYc
  unsplash-clip photo -9NR0DxZ4PL --json

Exit codes: 0 done, 1 no such photo, 2 wrong usage.`,
    )
    .action(async (id: string, options: CommonOptions) => {
      process.exitCode = await runCommand(options, {}, context => showPhoto(context, id))
    })
}

function addPreprocess(photo: Command): void {
  photo
    .command('preprocess')
    .description('Write what a model’s image tower sees of an image: resized, cropped, RGB.')
    .argument('<file>', 'image file, or http(s) URL')
    .requiredOption('--out <png>', 'PNG to write, as large as the model’s input')
    .option('--model <model>', 'model whose input it is, for instance clip-vit-b-32')
    .option('--allow-host <host>', 'host (with :port) that may be reached although it is private or loopback')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip photo preprocess dog.jpg --out seen.png
  unsplash-clip photo preprocess https://example.org/dog.jpg --out seen.png --model clip-vit-b-32

PREPROCESS=fast shows what workers with that setting see. Exit codes: 0 done, 2 wrong usage or no such image.`,
    )
    .action(async (file: string, options: PreprocessOptions) => {
      const overrides = { ALLOW_HOSTS: options.allowHost }
      process.exitCode = await runCommand(options, overrides, context => writeSeen(context, file, options.out))
    })
}

interface PreprocessOptions extends CommonOptions {
  out: string
  allowHost?: string
}

function addInfo(photo: Command): void {
  photo
    .command('info')
    .description('Show what an image file is and what becomes of it: format, mode, size, EXIF, crop box, copy.')
    .argument('<file>', 'image file, or http(s) URL')
    .option('--model <model>', 'model whose input decides on size and crop box')
    .option('--allow-host <host>', 'host (with :port) that may be reached although it is private or loopback')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip photo info dog.jpg
  unsplash-clip photo info https://example.org/dog.jpg --json

Exit codes: 0 done, 2 wrong usage or no such image.`,
    )
    .action(async (file: string, options: CommonOptions & { allowHost?: string }) => {
      const overrides = { ALLOW_HOSTS: options.allowHost }
      process.exitCode = await runCommand(options, overrides, context => showImage(context, file))
    })
}

async function showPhoto({ app, out }: Context, id: string): Promise<number> {
  const { search } = await app.repositories()
  const details = await search.photo(id)
  if (details === null) throw new AppError('NOT_FOUND', `The database has no photo ${JSON.stringify(id)}.`)
  out.result(details, describe(details, app.storeLocation))
  return 0
}

async function writeSeen(context: Context, file: string, png: string): Promise<number> {
  const { default: sharp } = await import('sharp')
  const { input } = context.app.modelSpec
  const pixels = await loadQueryImage(context, file, input)
  const raw = { width: input.size, height: input.size, channels: 3 } as const
  await writeFile(png, await sharp(pixels, { raw }).png().toBuffer()).catch((error: NodeJS.ErrnoException) => {
    throw new AppError('USAGE', `--out expects a file that can be written, found ${JSON.stringify(png)}: ${error.code}`)
  })
  context.out.result({ file, out: png, ...input }, `Wrote ${png}: ${input.size}×${input.size} pixels, RGB.`)
  return 0
}

async function showImage(context: Context, file: string): Promise<number> {
  const { app, out } = context
  const { MAX_IMAGE_PIXELS: maxPixels, COPY_HEIGHT: height, COPY_QUALITY: quality } = app.config
  const { input } = app.modelSpec
  const described = await withImage(context, file, async image => {
    const { describeImage } = await import('../../workers/describe-image.js')
    return await describeImage(image, { input, maxPixels, copy: { height, quality } })
  })
  out.result({ file, ...described }, describeFile(described))
  return 0
}

function describeFile(image: ImageDescription): string {
  const { resized, cropBox } = image
  const rows: [string, string][] = [
    ['format', `${image.format}${image.progressive ? ', progressive' : ''}, ${formatBytes(image.bytes)}`],
    ['mode', `${image.mode}, ${image.bitsPerChannel} bits a channel`],
    ['size', `${image.width}×${image.height} (${formatCount(image.width * image.height)} pixels)`],
    ['orientation', image.orientation === 1 ? '1: upright' : `${image.orientation}: turned upright`],
    ['frames', image.frames === 1 ? '1' : `${image.frames}, the first counts`],
    ['colour profile', image.colourProfile ?? 'none'],
    ...Object.entries(image.exif)
      .filter(([field]) => field !== 'orientation')
      .map(([field, value]): [string, string] => [`EXIF ${field}`, String(value)]),
    ['resized to', `${resized.width}×${resized.height}`],
    ['crop box', `${cropBox.width}×${cropBox.height} pixels at (${cropBox.left}, ${cropBox.top})`],
    ['stored copy', image.copy],
  ]
  return table(['what', 'value'], rows)
}

function describe({ photo, states }: PhotoDetails, storeLocation: string): string {
  const metadata = Object.entries(photo)
    .filter(([, value]) => value !== null)
    .map(([column, value]) => [column, String(value)])
  const models = states.map(state => {
    const lines = [`\n${state.modelKey}`]
    if (state.embeddedAt) lines.push(`  embedded ${state.embeddedAt.toISOString()}`)
    if (state.storedKey) lines.push(`  copy     ${storeLocation}/${state.storedKey}`)
    for (const [set, { label, score: best, scores }] of Object.entries(state.labels)) {
      const all = Object.entries(scores).map(([name, score]) => `${name} ${formatScore(score, best)}`)
      lines.push(`  ${set}: ${label} (${all.join(', ')})`)
    }
    if (state.failure) {
      const { code, message, attempts } = state.failure
      lines.push(
        `  failed after ${attempts} ${attempts === 1 ? 'try' : 'tries'}: ${code}: ${oneLine(message)}`,
        `  ${explainFailure(code)}`,
      )
    }
    return lines.join('\n')
  })
  if (states.length === 0) models.push('\nNot embedded by any model yet.')
  return [table(['column', 'value'], metadata), ...models].join('\n')
}
