import type { Command } from 'commander'
import { explainFailure } from '../../domain/errors.js'
import type { PhotoDetails } from '../../domain/ports/search.js'
import { formatBytes, formatCount } from '../../domain/text/format.js'
import type { ImageDescription } from '../../images/describe-image.js'
import { prepareImage, withImageErrors } from '../../search/query-image.js'
import { type CommonOptions, type Context, runCommand } from '../context.js'
import { openSearch } from '../open-search.js'
import { readImage } from '../options/image-argument.js'
import { addWhereOption } from '../options/where-option.js'
import { formatScore, oneLine, table } from '../print/output.js'
import { checkOutputFiles, writeOutputFile } from '../print/output-file.js'
import type { RemoveOptions } from '../removal/remove-photos.js'

export function addPhotoCommand(program: Command): void {
  const photo = program
    .command('photo')
    .helpCommand(false)
    .description(
      'Show or remove photos; show the input that a model gets of an image, or the properties of an image file.',
    )
    .usage('[show] <id> | rm <id…> | preprocess <file> --out <png> | info <file>')
    .addHelpText(
      'after',
      `
\`photo ID\` is short for \`photo show ID\`; use the long form when the id is the name of a command.

Examples:
  unsplash-clip photo iflUHY8zMYc
  unsplash-clip photo -9NR0DxZ4PL --json
  unsplash-clip photo preprocess dog.jpg --out seen.png
  unsplash-clip photo info dog.jpg
  unsplash-clip photo rm iflUHY8zMYc

Exit codes: 0 done, 1 no such photo, 2 wrong usage or no such image.`,
    )
  addShow(photo)
  addRemove(photo)
  addPreprocess(photo)
  addInfo(photo)
}

function addShow(photo: Command): void {
  photo
    .command('show', { isDefault: true })
    .description('Show a photo: metadata, labels, stored copy, failures.')
    .argument('<id>', 'photo id')
    // Unsplash ids may begin with a hyphen.
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

function addRemove(photo: Command): void {
  addWhereOption(
    photo
      .command('rm')
      .description('Remove photos from the database, with embeddings, labels and stored copies. Original files stay.')
      .argument('[ids...]', 'photo ids')
      // Unsplash ids may begin with a hyphen.
      .allowUnknownOption(),
  )
    .option(
      '--from <file>',
      'photos in this list: one id, page or image URL, or path of an own photo per line; -: stdin',
    )
    .option('--dry-run', 'only count the photos')
    .option('--yes', 'do not ask for confirmation')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip photo rm iflUHY8zMYc -9NR0DxZ4PL
  unsplash-clip photo rm --where photographer_username=somebody --dry-run
  unsplash-clip photo rm --from takedown.txt --yes

Searches go on meanwhile. After an interruption the same command removes the rest. A later ingest of an input that still has
a removed photo brings it back.
Exit codes: 0 done, 1 no such photo or not confirmed, 2 wrong usage.`,
    )
    .action(async (ids: string[], options: CommonOptions & RemoveOptions) => {
      process.exitCode = await runCommand(options, {}, async context => {
        const { removeChosenPhotos } = await import('../removal/remove-photos.js')
        return removeChosenPhotos(context, ids, options)
      })
    })
}

function addPreprocess(photo: Command): void {
  photo
    .command('preprocess')
    .description('Write the input that a model’s image tower gets of an image: resized, cropped, RGB.')
    .argument('<file>', 'image file, or http(s) URL')
    .requiredOption('--out <png>', 'PNG to write, in the size of the model’s input')
    .option('--model <model>', 'model that gets the input, for example clip-vit-b-32')
    .option('--allow-host <host>', 'host (with :port) to allow although its address is private or loopback')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
Examples:
  unsplash-clip photo preprocess dog.jpg --out seen.png
  unsplash-clip photo preprocess https://example.org/dog.jpg --out seen.png --model clip-vit-b-32

Set PREPROCESS=fast to see the input of workers with that setting. Exit codes: 0 done, 2 wrong usage or no such image.`,
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
    .description('Show an image file and its processing: format, mode, size, EXIF, crop box, copy.')
    .argument('<file>', 'image file, or http(s) URL')
    .option('--model <model>', 'model whose input determines size and crop box')
    .option('--allow-host <host>', 'host (with :port) to allow although its address is private or loopback')
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

async function showPhoto(context: Context, id: string): Promise<number> {
  const details = await (await openSearch(context)).photo(id)
  context.out.result(details, describe(details, context.app.storeLocation))
  return 0
}

async function writeSeen(context: Context, file: string, png: string): Promise<number> {
  await checkOutputFiles({ '--out': png })
  const { default: sharp } = await import('sharp')
  const { models, config } = context.app
  const { input } = models.spec
  const image = await readImage(context, file)
  const { MAX_IMAGE_PIXELS: maxPixels, PREPROCESS: mode, JPEG_DECODER: jpegDecoder } = config
  const pixels = await prepareImage(image, input, { maxPixels, mode, jpegDecoder })
  const raw = { width: input.size, height: input.size, channels: 3 } as const
  await writeOutputFile(png, await sharp(pixels, { raw }).png().toBuffer())
  context.out.result({ file, out: png, ...input }, `Wrote ${png}: ${input.size}×${input.size} pixels, RGB.`)
  return 0
}

async function showImage(context: Context, file: string): Promise<number> {
  const { app, out } = context
  const { MAX_IMAGE_PIXELS: maxPixels, COPY_HEIGHT: height, COPY_QUALITY: quality } = app.config
  const { input } = app.models.spec
  const { describeImage } = await import('../../images/describe-image.js')
  const { bytes } = await readImage(context, file)
  const described = await withImageErrors(file, () =>
    describeImage(bytes, { input, maxPixels, copy: { height, quality } }),
  )
  out.result({ file, ...described }, describeFile(described))
  return 0
}

function describeFile(image: ImageDescription): string {
  const { resized, cropBox } = image
  const rows: [string, string][] = [
    ['format', `${image.format}${image.progressive ? ', progressive' : ''}, ${formatBytes(image.bytes)}`],
    ['mode', `${image.mode}, ${image.bitsPerChannel} bits per channel`],
    ['size', `${image.width}×${image.height} (${formatCount(image.width * image.height)} pixels)`],
    ['orientation', image.orientation === 1 ? '1: upright' : `${image.orientation}: rotated upright`],
    ['frames', image.frames === 1 ? '1' : `${image.frames}, the first is used`],
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
